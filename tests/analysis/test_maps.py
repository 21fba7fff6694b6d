from __future__ import annotations

import shutil
import warnings

import numpy as np
import pytest

from analysis.inputs import Inputs, MissingInput
from analysis.maps import analyse
from analysis.maps_figures import map_figures
from analysis.maps_points import (
    Plane,
    Point,
    cell_of,
    labelled,
    name_of,
    plane_of,
    predicted,
    wanted_compositions,
)
from analysis.networks import Network
from analysis.options import MapsOptions
from analysis.products import write
from analysis.style import paper_style
from nnk.alloy import exact_counts, random_solution
from nnk.files import rng
from nnk.observables.spectra import Spectrum
from nnk.published import read_nkk_weights

ELEMENTS = ("Nb", "Mo", "Ta")
FEW = "analysis_options:\n  maps: {divisions: 4, random_cells: 2}\n"


def with_options(workdir, text=FEW):
    kept = workdir.campaign_file.read_text().split("analysis_options:")[0]
    workdir.campaign_file.write_text(kept + text)
    return Inputs(workdir)


def test_a_point_is_a_loop_over_the_sites_of_random_cells(network):
    composition = {"Nb": 0.25, "Mo": 0.75}
    (point,) = predicted(Network("main", network, True), [composition], MapsOptions(random_cells=2), seed=5)
    lattice, values = cell_of("bcc"), {0: [], 1: [], 2: [], 3: []}
    for cell in range(2):
        state = random_solution(exact_counts([0.25, 0.75, 0], lattice.n_sites), rng(5, "maps", cell))
        for site in range(lattice.n_sites):
            movers, moved = state[lattice.neighbours[site]], state.copy()
            moved[site] = 0
            for mover, energy in zip(movers, network.barriers(moved, site, lattice), strict=True):
                values[0].append(energy)
                values[int(mover)].append(energy)
    for spectrum, found in zip(point.spectra, values.values(), strict=True):
        assert spectrum.count == len(found)
        if found:
            assert spectrum.mean_eV == pytest.approx(np.mean(found), abs=1e-5)
            assert spectrum.std_eV == pytest.approx(np.std(found), abs=1e-5)
    halves = np.array(values[0]).reshape(2, -1).mean(axis=1)
    assert point.spectra[0].error_eV == pytest.approx(np.abs(np.diff(halves))[0] / 2, abs=1e-6)
    assert name_of(point, ELEMENTS) == "Nb25Mo75"


def test_points_are_the_same_again_and_errors_those_of_other_seeds(network):
    composition = [{"Nb": 0.3, "Mo": 0.4, "Ta": 0.3}]
    found = [
        predicted(Network("main", network, True), composition, MapsOptions(), seed)[0]
        for seed in (1, 1, 2, 3, 4, 5)
    ]
    assert found[0] == found[1]
    means = [p.spectra[0].mean_eV for p in found[1:]]
    errors = [p.spectra[0].error_eV for p in found[1:]]
    assert 0.3 < np.std(means, ddof=1) / np.mean(errors) < 3


def test_the_grid_has_each_composition_once():
    found = wanted_compositions(ELEMENTS, plane_of(ELEMENTS, {}), 20)
    keys = {tuple(round(c.get(e, 0.0), 6) for e in ELEMENTS) for c in found}
    assert len(found) == len(keys) == 231 + 1  # the equimolar alloy is not on this grid
    assert all(sum(c.values()) == pytest.approx(1) for c in found)


def test_a_quaternary_alloy_is_cut_by_a_plane():
    elements = ("V", "Nb", "Mo", "Ta")
    plane = plane_of(elements, {"V": 0.4})
    assert (plane.axes, plane.rest) == ((1, 2, 3), 0.6)
    found = wanted_compositions(elements, plane, 5)
    inside = [c for c in found if c.get("V") == 0.4 and len(c) == 4]
    assert len(inside) == 21
    assert len(found) == 21 + (4 + 6 * 4) - 3 + 1  # pure, binary (three are in the plane), equimolar
    assert plane_of(elements, {}) == Plane((0, 1, 2), {3: 0.25})
    assert plane_of(("Nb", "Mo"), {}) is None
    with pytest.raises(ValueError, match="does not leave three"):
        plane_of(elements, {"V": 0.1, "Nb": 0.1})


def point(fractions, mean):
    spectrum = Spectrum(100, mean, 0.001, 0.1 + mean / 100, 0.001, 1.0, 2.0)
    return Point(tuple(fractions), "main", (spectrum,) * (len(fractions) + 1))


def test_the_axes_are_those_of_the_plane():
    contents = [[0.6, 0, 0, 0.4], [0, 0.6, 0, 0.4], [0, 0, 0.6, 0.4], [0.2, 0.2, 0.2, 0.4]]
    points = [point(c, 1.0 + i) for i, c in enumerate(contents)]
    elements = ("V", "Nb", "Mo", "Ta")
    with paper_style():
        overall, species = map_figures(Plane((0, 1, 2), {3: 0.4}), elements, points, [])
    texts = [text.get_text() for text in overall.figure.axes[0].texts]
    assert {"V (at.%)", "Nb (at.%)", "Mo (at.%)"} <= set(texts)
    assert [texts.count(number) for number in ("0", "12", "60", "100")] == [3, 3, 3, 0]
    assert "with 40 at.% Ta" in overall.caption
    star = next(line for line in overall.figure.axes[0].lines if line.get_marker() == "*")
    np.testing.assert_allclose(star.get_xydata(), [[0.5, np.sqrt(3) / 6]])  # the centre has the highest mean
    assert len(species.figure.axes) == 2 * 4 + 2


