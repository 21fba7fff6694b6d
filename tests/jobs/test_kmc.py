"""Starts and models of kinetic Monte Carlo runs."""

import dataclasses

import numpy as np
import pytest

from jobs.kmc import _seed, model_of, start_of, trajectory_file
from jobs.unit import Unit, UnitItem
from nnk.environment import EnvironmentSpec
from nnk.files import Workdir
from nnk.kmc import run
from nnk.lattice import Lattice
from nnk.models import BalancedModel
from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack
from nnk.observables.pair_order import first_alpha


def unit_of(root, **settings):
    common = {
        "seed": 3,
        "elements": ["Nb", "Mo", "Ta"],
        "structure": "bcc",
        "cells": [4, 4, 4],
        "a_A": 3.24,
        "vacancies": 1,
    }
    return Unit("kmc", "u", root, 1, 1, {**common, **settings}, ())


def item_of(temperature_K=800.0, replica=0, start=None, **more):
    inputs = {
        "case": "c",
        "temperature_K": temperature_K,
        "replica": replica,
        "composition": {"Nb": 0.5, "Mo": 0.25, "Ta": 0.25},
        "start": start or {"kind": "random"},
        **more,
    }
    return UnitItem("c/T0800.0K/r000", "h", "g", inputs)


def file_start(path, frame="last"):
    return {"kind": "file", "file": str(path), "frame": frame}


def test_a_random_start_has_exact_counts_and_one_vacancy(tmp_path):
    lattice, occupancy = start_of(unit_of(tmp_path), item_of())
    assert lattice.a_A == 3.24
    assert (occupancy == 0).sum() == 1
    counts = np.bincount(occupancy, minlength=4)[1:]
    assert (np.array([64, 32, 32]) - counts).tolist() in ([1, 0, 0], [0, 1, 0], [0, 0, 1])


def test_replicas_start_differently_temperatures_alike(tmp_path):
    unit = unit_of(tmp_path)
    first = start_of(unit, item_of())[1]
    np.testing.assert_array_equal(first, start_of(unit, item_of(temperature_K=1200.0))[1])
    assert (first != start_of(unit, item_of(replica=1))[1]).any()
    assert (first != start_of(unit_of(tmp_path, seed=4), item_of())[1]).any()


