"""The far field: spreads of labels made up so that the answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import farfield
from analysis.inputs import Inputs, MissingInput
from nnk.barriers import BarrierSet, Flag
from nnk.files import Workdir
from nnk.lattice import Lattice
from nnk.samples import FarFieldParameters

LATTICE = Lattice.fcc((4, 4, 4), 4.0)
HOW = FarFieldParameters((1, 4), jumps=2, resamples=60)
CAMPAIGN = """\
name: far
seed: 3
alloy: {elements: [Cu, Ni], lattice: fcc}
label: {samples: {kind: far-field, shells: [1, 4], jumps: 2, resamples: 60}}
"""
WIDTHS_EV = {1: (0.1, 0.03), 4: (0.02, 0.01)}  # of dE and KRA by shells; twice as much where Ni moves


def made_up_labels():
    """A jump of Cu and one of Ni; their energies scatter by what is said above."""
    generator = np.random.default_rng(0)
    n = HOW.n_samples
    places = [HOW.place(i) for i in range(n)]
    occupancy = np.full((n, LATTICE.n_sites), 1, dtype=np.uint8)
    dE, KRA = np.empty(n), np.empty(n)
    for i, place in enumerate(places):
        occupancy[i, LATTICE.neighbours[0, place.jump]] = 1 + place.jump
        widths = np.array(WIDTHS_EV[place.shells]) * (1 + place.jump)
        dE[i], KRA[i] = np.array([0.3, 0.9]) * (1 + place.jump) + widths * generator.normal(size=2)
    flag = np.zeros(n, dtype=np.uint8)
    flag[5] = Flag.FAILED
    return BarrierSet(
        elements=("Cu", "Ni"),
        structure="fcc",
        cells=LATTICE.cells,
        occupancy=occupancy,
        a_A=np.full(n, 4.0),
        sample_key=tuple(f"CuNi/s{i:04d}" for i in range(n)),
        composition=np.full((n, 2), 0.5),
        sample=np.arange(n),
        vacancy_site=np.zeros(n, dtype=int),
        jump=np.array([place.jump for place in places]),
        E_fwd_eV=np.where(flag == Flag.FAILED, np.nan, KRA + 0.5 * dE),
        E_bwd_eV=np.where(flag == Flag.FAILED, np.nan, KRA - 0.5 * dE),
        curvature_eV_A2=np.full(n, -1.0),
        residual_force_eV_A=np.full(n, 0.001),
        calls=np.full(n, 40.0),
        flag=flag,
        method=np.zeros(n, dtype=np.uint8),
        n_saddles=np.ones(n, dtype=np.uint8),
        item_hash=("0" * 32,) * n,
    )


@pytest.fixture
def workdir(tmp_path):
    found = Workdir(tmp_path / "far")
    found.labels_dir.mkdir(parents=True)
    found.campaign_file.write_text(CAMPAIGN)
    made_up_labels().save(found.labels_file)
    return found


def test_spreads_are_those_the_labels_were_made_with(workdir, rows_of):
    product = farfield.analyse(Inputs(workdir))
    rows = {(row["mover"], row["shells"], row["quantity"]): row for row in rows_of(product, "farfield")}
    assert len(rows) == 3 * 2 * 3
    for (mover, shells, quantity), row in rows.items():
        dE, KRA = WIDTHS_EV[int(shells)]
        width = {"dE": dE, "KRA": KRA, "E_fwd": np.hypot(KRA, 0.5 * dE)}[quantity]
        expected = width * {"Cu": 1.0, "Ni": 2.0, "all": np.sqrt(2.5)}[mover]
        assert float(row["deviation_eV"]) == pytest.approx(expected, rel=0.25)
        assert float(row["absolute_eV"]) == pytest.approx(
            expected * np.sqrt(2 / np.pi) * (1.5 / np.sqrt(2.5) if mover == "all" else 1), rel=0.25
        )
        assert 0 < float(row["deviation_error_eV"]) < expected
        assert int(row["jumps"]) == (2 if mover == "all" else 1)
    lost = sum(int(row["labels"]) for key, row in rows.items() if key[0] == "all" and key[2] == "dE")
    assert lost == HOW.n_samples - 1
    radii = {row["shells"]: float(row["cutoff_A"]) for row in rows.values()}
    assert radii == pytest.approx({"1": 4.0 / np.sqrt(2), "4": 4.0 * np.sqrt(2)})


def test_what_is_drawn_and_said_agrees_with_the_table(workdir, rows_of):
    product = farfield.analyse(Inputs(workdir))
    row = next(r for r in rows_of(product, "farfield") if (r["mover"], r["shells"]) == ("all", "4"))
    assert f" to {1000 * float(row['deviation_eV']):.0f} meV" in product.summary
    (figure,) = product.figures
    panels = figure.figure.axes
    assert [panel.get_title() for panel in panels] == [symbol for _, symbol in farfield.QUANTITIES.values()]
    heights = panels[0].containers[0].lines[0].get_ydata()
    assert heights[1] == pytest.approx(1000 * float(row["deviation_eV"]))
    assert product.warnings == ("1 of 240 labels have no verified barrier and are left out.",)


def test_labels_without_two_of_a_kind_are_not_enough(workdir):
    labels = BarrierSet.load(workdir.labels_file)
    replace(labels.select(np.array([0, 1, 2, 3]))).save(workdir.labels_file)
    with pytest.raises(MissingInput, match="two usable labels"):
        farfield.analyse(Inputs(workdir))


def test_labels_of_other_samples_are_refused(workdir):
    for label in ("label: {samples: {kind: random}}", "labels: {file: labels.nc}"):
        text = CAMPAIGN.replace(CAMPAIGN.splitlines()[-1], label)
        workdir.campaign_file.write_text(text)
        with pytest.raises(MissingInput, match="not of far-field samples"):
            farfield.analyse(Inputs(workdir))
