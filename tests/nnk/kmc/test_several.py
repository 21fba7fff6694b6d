"""Several vacancies in one block: against a slow engine, and what does not depend on how it is run."""

import dataclasses
import math

import numpy as np
import pytest

from nnk.kmc.engine import Engine, RunConditions
from nnk.kmc.several import VALID
from nnk.lattice import Lattice
from nnk.models.program import evaluate
from nnk.observables.pair_order import pair_counts

pytestmark = pytest.mark.filterwarnings("ignore:cells=:UserWarning")

CASES = {  # kind, structure, shells, cells, species, vacancies
    "forward bcc": ("forward", "bcc", 3, (5, 6, 5), 3, 4),
    "forward bcc wide": ("forward", "bcc", 8, (4, 4, 5), 3, 2),
    "forward fcc": ("forward", "fcc", 5, (4, 4, 5), 2, 3),
    "balanced bcc": ("balanced", "bcc", 3, (5, 5, 6), 3, 5),
    "balanced bcc small": ("balanced", "bcc", 8, (3, 4, 3), 2, 2),
    "balanced fcc": ("balanced", "fcc", 2, (4, 4, 4), 5, 3),
}


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-"))
def case(request, make_forward, make_balanced_program):
    kind, structure, shells, cells, n_species, n_vacancies = CASES[request.param]
    lattice = Lattice(structure, cells, 3.3)
    make = make_forward if kind == "forward" else make_balanced_program
    return lattice, start(lattice, n_species, n_vacancies), make(structure, shells, n_species)


def start(lattice, n_species, n_vacancies, seed=2):
    """Two of the vacancies are neighbours."""
    rng = np.random.default_rng(seed)
    occupancy = rng.integers(1, n_species + 1, lattice.n_sites).astype(np.uint8)
    free = rng.permutation(np.setdiff1d(np.arange(lattice.n_sites), [0, lattice.neighbours[0, 1]]))
    occupancy[[0, lattice.neighbours[0, 1], *free[: n_vacancies - 2]]] = 0
    return occupancy


def rates_of(lattice, occupancy, model, sites, temperature_K):
    barriers = np.array([evaluate(model.compiled(), lattice, occupancy, int(site)) for site in sites])
    return barriers, 1e13 * np.exp(-barriers / (8.617333262e-5 * temperature_K))


def slow_run(lattice, occupancy, model, philox, key, temperature_K, jumps):
    """Directions, numbers and time; all rates computed anew at every jump."""
    occupancy, sites = occupancy.copy(), np.flatnonzero(occupancy == 0)
    time_s, made = 0.0, []
    for number in range(jumps):
        words = philox((number, 0, 0, 0), (key % 2**32, key >> 32))
        third = philox((number, 0, 1, 0), (key % 2**32, key >> 32))
        u_jump, u_time, u_vacancy = (
            (((a << 32 | b) >> 11) + 1) * 2.0**-53 for a, b in (words[:2], words[2:], third[:2])
        )
        _, rates = rates_of(lattice, occupancy, model, sites, temperature_K)
        totals = np.cumsum(rates.sum(axis=1))
        chosen = int(np.searchsorted(totals, u_vacancy * totals[-1]))
        jump = int(np.searchsorted(np.cumsum(rates[chosen]) / rates[chosen].sum(), u_jump))
        time_s -= math.log(u_time) / totals[-1]
        target = lattice.neighbours[sites[chosen], jump]
        occupancy[sites[chosen]], occupancy[target] = occupancy[target], 0
        sites[chosen] = target
        made.append((jump, chosen))
    return np.array(made), occupancy, time_s


def test_jumps_and_times_are_those_of_the_slow_engine(case, philox_reference):
    lattice, occupancy, model = case
    conditions = RunConditions(1500.0, 5)
    engine = Engine(lattice, occupancy, model, conditions)
    jumps = engine.advance(80)
    key = int(conditions.compiled().key)
    made, final, time_s = slow_run(lattice, occupancy, model, philox_reference, key, 1500.0, 80)
    np.testing.assert_array_equal(np.stack([*jumps], axis=1), made)
    np.testing.assert_array_equal(engine.occupancy, final)
    assert engine.time_s == pytest.approx(time_s, rel=1e-4)
    assert len(set(jumps.vacancies.tolist())) > 1
    np.testing.assert_array_equal(np.sort(engine.vacancies), np.flatnonzero(final == 0))


