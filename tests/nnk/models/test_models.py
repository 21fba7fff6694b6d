"""What every kind of model must do: batches, files, elements by name, errors."""

import json

import numpy as np
import pytest

from nnk.environment import gather, gather_jumps
from nnk.lattice import Lattice
from nnk.models import BalancedModel, load
from nnk.models.program import DenseStack, evaluate

LATTICE = Lattice.bcc((5, 6, 5), 3.2)


def random_state(seed, n_species=3):
    rng = np.random.default_rng(seed)
    occupancy = rng.integers(1, n_species + 1, LATTICE.n_sites).astype(np.uint8)
    site = int(rng.integers(LATTICE.n_sites))
    occupancy[site] = 0
    return occupancy, site


def test_batch_equals_single(make_model):
    model = make_model()
    rng = np.random.default_rng(1)
    occupancies = rng.integers(1, 4, (2, LATTICE.n_sites)).astype(np.uint8)
    sample, site, jump = rng.integers(0, [2, LATTICE.n_sites, 8], (30, 3)).T
    species, mover = gather_jumps(model.environment, LATTICE, occupancies, sample, site, jump)
    batch = model.predict(species, mover, jump.astype(np.uint8))
    assert batch.dtype == np.float64
    for i in range(30):
        occupancy = occupancies[sample[i]].copy()
        occupancy[site[i]] = 0
        one = model.barriers(occupancy, int(site[i]), LATTICE)
        assert one.shape == (8,)
        assert one[jump[i]] == pytest.approx(batch[i], abs=1e-12)


def test_translation_does_not_matter(make_model):
    model = make_model()
    occupancy, site = random_state(2)
    moved = np.empty_like(occupancy)
    shift = np.array([3, -1, 5])
    targets = LATTICE.site_at(LATTICE.coordinates + shift)
    moved[targets] = occupancy
    expected = model.barriers(occupancy, site, LATTICE)
    np.testing.assert_allclose(model.barriers(moved, int(targets[site]), LATTICE), expected, atol=1e-12)


def test_far_atoms_do_not_matter_and_near_ones_do(make_model):
    model = make_model()
    lattice = Lattice.bcc((8, 8, 8), 3.2)
    occupancy = np.random.default_rng(3).integers(1, 4, lattice.n_sites).astype(np.uint8)
    occupancy[0] = 0
    near = np.unique(lattice.sites_around(0, model.environment.offsets))
    far = np.setdiff1d(np.arange(1, lattice.n_sites), np.append(near, lattice.neighbours[0]))
    expected = model.barriers(occupancy, 0, lattice)
    changed = occupancy.copy()
    changed[far] = changed[far] % 3 + 1
    np.testing.assert_array_equal(model.barriers(changed, 0, lattice), expected)
    changed[near] = changed[near] % 3 + 1
    assert (np.abs(model.barriers(changed, 0, lattice) - expected) > 1e-6).all()


def test_file_round_trip_is_exact(make_model, tmp_path):
    model = make_model(seed=5)
    model.save(tmp_path / "models" / "main")
    again = load(tmp_path / "models" / "main")
    assert type(again) is type(model)
    assert again.describe() == model.describe()
    for name, array in model.tensors().items():
        assert again.tensors()[name].dtype == array.dtype
        np.testing.assert_array_equal(again.tensors()[name], array)
    occupancy, site = random_state(4)
    expected = model.barriers(occupancy, site, LATTICE)
    np.testing.assert_array_equal(again.barriers(occupancy, site, LATTICE), expected)
    assert not [path for path in (tmp_path / "models" / "main").iterdir() if ".part" in path.name]


def test_elements_are_matched_by_name(make_model):
    model = make_model()
    occupancy, site = random_state(5)
    for elements in (("Mo", "Nb", "Ta"), ("Ta", "Nb", "Mo")):
        numbers = np.array([0, *(elements.index(name) + 1 for name in model.elements)], dtype=np.uint8)
        other = model.remap(elements)
        expected = model.barriers(occupancy, site, LATTICE)
        np.testing.assert_allclose(other.barriers(numbers[occupancy], site, LATTICE), expected, atol=1e-12)
        program = evaluate(other.compiled(), LATTICE, numbers[occupancy], site)
        np.testing.assert_allclose(program, expected, atol=1e-9)
        again = other.remap(model.elements).tensors()
        for name, array in model.tensors().items():
            np.testing.assert_array_equal(again[name], array)


def test_a_model_serves_an_alloy_of_fewer_elements(make_model):
    model = make_model()
    occupancy, site = random_state(6, n_species=2)  # of (Ta, Nb)
    numbers = np.array([0, 3, 1], dtype=np.uint8)
    np.testing.assert_allclose(
        model.remap(("Ta", "Nb")).barriers(occupancy, site, LATTICE),
        model.barriers(numbers[occupancy], site, LATTICE),
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("elements", "message"),
    [(("Nb", "W"), "does not know W: its elements are Nb, Mo, Ta"), (("Nb", "Nb"), "once")],
)
def test_unknown_elements_are_refused(make_model, elements, message):
    with pytest.raises(ValueError, match=message):
        make_model().remap(elements)


