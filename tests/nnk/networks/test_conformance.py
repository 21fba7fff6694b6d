"""What every kind of network must do, whichever the registry has: a new one is tested by being in it."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from nnk.environment import gather_jumps
from nnk.lattice import Lattice, reverse_jump
from nnk.models import frame_spread_eV, load
from nnk.networks.kinds import KINDS, network_class
from nnk.networks.options import Difference
from nnk.training import ModelSpec, TrainParameters, train
from nnk.training.backends import Backend
from nnk.training.loop import Trainer
from nnk.training.problem import Problem

ROUNDING_eV = 1e-5  # networks are evaluated in float32
QUICK = TrainParameters(
    epochs=2,
    batch_size=16,
    learning_rate=1e-2,
    checkpoint_epochs=1,
    seed=2,
    test_compositions=0,
    validation_fraction=0.2,
)
SMALL = {
    "sdm-cnn": {"layers": 4, "filters": 8, "half_edge_A": 4.0, "voxel_A": 1.0},
    "neuron-map-cnn": {"filters": [4, 4, 4, 4]},
    "neuron-map-mlp": {"hidden": [8, 8]},
}
CASES = [
    *((kind, SMALL.get(kind, {})) for kind in KINDS if kind != "fingerprint"),
    *(("fingerprint", {"difference": form, "hidden": [8]}) for form in get_args(Difference)),
]

pytestmark = pytest.mark.filterwarnings("ignore:.*wrap around:UserWarning")


@pytest.fixture(
    params=CASES, ids=[f"{kind}-{options.get('difference', '')}".strip("-") for kind, options in CASES]
)
def spec(request, shells):
    kind, options = request.param
    return ModelSpec("main", kind, shells, options)


@pytest.fixture(params=[("bcc", 5), ("fcc", 2)], ids=["bcc-5", "fcc-2"])
def barriers(request, labels):
    return labels(*request.param)


@pytest.fixture
def trained(spec, barriers):
    """A network as it is after an epoch of training, with weights far from their first values."""
    trainer = Trainer(Problem.of(barriers, spec, QUICK), Backend())
    trainer._epoch()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weights in trainer.trainable:
            noise = torch.randn(2, *weights.shape, generator=generator)
            n_inputs = max(1, weights.numel() // max(1, len(weights)))
            weights.mul_(1 + 0.3 * noise[0]).add_(0.3 / n_inputs**0.5 * noise[1])
    trainer.network.eval()
    return trainer


def in_closed_form(kind):
    return KINDS[kind].training.get("epochs") == 1


def exported(trainer):
    return trainer.network.export(trainer.start, {"source": "test"})


def inputs_of(model, barriers):
    lattice = Lattice(barriers.structure, barriers.cells, 1.0)
    index = (barriers.sample, barriers.vacancy_site, barriers.jump)
    return *gather_jumps(
        model.environment, lattice, barriers.occupancy, *(part.astype(np.int64) for part in index)
    ), barriers.jump


def test_the_model_says_what_the_network_says(trained, barriers):
    data, start = trained.problem.data, trained.start
    with torch.no_grad():
        output = trained.network(trained.labels.species, trained.labels.mover)
        one_way = trained.network.one_way(trained.labels.species, trained.labels.mover)
    torch.testing.assert_close(one_way.forward, output.forward, atol=1e-5, rtol=1e-5)
    model = exported(trained)
    lattice = Lattice(barriers.structure, barriers.cells, barriers.a_A[0])
    for i in range(0, len(data), 17):
        occupancy = barriers.occupancy[barriers.sample_key.index(data.sample[i])].copy()
        site, jump = int(data.vacancy_site[i]), int(data.jump[i])
        end = int(lattice.neighbours[site, jump])
        occupancy[site] = 0
        expected = start.E_fwd_eV[i] + start.scale_eV * float(output.forward[i])
        assert model.barriers(occupancy, site, lattice)[jump] == pytest.approx(expected, abs=ROUNDING_eV)
        occupancy[site], occupancy[end] = occupancy[end], 0
        back = int(reverse_jump(barriers.structure, jump))
        expected = start.E_bwd_eV[i] + start.scale_eV * float(output.backward[i])
        assert model.barriers(occupancy, end, lattice)[back] == pytest.approx(expected, abs=ROUNDING_eV)


def test_batch_equals_single(trained, barriers):
    model = exported(trained)
    species, mover, jump = inputs_of(model, barriers)
    batch = model.predict(species, mover, jump)
    assert batch.dtype == np.float64
    assert batch.std() > 5 * ROUNDING_eV
    single = [model.predict(species[i : i + 1], mover[i : i + 1], jump[i : i + 1])[0] for i in range(40)]
    np.testing.assert_allclose(batch[:40], single, atol=ROUNDING_eV)


def test_a_saved_model_says_the_same(trained, barriers, tmp_path):
    model = exported(trained)
    model.save(tmp_path)
    again = load(tmp_path)
    assert type(again) is type(model)
    assert again.describe() == model.describe()
    given = inputs_of(model, barriers)
    np.testing.assert_array_equal(again.predict(*given), model.predict(*given))


def test_the_same_in_all_frames_where_that_is_declared(trained, barriers):
    model = exported(trained)
    spread_eV = frame_spread_eV(model, *inputs_of(model, barriers))
    if trained.network.invariant:
        assert spread_eV < ROUNDING_eV
    else:
        assert spread_eV > ROUNDING_eV  # what is only learnt is not exact: declare it if it is


def test_detailed_balance_is_kept_where_it_is_declared(trained, barriers, closed_loop):
    model = exported(trained)
    assert model.detailed_balance == trained.network.detailed_balance
    lattice = Lattice(barriers.structure, (5, 5, 5), barriers.a_A[0])
    drifts = []
    for seed in range(2):
        occupancy, site, directions = closed_loop(lattice, 8, seed, n_species=len(barriers.elements))
        drift = 0.0
        for direction in directions:
            end = int(lattice.neighbours[site, direction])
            drift += model.barriers(occupancy, site, lattice)[direction]
            occupancy[site], occupancy[end] = occupancy[end], 0
            drift -= model.barriers(occupancy, end, lattice)[reverse_jump(lattice.structure, direction)]
            site = end
        drifts.append(abs(drift))
    if model.detailed_balance:
        assert max(drifts) < ROUNDING_eV
    else:
        assert max(drifts) > 10 * ROUNDING_eV


def test_elements_are_matched_by_name(trained, barriers, tmp_path):
    model = exported(trained)
    species, mover, jump = inputs_of(model, barriers)
    elements = model.elements[::-1]
    numbers = np.array([0, *(elements.index(name) + 1 for name in model.elements)], dtype=np.uint8)
    other = model.remap(elements)
    other.save(tmp_path)
    expected = model.predict(species, mover, jump)
    for found in (other, load(tmp_path)):
        assert found.elements == elements
        np.testing.assert_allclose(
            found.predict(numbers[species], numbers[mover], jump), expected, atol=ROUNDING_eV
        )


@pytest.mark.parametrize("backward", [True, False], ids=["both-ways", "forward-only"])
def test_it_learns_from_either_kind_of_label(spec, labels, backward, tmp_path):
    result = train(labels(backward=backward), spec, QUICK, tmp_path)
    assert [row["epoch"] for row in result.history] == [1, 2]
    assert result.metrics["train"]["n"] == result.metrics["train"]["labels"] * (1 + backward)
    first, second = (row["train_MAE_eV"] for row in result.history)
    assert second < first or in_closed_form(spec.kind)
    assert load(tmp_path).describe()["architecture"]["kind"] == spec.kind


class Killed(BaseException):
    """Stands for a process that ends at once."""


def test_a_resumed_training_is_an_unbroken_one(spec, labels, tmp_path):
    def die(row):
        raise Killed

    train(labels(), spec, QUICK, tmp_path / "whole")
    with pytest.raises(Killed):
        train(labels(), spec, QUICK, tmp_path / "killed", progress=die)
    train(labels(), spec, QUICK, tmp_path / "killed")
    for name in ("model.safetensors", "model.json", "history.csv", "predictions.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_recipe_of_its_authors_is_one_that_there_is(kind):
    parameters = TrainParameters(**KINDS[kind].training)
    for name in KINDS[kind].training:
        assert getattr(parameters, name) != getattr(TrainParameters, name)
    assert network_class(kind).reads in ("initial", "union")


def test_ensemble(spec, labels, tmp_path):
    several = replace(spec, members=2)
    result = train(labels(), several, QUICK, tmp_path)
    model = load(tmp_path)
    given = inputs_of(model, labels())
    members = model.members_predict(*given)
    np.testing.assert_array_equal(model.predict(*given), members.mean(axis=0))
    assert (np.abs(members[0] - members[1]).max() > 1e-6) != in_closed_form(spec.kind)
    splits = [(tmp_path / "members" / str(i) / "predictions.csv").read_text() for i in (0, 1)]
    labelled = [[row.rsplit(",", 1)[0] for row in text.splitlines()] for text in splits]
    assert labelled[0] == labelled[1]  # one split for all members
    assert result.metrics["validation"]["n"] > 0
