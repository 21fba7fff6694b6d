import shutil

import numpy as np
import pytest

from analysis import spectra_labels
from analysis.inputs import Inputs, MissingInput
from analysis.predictions import judged_networks
from analysis.spectra import analyse
from analysis.spectra_order import chosen_frames
from analysis.spectra_sweep import cube_with, step_of
from nnk.alloy import exact_counts, random_solution
from nnk.files import rng
from nnk.lattice import Lattice
from nnk.models import load
from nnk.observables.pair_order import first_alpha, species_numbers
from nnk.observables.site_barriers import site_barriers

ELEMENTS, CASE = ("Nb", "Mo", "Ta"), "Nb30Mo30Ta40"


def test_label_spectra_are_those_of_a_plain_loop(workdir, labels, rows_of):
    product = analyse(Inputs(workdir))
    rows = [row for row in rows_of(product, "spectra") if row["source"] == "labels"]
    assert len(rows) == 6
    names, movers = labels.composition_name, labels.moving_species
    for row in rows:
        species = labels.elements.index(row["moving_species"]) + 1
        values = [
            labels.E_fwd_eV[i]
            for i in range(len(labels))
            if names[i] == row["composition"] and movers[i] == species and np.isfinite(labels.E_fwd_eV[i])
        ]
        assert int(row["barriers"]) == len(values)
        assert float(row["mean_eV"]) == pytest.approx(np.mean(values))
        assert float(row["std_eV"]) == pytest.approx(np.std(values))


def test_network_spectra_read_the_same_samples(workdir, labels, rows_of):
    product = analyse(Inputs(workdir))
    rows = [row for row in rows_of(product, "spectra") if row["source"] == "main"]
    network, lattice = load(workdir.model_dir("main")), Lattice.bcc((5, 5, 5), 3.3)
    values = {1: [], 2: [], 3: []}
    sites = np.unique(np.linspace(0, lattice.n_sites - 1, 52).astype(int))  # 512 over ten samples
    for sample in range(10):
        for site in sites:
            state = labels.occupancy[sample].copy()
            movers = state[lattice.neighbours[site]]
            state[site] = 0
            for species, energy in zip(movers, network.barriers(state, int(site), lattice), strict=True):
                values[int(species)].append(energy)
    for row in rows[:3]:
        expected = values[labels.elements.index(row["moving_species"]) + 1]
        assert int(row["barriers"]) == len(expected)
        assert float(row["mean_eV"]) == pytest.approx(np.mean(expected), abs=1e-6)


def test_networks_are_not_asked_where_samples_are_not_known(workdir, labels, rows_of):
    occupancy = labels.occupancy.copy()
    occupancy[:, 5] = 0
    labels.replaced(occupancy=occupancy, attrs={"known_shells": 2}).save(workdir.labels_file)
    inputs = Inputs(workdir)
    assert {row["source"] for row in rows_of(analyse(inputs), "spectra")} == {"labels"}
    assert any("do not tell their whole samples" in text for text in inputs.warnings)


def test_densities_are_normalised(workdir, rows_of):
    product = analyse(Inputs(workdir))
    total = {}
    for row in rows_of(product, "spectra-histograms"):
        key = row["composition"], row["moving_species"], row["source"]
        width = float(row["to_eV"]) - float(row["from_eV"])
        total[key] = total.get(key, 0) + width * float(row["density_per_eV"])
    assert len(total) == 12
    assert list(total.values()) == pytest.approx([1] * 12)


def test_labels_alone_will_do(workdir):
    shutil.rmtree(workdir.model_dir("main"))
    product = analyse(Inputs(workdir))
    assert any("No network" in text for text in product.warnings)
    assert {row[2] for row in product.tables[0].rows} == {"labels"}