def dump(path, lattice, types):
    edge = "\n".join(f"0 {edge!r}" for edge in lattice.box_A.tolist())
    rows = [
        f"{i + 1} {t} {x!r} {y!r} {z!r}"
        for i, (t, (x, y, z)) in enumerate(zip(types, lattice.positions_A.tolist(), strict=True))
        if t
    ]
    head = f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{len(rows)}\nITEM: BOX BOUNDS pp pp pp\n{edge}\n"
    path.write_text(head + "ITEM: ATOMS id type x y z\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize("n_vacancies", [0, 1])
def test_a_start_file_is_taken_as_it_is(tmp_path, n_vacancies):
    lattice, occupancy = start_of(unit_of(tmp_path), item_of())
    if not n_vacancies:
        occupancy[occupancy == 0] = 1
    dump(tmp_path / "start.dump", lattice, occupancy)
    _, found = start_of(unit_of(tmp_path), item_of(start=file_start(tmp_path / "start.dump")))
    assert (found == 0).sum() == 1
    filled = found > 0
    np.testing.assert_array_equal(found[filled], occupancy[filled])


@pytest.mark.parametrize(
    ("cells", "emptied", "message"), [([5, 4, 4], 0, "kmc.cells says"), ([4, 4, 4], 1, "2 vacancies")]
)
def test_a_start_file_that_does_not_fit_is_refused(tmp_path, cells, emptied, message):
    lattice, occupancy = start_of(unit_of(tmp_path), item_of())
    occupancy[np.flatnonzero(occupancy)[:emptied]] = 0
    dump(tmp_path / "start.dump", lattice, occupancy)
    unit, start = unit_of(tmp_path, cells=cells), file_start(tmp_path / "start.dump")
    with pytest.raises(ValueError, match=message):
        start_of(unit, item_of(start=start))


def test_a_pickle_is_read_only_if_it_is_trusted(tmp_path):
    choice = {"published": "nkk", "file": str(tmp_path / "weights.npy"), "allow_pickle": False}
    with pytest.raises(ValueError, match="allow_pickle"):
        model_of(unit_of(tmp_path, model=choice))


def test_the_published_network_is_numbered_as_the_campaign(tmp_path, nkk_weights):
    choice = {"published": "nkk", "file": str(nkk_weights), "allow_pickle": True}
    unit = unit_of(tmp_path, model=choice, elements=["Ta", "Nb", "Mo"])
    assert tuple(model_of(unit).elements) == ("Ta", "Nb", "Mo")


def test_a_run_goes_where_the_plan_looks_for_it(tmp_path):
    path = trajectory_file(Workdir(tmp_path), item_of())
    assert path == tmp_path / "kmc" / "c" / "T0800.0K" / "r000.nc"


def test_units_survive_their_file(tmp_path):
    (tmp_path / "epoch").write_text("1")
    unit = dataclasses.replace(unit_of(tmp_path), items=(item_of(),))
    assert Unit.load(unit.save()) == unit


def test_an_ordered_start_is_ordered_and_has_its_vacancies(tmp_path):
    start = {"kind": "ordered", "ordered": "B2", "sublattices": [["Nb"], ["Mo", "Ta"]]}
    lattice, occupancy = start_of(unit_of(tmp_path, vacancies=3), item_of(start=start))
    assert (occupancy == 0).sum() == 3
    centres = lattice.coordinates[:, 0] % 2 == 1
    assert set(occupancy[~centres]) <= {0, 1}
    assert set(occupancy[centres]) <= {0, 2, 3}


def forward_only():
    """A model whose barriers all are 1 eV."""
    n_env, layer = EnvironmentSpec("bcc", 1, "initial").n_env, np.zeros(4, np.float32)
    table, mover = np.zeros((n_env, 3, 4), np.float32), np.zeros((3, 4), np.float32)
    network = DenseStack(table, mover, layer, ((np.zeros((4, 4), np.float32), layer),), layer, 1.0)
    return MlpModel(("Ta", "Nb", "Mo"), "bcc", 1, network)


def saved_run(path, jumps, vacancies=1, inputs_hash=""):
    """A run of another numbering of the elements; every barrier is 1 eV."""
    model = forward_only()
    lattice = Lattice.bcc((4, 4, 4), 3.3)
    occupancy = np.random.default_rng(0).integers(1, 4, lattice.n_sites).astype(np.uint8)
    occupancy[:vacancies] = 0
    made = run(lattice, occupancy, model, temperature_K=900.0, jumps=jumps, seed=1)
    dataclasses.replace(made, notes={**made.notes, "inputs_hash": inputs_hash}).save(path)
    return made


@pytest.mark.parametrize(("frame", "jumps"), [("last", 60), (25, 25), (0, 0)])
def test_a_run_is_a_start_at_any_of_its_states(tmp_path, frame, jumps):
    source = saved_run(tmp_path / "r000.nc", 60)
    item = item_of(start=file_start(tmp_path / "r000.nc", frame))
    lattice, occupancy = start_of(unit_of(tmp_path), item)
    assert lattice.a_A == 3.3
    by_name = np.array([0, 3, 1, 2], dtype=np.uint8)  # Ta, Nb, Mo in the campaign's numbers
    np.testing.assert_array_equal(occupancy, by_name[source.state_after(jumps)])


def test_a_case_begins_where_the_campaign_says_the_other_ends(tmp_path):
    """Also when the other has gone on since."""
    path = tmp_path / "kmc" / "a" / "T0900.0K" / "r000.nc"
    path.parent.mkdir(parents=True)
    source = saved_run(path, 60, inputs_hash="source")
    start = {"kind": "case", "case": "a", "temperature_K": None, "frame": "last"}
    origin = {"key": "a/T0900.0K/r000", "hash": "source", "stop": {"jumps": 40}}
    item = item_of(start=start, **{"from": origin})
    _, occupancy = start_of(unit_of(tmp_path), item)
    np.testing.assert_array_equal(occupancy == 0, source.state_after(40) == 0)
    assert _seed(unit_of(tmp_path), item) != _seed(unit_of(tmp_path), item_of())
    path.unlink()
    with pytest.raises(FileNotFoundError, match="has not ended"):
        start_of(unit_of(tmp_path), item)


@pytest.mark.parametrize(
    ("digest", "stop", "message"),
    [
        ("newer", {"jumps": 40}, "made of other inputs"),
        ("source", {"jumps": 80}, "ends at 60 jumps, not yet 80 jumps"),
        ("source", {"jumps": 10**9, "time_s": 1e9}, "not yet 1e[+]09 s"),
    ],
)
def test_a_case_does_not_begin_with_what_its_source_no_longer_is(tmp_path, digest, stop, message):
    path = tmp_path / "kmc" / "a" / "T0900.0K" / "r000.nc"
    path.parent.mkdir(parents=True)
    saved_run(path, 60, inputs_hash="source")
    start = {"kind": "case", "case": "a", "temperature_K": None, "frame": "last"}
    item = item_of(start=start, **{"from": {"key": "a/T0900.0K/r000", "hash": digest, "stop": stop}})
    with pytest.raises(ValueError, match=message):
        start_of(unit_of(tmp_path), item)


def test_starts_with_other_vacancies_or_elements_are_refused(tmp_path):
    saved_run(tmp_path / "r000.nc", 5, vacancies=2)
    item = item_of(start=file_start(tmp_path / "r000.nc"))
    with pytest.raises(ValueError, match=r"has 2 vacancies, kmc.vacancies says 1"):
        start_of(unit_of(tmp_path), item)
    with pytest.raises(ValueError, match="atoms of Ta; the elements are Nb, Mo"):
        start_of(unit_of(tmp_path, elements=["Nb", "Mo"], vacancies=2), item)


def ordering_model():
    """A model whose Mo and Ta attract each other."""
    union, state = (EnvironmentSpec("bcc", 1, kind) for kind in ("union", "state"))
    pair_eV = np.zeros((1, 4, 4))
    pair_eV[0, 2, 3] = pair_eV[0, 3, 2] = -0.05
    orbits = int(union.orbits.max()) + 1

    def silent(n_sites):
        zeros = np.zeros((n_sites, 3, 1), dtype=np.float32)
        one = np.zeros(1, dtype=np.float32)
        return DenseStack(zeros, np.zeros((3, 1), dtype=np.float32), one, (), one, 0.0)

    return BalancedModel(
        ("Nb", "Mo", "Ta"),
        "bcc",
        1,
        pair_eV=pair_eV,
        kra_mover_eV=np.ones(3),
        kra_linear_eV=np.zeros((3, orbits, 3)),
        kra=silent(union.n_env),
        s_vac=silent(state.n_env),
    )


def exchanged(temperature_K=None, trials_per_atom=100.0):
    how = {"temperature_K": temperature_K, "trials_per_atom": trials_per_atom}
    return {"kind": "exchanged", "exchanged": how}


def test_a_start_by_exchanges_has_the_order_of_its_temperature(tmp_path):
    unit, model = unit_of(tmp_path, cells=[6, 6, 6], vacancies=2), ordering_model()
    order = {}
    for temperature_K in (300.0, 900.0, 1e5):
        item = item_of(temperature_K=temperature_K, start=exchanged())
        lattice, occupancy = start_of(unit, item, model)
        order[temperature_K] = first_alpha(lattice, occupancy, 3)[1, 2]
        assert (occupancy == 0).sum() == 2
        random = start_of(unit, item_of(start={"kind": "random"}))[1]
        assert np.array_equal(np.bincount(occupancy), np.bincount(random))
    assert order[300.0] < order[900.0] - 0.1 < order[1e5] - 0.2
    assert abs(order[1e5]) < 0.15


def test_a_start_by_exchanges_may_have_a_temperature_of_its_own(tmp_path):
    unit, model = unit_of(tmp_path), ordering_model()
    states = [
        start_of(unit, item_of(temperature_K=T, replica=r, start=exchanged(300.0)), model)[1].tolist()
        for T, r in ((800.0, 0), (1200.0, 0), (800.0, 1))
    ]
    assert states[0] == states[1] != states[2]


def test_a_start_by_exchanges_needs_pair_energies(tmp_path):
    unit, item = unit_of(tmp_path), item_of(start=exchanged())
    with pytest.raises(ValueError, match="needs the model"):
        start_of(unit, item)
    with pytest.raises(ValueError, match="no pair energies"):
        start_of(unit, item, forward_only())