def test_products(workdir, rows_of):
    inputs = with_options(workdir)
    product = analyse(inputs)
    assert [figure.name for figure in product.figures] == ["maps", "maps-species", "maps-binaries"]
    rows = rows_of(product, "maps")
    assert len(rows) == 4 * (15 + 1 + 2)  # the grid, equimolar, two compositions of labels
    overall = [row for row in rows if row["source"] == "main" and row["moving_species"] == "all"]
    top = max(overall, key=lambda row: float(row["mean_eV"]))
    assert top["composition"] in product.summary
    number = next(n for n in product.numbers if n.label.startswith("highest"))
    assert number.value == pytest.approx(float(top["mean_eV"]))
    assert number.label.endswith(top["composition"])
    written = write(workdir, product, inputs.used, seed=7)
    assert {path.suffix for path in written} == {".pdf", ".png", ".csv", ".json"}
    assert workdir.labels_file in inputs.used
    assert analyse(Inputs(workdir)).tables[0].csv_text() == product.tables[0].csv_text()


def test_an_absent_element_has_no_mean(workdir, rows_of):
    rows = rows_of(analyse(with_options(workdir)), "maps")
    pure = [row for row in rows if row["composition"] == "Mo100"]
    assert [(row["moving_species"], row["mean_eV"] == "") for row in pure] == [
        ("all", False),
        ("Nb", True),
        ("Mo", False),
        ("Ta", True),
    ]


def test_labels_of_a_point_are_those_of_a_plain_loop(labels):
    points = labelled(labels, ("Ta", "Nb", "Mo"))  # in another order
    names = labels.composition_name
    for found, name in zip(points, dict.fromkeys(names.tolist()), strict=True):
        chosen = (names == name) & labels.usable
        assert found.fractions == pytest.approx(labels.composition[labels.sample[chosen][0]][[2, 0, 1]])
        for spectrum, species in zip(found.spectra, (None, 3, 1, 2), strict=True):
            kind = chosen if species is None else chosen & (labels.moving_species == species)
            assert spectrum.mean_eV == pytest.approx(labels.E_fwd_eV[kind].mean())
        whole = found.spectra[0]
        independent = labels.E_fwd_eV[chosen].std() / np.sqrt(chosen.sum())
        assert whole.error_eV != pytest.approx(independent, rel=0.01)  # jumps of a vacancy belong together


def test_labels_alone_will_do(workdir, rows_of):
    shutil.rmtree(workdir.model_dir("main"))
    product = analyse(with_options(workdir))
    assert {row["source"] for row in rows_of(product, "maps")} == {"labels"}
    assert product.figures == ()
    assert "too few compositions" in product.warnings[0]


def test_maps_of_labels_alone():
    points = [point(c, 1.0 + c[1]) for c in np.random.default_rng(0).dirichlet([1, 1, 1], 12)]
    labels = [Point(p.fractions, "labels", p.spectra) for p in points]
    with paper_style():
        overall, species = map_figures(plane_of(ELEMENTS, {}), ELEMENTS, [], labels)
    assert "interpolated between the labels of 12" in overall.caption
    assert len(species.figure.axes) == 6 + 2


def test_runs_alone_will_do(workdir):
    workdir.labels_file.unlink()
    product = analyse(with_options(workdir))
    assert product.warnings == ()
    assert {row[1] for row in product.tables[0].rows} == {"main"}


def test_neither_labels_nor_a_network(workdir):
    workdir.labels_file.unlink()
    shutil.rmtree(workdir.model_dir("main"))
    with pytest.raises(MissingInput, match="labels"):
        analyse(with_options(workdir))


def test_a_network_that_is_not_there(workdir):
    with pytest.raises(MissingInput, match="no network other: there are main"):
        analyse(with_options(workdir, "analysis_options:\n  maps: {model: other}\n"))


@pytest.mark.physics
def test_the_published_network_over_Nb_Mo_Ta(nkk_weights):
    """Xing et al. (2024), figure 2c: the highest mean barrier of Nb-Mo-Ta is that of Nb10Mo70Ta20."""
    network = Network("published", read_nkk_weights(nkk_weights, allow_pickle=True), trained=False)
    grid = wanted_compositions(ELEMENTS, plane_of(ELEMENTS, {}), 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        points = predicted(network, grid, MapsOptions(random_cells=4), seed=1)
    found = {name_of(p, ELEMENTS): p.spectra[0] for p in points}
    top = max(points, key=lambda p: p.spectra[0].mean_eV)
    inside = [(10, 20), (60, 75), (15, 25)]
    assert all(low <= top.percent(e) <= high for e, (low, high) in enumerate(inside))
    assert found["Nb10Mo70Ta20"].mean_eV > top.spectra[0].mean_eV - 0.01
    assert 1.91 < top.spectra[0].mean_eV < 1.93
    assert found["Mo100"].mean_eV == pytest.approx(1.723, abs=0.001)
    assert found["NbMoTa"].mean_eV == pytest.approx(1.772, abs=0.006)
    assert found["NbMoTa"].std_eV == pytest.approx(0.253, abs=0.005)
    widest = max(points, key=lambda p: p.spectra[0].std_eV)
    assert widest.percent(0) == pytest.approx(70, abs=5)
    assert widest.percent(1) == pytest.approx(30, abs=5)
    assert widest.spectra[0].std_eV == pytest.approx(0.326, abs=0.006)