def test_many_compositions_are_rows_of_one_map(workdir, labels, monkeypatch, rows_of):
    few = rows_of(analyse(Inputs(workdir)), "spectra")
    monkeypatch.setattr(spectra_labels, "MOST_PANELS", 1)
    product = analyse(Inputs(workdir))
    figure = product.figures[0].figure
    assert [axes.get_title() for axes in figure.axes[:3]] == ["Nb moves", "Mo moves", "Ta moves"]
    image = figure.axes[1].images[0]
    rows = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    means = [np.nanmean(labels.E_fwd_eV[labels.composition_name == name]) for name in rows]
    assert means == sorted(means, reverse=True)
    left, right, _, _ = image.get_extent()
    at = np.linspace(left, right, image.get_array().shape[1])
    for name, density in zip(rows, np.asarray(image.get_array()), strict=True):
        kind = (labels.composition_name == name) & (labels.moving_species == 2) & labels.usable
        gauss = np.exp(-0.5 * ((at[:, None] - labels.E_fwd_eV[kind]) / 0.04) ** 2).mean(axis=1)
        np.testing.assert_allclose(density, gauss / (0.04 * np.sqrt(2 * np.pi)))
    assert rows_of(product, "spectra") == few


def test_it_says_how_many_labels_are_left_out(workdir, labels):
    left_out = int((~labels.usable).sum())
    assert f"{left_out} of {len(labels)} labels" in " ".join(analyse(Inputs(workdir)).warnings)


SWEEP = """\
analysis_options:
  spectra:
    sweep: {element: Mo, from_percent: 40, to_percent: 100, steps: 2, least_atoms: 100}
"""


def with_options(workdir, text=SWEEP):
    kept = workdir.campaign_file.read_text().split("analysis_options:")[0]
    workdir.campaign_file.write_text(kept + text)
    return Inputs(workdir)


def test_without_a_sweep_there_is_none(workdir):
    assert not [table for table in analyse(Inputs(workdir)).tables if "sweep" in table.name]


def test_a_step_of_a_sweep_is_a_loop_over_its_sites(network):
    step = step_of(network, "Mo", 50.0, least_atoms=250, seed=3)
    lattice = Lattice.bcc((8, 8, 8), 3.3)
    assert (step.sites, step.composition) == (lattice.n_sites, "Nb25Mo50Ta25")
    counts = exact_counts([0.25, 0.5, 0.25], lattice.n_sites)
    state = random_solution(counts, rng(3, "spectra", "sweep", "50.000000"))
    assert (species_numbers(state, 3) >= 250).all()
    energies, mover = site_barriers(network, lattice, state), state[lattice.neighbours]
    for species, spectrum in enumerate(step.spectra, start=1):
        assert spectrum.count == (mover == species).sum()
        assert spectrum.mean_eV == pytest.approx(energies[mover == species].mean())
        assert spectrum.std_eV == pytest.approx(energies[mover == species].std())
        assert step.histogram.counts[species - 1].sum() == spectrum.count
    again = step_of(network, "Mo", 50.0, least_atoms=250, seed=3)
    assert (again.spectra, again.shapes) == (step.spectra, step.shapes)


def test_cells_hold_the_atoms_that_are_asked_for():
    assert cube_with("bcc", 1_000_000).n_sites == 1_024_000
    for n in (1, 1024, 1025, 9000):
        for structure in ("bcc", "fcc"):
            lattice = cube_with(structure, n)
            assert lattice.n_sites >= n
            smaller = Lattice(structure, tuple(c - 1 for c in lattice.cells), 1.0)
            assert lattice.cells[0] == 8 or smaller.n_sites < n


def test_the_sweep_of_a_campaign(workdir, rows_of):
    product = analyse(with_options(workdir))
    rows = rows_of(product, "spectra-sweep")
    assert [(row["percent"], row["moving_species"]) for row in rows[:3]] == [
        ("40", "Nb"),
        ("40", "Mo"),
        ("40", "Ta"),
    ]
    assert len(rows) == 9
    pure = {row["moving_species"]: row for row in rows[6:]}
    assert pure["Nb"]["barriers"] == "0"
    assert pure["Nb"]["mean_eV"] == pure["Nb"]["valley"] == ""
    assert int(pure["Mo"]["barriers"]) == 8 * int(pure["Mo"]["sites"])
    assert any(figure.name == "spectra-sweep" for figure in product.figures)
    total = {}
    for row in rows_of(product, "spectra-sweep-histograms"):
        width = float(row["to_eV"]) - float(row["from_eV"])
        key = row["percent"], row["moving_species"]
        total[key] = total.get(key, 0) + width * float(row["density_per_eV"])
    assert list(total.values()) == pytest.approx([1] * 7)