def test_states_that_do_not_fit_are_refused(make_model):
    model = make_model()
    occupancy, site = random_state(7)
    with pytest.raises(ValueError, match="no vacancy there"):
        model.barriers(occupancy, (site + 1) % LATTICE.n_sites, LATTICE)
    for outside in (-1, LATTICE.n_sites):
        with pytest.raises(ValueError, match="vacancy_site"):
            model.barriers(occupancy, outside, LATTICE)
    with pytest.raises(ValueError, match="expected shape"):
        model.barriers(occupancy[1:], site, LATTICE)
    small = Lattice.bcc((2, 5, 5), 3.2)
    with pytest.raises(ValueError, match="at least 3 cells"):
        model.barriers(np.zeros(small.n_sites, np.uint8), 0, small)
    occupancy[(site + 1) % LATTICE.n_sites] = 4
    with pytest.raises(ValueError, match="the model knows 3"):
        model.barriers(occupancy, site, LATTICE)


def test_no_jump_into_another_vacancy(make_model):
    model = make_model()
    occupancy, site = random_state(8)
    occupancy[LATTICE.neighbours[site, 2]] = 0
    for barriers in (
        model.barriers(occupancy, site, LATTICE),
        evaluate(model.compiled(), LATTICE, occupancy, site),
    ):
        assert np.isinf(barriers[2])
        assert np.isfinite(np.delete(barriers, 2)).all()


def test_description_names_the_model(make_model):
    description = make_model().describe()
    assert description["elements"] == ["Nb", "Mo", "Ta"]
    assert description["source"] == "invented"
    assert description["detailed_balance"] == (description["kind"] == "detailed-balance")


def test_damaged_models_are_refused(make_model, tmp_path):
    make_model().save(tmp_path)
    header = json.loads((tmp_path / "model.json").read_text())
    for change, message in (({"format_version": 99}, "format_version"), ({"kind": "oracle"}, "oracle")):
        (tmp_path / "model.json").write_text(json.dumps(header | change))
        with pytest.raises(ValueError, match=message):
            load(tmp_path)
    without = {name: value for name, value in header.items() if name != "weights_sha256"}
    for text, message in (
        (json.dumps(header)[:90], "damaged"),
        ("", "damaged"),
        ("[]", "format_version"),
        (json.dumps(without), "weights_sha256 missing"),
    ):
        (tmp_path / "model.json").write_text(text)
        with pytest.raises(ValueError, match=rf"model\.json.*{message}"):
            load(tmp_path)
    other = {"detailed-balance": "mlp", "mlp": "detailed-balance"}[header["kind"]]
    (tmp_path / "model.json").write_text(json.dumps(header | {"kind": other}))
    with pytest.raises(ValueError, match="needs the array"):
        load(tmp_path)
    (tmp_path / "model.json").write_text(json.dumps(header))
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    with pytest.raises(ValueError, match="does not belong"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere")


def test_stack_against_plain_loops():
    rng = np.random.default_rng(0)
    stack = DenseStack(
        table=rng.normal(size=(4, 2, 3)).astype(np.float32),
        mover=rng.normal(size=(2, 3)).astype(np.float32),
        bias=rng.normal(size=3).astype(np.float32),
        hidden=((rng.normal(size=(3, 5)).astype(np.float32), rng.normal(size=5).astype(np.float32)),),
        out_weight=rng.normal(size=5).astype(np.float32),
        out_bias=0.25,
    )
    species, mover = np.array([[1, 0, 2, 2]], np.uint8), np.array([2], np.uint8)
    layer = [stack.bias[j] + stack.mover[1, j] for j in range(3)]
    for site, kind in enumerate(species[0]):
        if kind:
            layer = [layer[j] + stack.table[site, kind - 1, j] for j in range(3)]
    weight, bias = stack.hidden[0]
    layer = [bias[k] + sum(max(layer[j], 0) * weight[j, k] for j in range(3)) for k in range(5)]
    expected = 0.25 + sum(max(layer[k], 0) * stack.out_weight[k] for k in range(5))
    assert stack(species, mover)[0] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ValueError, match="out_weight"):
        DenseStack(**{**vars(stack), "out_weight": stack.out_weight[:-1]})


def test_using_a_model_needs_no_torch(make_balanced, tmp_path):
    import subprocess
    import sys

    make_balanced().save(tmp_path)
    code = f"import sys, nnk.models; nnk.models.load({str(tmp_path)!r}); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-P", "-c", code], check=True)
    assert isinstance(load(tmp_path), BalancedModel)


def test_gathered_rows_are_what_barriers_reads(make_model):
    model = make_model()
    occupancy, site = random_state(11)
    species, mover = gather(model.environment, LATTICE, occupancy, site)
    direct = model.predict(species, mover, np.arange(8, dtype=np.uint8))
    np.testing.assert_array_equal(model.barriers(occupancy, site, LATTICE), direct)