def test_only_what_changed_is_computed_anew_and_nothing_less(case):
    """After many jumps the rates kept equal those of an engine that begins here, at any temperature."""
    lattice, occupancy, model = case
    engine = Engine(lattice, occupancy, model, RunConditions(3000.0, 1))
    for temperature_K in [3000.0, 1500.0] * 15:
        engine.advance(7)
        engine.set_temperature(temperature_K)
        again = Engine(lattice, engine.occupancy, model, RunConditions(3000.0, 1), cache=False)
        again.resume(engine.progress)
        again.set_temperature(temperature_K)
        for one in (engine, again):
            one.advance(1)
        untouched = engine._vacancies.state == VALID
        for name in ("rates", "tree"):
            kept, fresh = getattr(engine._vacancies, name), getattr(again._vacancies, name)
            np.testing.assert_array_equal(kept, fresh)
        assert engine.time_s == again.time_s
        np.testing.assert_array_equal(engine.occupancy, again.occupancy)
        assert untouched.sum() < len(untouched)


def test_cache_and_splits_change_nothing(case):
    lattice, occupancy, model = case
    conditions = RunConditions(900.0, 3)
    whole = Engine(lattice, occupancy, model, conditions)
    jumps = whole.advance(600)
    assert whole.hits > 0
    plain = Engine(lattice, occupancy, model, conditions, cache=False)
    parts = [plain.advance(200)]
    for length in (1, 399):
        later = Engine(lattice, plain.occupancy, model, conditions, cache=False)
        later.resume(plain.progress)
        parts.append(later.advance(length))
        plain = later
    np.testing.assert_array_equal(jumps.directions, np.concatenate([part.directions for part in parts]))
    np.testing.assert_array_equal(jumps.vacancies, np.concatenate([part.vacancies for part in parts]))
    for name in ("time_s", "time_rest_s", "vacancies", "displacements"):
        np.testing.assert_array_equal(getattr(whole.progress, name), getattr(plain.progress, name))
    counts = pair_counts(lattice, whole.occupancy, 3, len(model.elements))
    np.testing.assert_array_equal(whole.pair_counts, counts)


def test_a_vacancy_enclosed_by_others_waits(make_forward):
    lattice = Lattice.bcc((5, 5, 5), 3.3)
    occupancy = np.ones(lattice.n_sites, dtype=np.uint8)
    occupancy[[0, *lattice.neighbours[0]]] = 0
    engine = Engine(lattice, occupancy, make_forward("bcc", 2, 1), RunConditions(1000.0, 0))
    first = engine.advance(1)
    assert first.vacancies[0] != 0
    engine.advance(5000)
    assert (engine.occupancy == 0).sum() == 9
    assert engine.displacements[0].any()  # free as soon as an atom came beside it
    way = engine.displacements + lattice.coordinates[np.flatnonzero(occupancy == 0)]
    np.testing.assert_array_equal(lattice.site_at(way), engine.vacancies)


def test_progress_of_another_state_is_refused(case):
    lattice, occupancy, model = case
    engine = Engine(lattice, occupancy, model, RunConditions(900.0, 3))
    moved = dataclasses.replace(engine.progress, vacancies=engine.vacancies + 1)
    with pytest.raises(ValueError, match="the run stood with vacancies at"):
        engine.resume(moved)


def test_two_vacancies_among_equal_barriers(make_forward):
    """Their mean waiting time is exactly 1 / (2 z k), or 1 / ((2 z - 2) k) where they are neighbours."""
    lattice, temperature_K, jumps = Lattice.bcc((3, 3, 3), 3.3), 1000.0, 60_000
    model = make_forward("bcc", 1, 1)
    model.network.out_weight[:] = 0  # every barrier is the output's bias, 1 eV
    occupancy = np.ones(lattice.n_sites, dtype=np.uint8)
    sites = [0, 5]
    occupancy[sites] = 0
    engine = Engine(lattice, occupancy, model, RunConditions(temperature_K, 3))
    neighbours, beside = lattice.neighbours, 0
    made = engine.advance(jumps)
    for direction, number in zip(made.directions.tolist(), made.vacancies.tolist(), strict=True):
        beside += sites[1] in neighbours[sites[0]]
        sites[number] = int(neighbours[sites[number], direction])
        assert sites[0] != sites[1]
    rate = 1e13 * np.exp(-1.0 / (8.617333262e-5 * temperature_K))
    expected_s = (jumps - beside) / (2 * lattice.z * rate) + beside / ((2 * lattice.z - 2) * rate)
    assert engine.time_s == pytest.approx(expected_s, rel=4 / jumps**0.5)
    assert sites == engine.vacancies.tolist()
    # all pairs of sites are equally probable in time, so 8 of 53 are neighbours
    share = beside / (2 * lattice.z - 2) / ((jumps - beside) / (2 * lattice.z) + beside / (2 * lattice.z - 2))
    assert share == pytest.approx(8 / 53, abs=0.01)
    assert np.bincount(made.vacancies) == pytest.approx(jumps / 2, rel=0.02)