def test_labels_and_predictions_of_the_same_jumps(workdir, rows_of):
    inputs = Inputs(workdir)
    (judged,) = judged_networks(inputs)
    found, chosen = judged.predictions, judged.predictions.tested
    rows = rows_of(analyse(inputs), "spectra-networks")
    assert sum(int(row["barriers"]) for row in rows) == chosen.sum()
    for row in rows:
        kind = (
            chosen & found.composition.among(row["composition"]) & found.species.among(row["moving_species"])
        )
        true, predicted = found.true_eV[kind], found.predicted_eV[kind]
        assert float(row["label_mean_eV"]) == pytest.approx(true.mean())
        assert float(row["network_std_eV"]) == pytest.approx(predicted.std())
        difference = predicted - true
        assert float(row["difference_mean_eV"]) == pytest.approx(difference.mean(), abs=1e-9)
        vacancies = np.unique(found.vacancy[kind])
        left_out = [difference[found.vacancy[kind] != v].mean() for v in vacancies]
        error = np.sqrt((len(vacancies) - 1) * np.var(left_out))
        assert float(row["difference_mean_error_eV"]) == pytest.approx(error, abs=1e-9)


def test_spectra_against_order_are_those_of_the_states(workdir, save_runs, trajectories, network, rows_of):
    save_runs(workdir)
    product = analyse(Inputs(workdir))
    assert any(figure.name == f"spectra-order-{CASE}" for figure in product.figures)
    rows = rows_of(product, "spectra-order")
    last = [row for row in rows if row["jumps"] == "400" and row["temperature_K"] == "800"]
    driving = load(workdir.model_dir("main"))
    means = {s: [] for s in ELEMENTS}
    alphas = []
    for replica in range(2):
        trajectory = trajectories[800.0, replica]
        state = trajectory.frames().occupancy[-1]
        energies = site_barriers(driving, trajectory.lattice, state)
        filled = state.copy()
        mover = filled[trajectory.lattice.neighbours]
        mover = np.where(mover == 0, filled[:, None], mover)
        for s, element in enumerate(ELEMENTS, start=1):
            means[element].append(energies[mover == s].mean())
        alphas.append(first_alpha(trajectory.lattice, state, 3))
    for row in last:
        values = means[row["moving_species"]]
        assert float(row["mean_eV"]) == pytest.approx(np.mean(values), abs=1e-5)
        assert float(row["error_eV"]) == pytest.approx(np.std(values, ddof=1) / np.sqrt(2), abs=1e-6)
        a, b = (ELEMENTS.index(name) for name in row["pair"].split("-"))
        assert float(row["alpha"]) == pytest.approx(np.mean([alpha[a, b] for alpha in alphas]))


def test_frames_that_are_looked_at():
    jumps = np.array([0, 1, 10, 100, 1000, 10_000, 100_000])
    assert chosen_frames(jumps) == [0, 3, 4, 5, 6]
    assert chosen_frames(np.array([0])) == [0]


def test_runs_alone_will_do(workdir, save_runs):
    save_runs(workdir)
    workdir.labels_file.unlink()
    for file in workdir.model_dir("main").glob("*.csv"):
        file.unlink()
    product = analyse(with_options(workdir))
    assert {table.name for table in product.tables} == {
        "spectra-sweep",
        "spectra-sweep-histograms",
        "spectra-order",
    }


def test_nothing_at_all(workdir):
    workdir.labels_file.unlink()
    shutil.rmtree(workdir.model_dir("main"))
    with pytest.raises(MissingInput):
        analyse(Inputs(workdir))


def test_labels_and_runs_that_the_campaign_asks_for_and_has_not_are_named(workdir, save_runs):
    inputs = Inputs(workdir)
    analyse(inputs)
    assert any("holds no finished run" in text for text in inputs.warnings)
    save_runs(workdir)
    workdir.labels_file.unlink()
    inputs = Inputs(workdir)
    analyse(inputs)
    assert any("labels.nc is missing" in text for text in inputs.warnings)
