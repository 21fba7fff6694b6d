import shutil

import numpy as np
import pytest

from analysis import spectra
from analysis.inputs import Inputs
from analysis.spectra import analyse
from nnk.lattice import Lattice
from nnk.models import load


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
    assert any("No trained network" in text for text in product.warnings)
    assert {row[2] for row in product.tables[0].rows} == {"labels"}


def test_many_compositions_are_rows_of_one_map(workdir, labels, monkeypatch, rows_of):
    few = rows_of(analyse(Inputs(workdir)), "spectra")
    monkeypatch.setattr(spectra, "MOST_PANELS", 1)
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
