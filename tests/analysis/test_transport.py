import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analysis import transport
from analysis.command import make
from analysis.inputs import DamagedInput, Inputs, MissingInput, RunFile
from analysis.options import TransportOptions
from analysis.transport_cases import cases_of, left_out, summary
from analysis.transport_figures import transport_figures
from analysis.transport_runs import RunTransport, run_transport
from analysis.transport_tables import points_table
from nnk.constants import K_B_eV_K
from nnk.environment import EnvironmentSpec
from nnk.files import Workdir
from nnk.kmc import KeyFrames, run
from nnk.lattice import Lattice
from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack
from nnk.observables.transport import transport_of
from nnk.observables.walks import JumpFollower
from nnk.run_terms import Schedule

A_A, BARRIER_eV, CELLS, JUMPS = 3.0, 1.0, (3, 3, 3), 2**16
TEMPERATURES_K = (700.0, 900.0, 1300.0)
CAMPAIGN = """\
schema_version: 1
name: walk
seed: 7
workdir: .
site: local
alloy: {elements: [Nb, Mo], lattice: bcc}
kmc:
  model: main
  cells: [3, 3, 3]
  compositions: [{Nb: 0.5, Mo: 0.5}]
  start: random
  temperatures_K: [700.0, 900.0, 1300.0]
  replicas: 3
  stop: {jumps: 65536}
analysis: [transport]
"""
OPTIONS = "analysis_options: {transport: {%s}}\n"
CASE = "NbMo"


def equal_model():
    """Every barrier 1 eV: a random walk, whose diffusivity is known."""
    n_env = EnvironmentSpec("bcc", 1, "initial").n_env
    table, row = np.zeros((n_env, 2, 8), np.float32), np.zeros(8, np.float32)
    mover = np.zeros((2, 8), np.float32)
    return MlpModel(("Nb", "Mo"), "bcc", 1, DenseStack(table, mover, row, (), row, BARRIER_eV))


def walk(temperature_K, replica, jumps=JUMPS, **more):
    lattice = Lattice.bcc(CELLS, A_A)
    occupancy = (1 + np.arange(lattice.n_sites) % 2).astype(np.uint8)
    occupancy[0] = 0
    return run(
        lattice, occupancy, equal_model(), temperature_K=temperature_K, jumps=jumps, seed=7, replica=replica,
        key_frames=KeyFrames("log", 10), **more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Workdir of random walks at three temperatures, three replicas each."""
    workdir = Workdir(tmp_path_factory.mktemp("walk"))
    workdir.campaign_file.write_text(CAMPAIGN)
    for temperature_K in TEMPERATURES_K:
        for replica in range(3):
            path = workdir.trajectory(CASE, temperature_K, replica)
            path.parent.mkdir(parents=True, exist_ok=True)
            walk(temperature_K, replica).save(path)
    return workdir


@pytest.fixture
def choose(walked):
    """Writes options of the analysis into the campaign file."""
    yield lambda text: walked.campaign_file.write_text(CAMPAIGN + OPTIONS % text)
    walked.campaign_file.write_text(CAMPAIGN)


def exact_m2_s(temperature_K):
    rate = 8 * 1e13 * np.exp(-BARRIER_eV / (K_B_eV_K * temperature_K))
    return rate * (np.sqrt(3) / 2 * A_A * 1e-10) ** 2 / 6


def test_random_walks_have_their_exact_diffusivities(walked, rows_of):
    product = transport.analyse(Inputs(walked))
    rows = rows_of(product, "transport")
    assert len(rows) == 3 * 3
    for row in rows:
        assert row["sound"] == row["in_fit"] == "yes"
        assert row["replicas"] == "3"
        exact = exact_m2_s(float(row["temperature_K"]))
        D, errors = (
            float(row["D_m2_s"]),
            [float(row[f"D_error_{kind}_m2_s"]) for kind in ("replicas", "blocks")],
        )
        # f = 0.74301 for one vacancy in 54 sites
        expected, factor = (exact, 1.0) if row["walker"] == "vacancy" else (0.74301 * exact / 53, 0.74301)
        assert pytest.approx(expected, abs=4 * max(errors)) == D
        assert max(errors) < 0.25 * D
        assert float(row["correlation_factor"]) == pytest.approx(factor, rel=0.25)
        assert row["D_equilibrium_m2_s"] == row["vacancy_concentration_factor"] == ""
    for row in rows_of(product, "transport-fits"):
        low, high = (float(row[f"{end}_K"]) for end in ("lowest", "highest"))
        assert (int(row["points"]), low, high) == (3, 700.0, 1300.0)
        assert float(row["Q_eV"]) == pytest.approx(BARRIER_eV, abs=4 * float(row["Q_error_eV"]))
        assert float(row["Q_error_eV"]) < 0.1
    assert "per one vacancy in 54 sites" in product.figures[0].caption
    assert "All points are sound" in product.figures[0].caption
    assert product.warnings == ()


def test_half_of_the_jumps_are_looked_at(walked, choose):
    inputs = Inputs(walked)
    file = inputs.run_files()[0]
    trajectory = inputs.trajectory(file)
    found = run_transport(file, trajectory, TransportOptions())
    frames = trajectory.frames()
    at = int(np.flatnonzero(frames.jump <= JUMPS // 2)[-1])
    assert found.first_jump == frames.jump[at] == 31623
    assert found.time_s == pytest.approx(frames.time_s[-1] - frames.time_s[at])
    assert found.record.n_jumps == JUMPS - 31623
    assert found.record.block_jumps == 1024
    all_of_it = run_transport(file, trajectory, TransportOptions(skip_share=0.0, blocks=16))
    assert (all_of_it.first_jump, all_of_it.record.block_jumps) == (0, 4096)
    assert all_of_it.time_s == trajectory.time_s
    choose("skip_share: 0.0, blocks: 16")
    assert transport.analyse(Inputs(walked)).settings["jumps of a block"] == 4096


def test_replay_from_a_key_frame_is_that_of_the_whole_run(walked):
    inputs = Inputs(walked)
    file = inputs.run_files()[-1]
    trajectory = inputs.trajectory(file)
    found = run_transport(file, trajectory, TransportOptions())
    start = found.first_jump
    first, block, stretch = trajectory.states(at=[start, start + 1024, start + 8192])
    way = block.replayed.vacancy_displacement - first.replayed.vacancy_displacement
    steps = stretch.replayed.atom_displacement - first.replayed.atom_displacement
    assert found.record.stretch_jumps == 8192
    assert found.record.tracer_squares[0].sum() == (steps.astype(int) ** 2).sum()
    assert found.record.lag_stretches[-1] == 4
    assert found.record.vacancy_squares[0] == (way**2).sum()


def test_diffusivities_at_equilibrium_vacancies(walked, choose, rows_of):
    choose("vacancy_formation_energy_eV: 0.9, vacancy_formation_entropy_kB: 1.5")
    product = transport.analyse(Inputs(walked))
    for row in rows_of(product, "transport"):
        if row["walker"] == "vacancy":
            assert row["D_equilibrium_m2_s"] == ""
            continue
        factor = 54 * np.exp(1.5 - 0.9 / (K_B_eV_K * float(row["temperature_K"])))
        assert float(row["vacancy_concentration_factor"]) == pytest.approx(factor)
        assert float(row["D_equilibrium_m2_s"]) == pytest.approx(factor * float(row["D_m2_s"]))
    energies = {row["walker"]: float(row["Q_eV"]) for row in rows_of(product, "transport-fits")}
    assert energies["vacancy"] == pytest.approx(1.0, abs=0.1)
    assert energies["Mo"] == pytest.approx(1.9, abs=0.1)
    text = product.figures[0].caption
    assert "$E_f$ = 0.9 eV, $S_f$ = 1.5 k" in text
    assert "per one vacancy" not in text


def test_range_of_the_fit(walked, choose, rows_of):
    choose("fit_range_K: [800, 2000]")
    product = transport.analyse(Inputs(walked))
    assert rows_of(product, "transport-fits") == []
    assert {row["in_fit"] for row in rows_of(product, "transport")} == {"no"}
    assert {row["sound"] for row in rows_of(product, "transport")} == {"yes"}
    assert any("no Arrhenius fit: 2 sound points in its range" in text for text in product.warnings)
    assert "too few sound" in product.summary


def flickering(temperature_K, replica):
    """Two states for ever, but for one way of a few jumps."""
    lattice = Lattice.bcc(CELLS, A_A)
    occupancy = (1 + np.arange(lattice.n_sites) % 2).astype(np.uint8)
    occupancy[0] = 0
    directions = np.array([5, 2] * 4096, dtype=np.uint8)
    directions[4000:4001] = 1
    follower = JumpFollower(lattice, occupancy, 3, n_jumps=len(directions), blocks=32)
    follower.follow(directions)
    found = transport_of(follower.record, lattice, time_s=1.0)
    file = RunFile(CASE, temperature_K, replica, Path("run.nc"))
    return RunTransport(file, lattice, ("Nb", "Mo", "Ta"), 0, 1.0, 0.0, follower.record, found)


def test_a_trap_is_no_diffusivity(walked):
    inputs, options = Inputs(walked), TransportOptions()
    runs = [run_transport(file, inputs.trajectory(file), options) for file in inputs.run_files()]
    trapped = [flickering(400.0, replica) for replica in range(2)]
    case = cases_of([*trapped, *runs], options)[0]
    assert case.walkers == [0, 1, 2]
    assert case.faults[0, 0].startswith("trapped: the vacancy moves by ")
    assert case.faults[0, 1].startswith("trapped: atoms move by ")
    assert case.sound(0) == case.fitted(1) == [1, 2, 3]
    assert left_out(case, 0) == "trapped at 400 K"
    assert case.fits[0].degrees == 1
    figures = transport_figures(case)
    assert "Not sound: vacancy: trapped at 400 K" in figures[0].caption
    assert f"{CASE}: activation energies" in summary(case)


def test_growth_and_errors_decide_too(walked):
    inputs, options = Inputs(walked), TransportOptions()
    runs = [run_transport(file, inputs.trajectory(file), options) for file in inputs.run_files()[:3]]
    point = cases_of(runs, options)[0].points[0]
    assert [point.fault(walker) for walker in range(3)] == ["", "", ""]
    assert point.growth(0) == pytest.approx(1, abs=0.2)
    subdiffusive = [slowed(run) for run in runs]
    assert (
        cases_of(subdiffusive, options)[0].points[0].fault(0).startswith("not diffusive: displacements grow")
    )
    scattered = [scaled(run, factor) for run, factor in zip(runs, (1, 1, 100), strict=True)]
    assert cases_of(scattered, options)[0].points[0].fault(0).startswith("uncertain: error of ")


def test_points_that_stray_from_the_line_are_told(walked):
    inputs, options = Inputs(walked), TransportOptions()
    runs = [run_transport(file, inputs.trajectory(file), options) for file in inputs.run_files()]
    straight = cases_of(runs, options)[0]
    bent = cases_of([scaled(run, 10 if run.file.temperature_K == 900 else 1) for run in runs], options)[0]
    assert [case.bent(0) for case in (straight, bent)] == [False, True]
    assert ["bent" in summary(case) for case in (straight, bent)] == [False, True]
    assert not bent.bent(1)
    assert bent.fits[0].activation_error_eV > 3 * straight.fits[0].activation_error_eV
    (text,) = transport._warnings(bent)
    assert "vacancy: the points stray from the Arrhenius line" in text
    dashes = [line.get_linestyle() for line in transport_figures(bent)[0].figure.axes[0].lines]
    assert "--" in dashes


def slowed(run):
    """Displacements growing with the square root of the jumps."""
    record = run.record
    lag = record.vacancy_lag[-1] * np.sqrt(record.lag_jumps / record.lag_jumps[-1])
    return replace(run, record=replace(record, vacancy_lag=lag))


def scaled(run, factor):
    D = factor * run.transport.vacancy_m2_s
    return replace(run, transport=replace(run.transport, vacancy_m2_s=D))


def test_a_single_replica_has_errors_of_blocks(walked):
    inputs, options = Inputs(walked), TransportOptions()
    files = [file for file in inputs.run_files() if file.replica == 0]
    case = cases_of([run_transport(file, inputs.trajectory(file), options) for file in files], options)[0]
    point = case.points[0]
    assert np.isnan(point.diffusivity.error).all()
    assert (point.errors(point.diffusivity, point.block_error) == point.block_error).all()
    assert (point.block_error > 0).all()
    assert "blocks within the run" in transport_figures(case)[0].caption
    assert len(case.fits) == 3


def test_products_are_written(walked, provenance):
    paths = make(walked, transport.analyse)
    names = {path.relative_to(walked.root).as_posix() for path in paths}
    stems = [f"transport-{CASE}{more}" for more in ("", "-correlation", "-displacement")]
    assert names == {
        *(f"figures/{stem}{suffix}" for stem in stems for suffix in (".pdf", ".png")),
        *(f"tables/transport{more}.csv" for more in ("", "-fits", "-displacement")),
        "figures/transport.json",
    }
    written = provenance(walked, "transport")
    assert len(written["inputs"]) == 1 + 9
    energy = next(number for number in written["numbers"] if "vacancy" in number["label"])
    assert energy["unit"] == "eV"
    assert energy["value"] == pytest.approx(1.0, abs=0.1)
    assert json.dumps(written["settings"])


def test_short_runs_are_shown_and_called_unsound(with_runs, rows_of):
    product = transport.analyse(Inputs(with_runs))
    rows = rows_of(product, "transport")
    assert {row["walker"] for row in rows} == {"vacancy", "Nb", "Mo", "Ta"}
    assert {row["sound"] for row in rows} == {"no"}
    assert all(row["collective_ratio"] == "" for row in rows)
    assert all(row["why_not_sound"].startswith("trapped") for row in rows)
    assert product.numbers == ()


def test_runs_whose_temperature_changes_to_the_end_are_left_out(walked):
    file = Inputs(walked).run_files()[0]
    late, early = Schedule("jumps", (0, 3000), (900.0, 700.0)), Schedule("jumps", (0, 1000), (900.0, 700.0))
    assert run_transport(file, walk(900.0, 0, 4000, schedule=late), TransportOptions()) is None
    assert run_transport(file, walk(900.0, 0, 4000, schedule=early), TransportOptions()) is not None


def test_jumps_that_are_not_recorded_one_by_one(walked):
    """The vacancy is known, the species of its jumps are not."""
    inputs, options = Inputs(walked), TransportOptions()
    runs = [run_transport(file, inputs.trajectory(file), options) for file in inputs.run_files()[:4]]
    case = cases_of([*map(with_skipped, runs[:3]), runs[3]], options)[0]
    point = case.points[0]
    assert np.isfinite(point.correlation.mean).tolist() == [True, False, False]
    assert not any(point.fault(walker) for walker in range(3))
    rows = points_table([case]).rows
    assert len(rows) == 6
    assert any("not recorded one by one" in text for text in transport._warnings(case))
    assert len(transport_figures(case)) == 3


def with_skipped(run):
    found = transport_of(run.record, run.lattice, time_s=run.time_s, skipped=1e6)
    return replace(run, skipped=1e6, transport=found)


def test_vacancies_are_followed_each_by_itself():
    lattice = Lattice.bcc((5, 5, 5), A_A)
    occupancy = np.ones(lattice.n_sites, dtype=np.uint8)
    occupancy[[0, 77]] = 0
    trajectory = run(
        lattice, occupancy, equal_model(), temperature_K=900.0, jumps=JUMPS, seed=1,
        key_frames=KeyFrames("log", 10),
    )  # fmt: skip
    found = run_transport(RunFile(CASE, 900.0, 0, Path("run.nc")), trajectory, TransportOptions())
    assert found.record.n_vacancies == 2
    assert found.transport.jump_Hz == pytest.approx(found.record.n_jumps / found.time_s / 2)
    # the other vacancy is seldom in the way
    assert found.transport.vacancy_m2_s == pytest.approx(exact_m2_s(900.0), rel=0.35)
    atoms = found.transport.tracer_m2_s[0] * (lattice.n_sites - 2) / 2
    assert atoms == pytest.approx(0.731 * exact_m2_s(900.0), rel=0.2)
    case = cases_of([found], TransportOptions(vacancy_formation_energy_eV=1.0))[0]
    factor = np.exp(-1.0 / (K_B_eV_K * 900.0)) * lattice.n_sites / 2
    assert case.points[0].factor == pytest.approx(factor)
    assert "250 sites, 2 vacancies" in transport_figures(case)[0].caption


def test_a_torn_run_is_named_and_left_out(walked, tmp_path, rows_of):
    copy = Workdir(Path(shutil.copytree(walked.root, tmp_path / "copy")))
    path = copy.trajectory(CASE, 900.0, 1)
    path.write_bytes(path.read_bytes()[:-4000])
    inputs = Inputs(copy)
    rows = rows_of(transport.analyse(inputs), "transport")
    assert {(row["temperature_K"], row["replicas"]) for row in rows} == {
        ("700", "3"),
        ("900", "2"),
        ("1300", "3"),
    }
    (text,) = inputs.warnings
    assert f"kmc/{CASE}/T0900.0K/r001.nc is left out" in text


def test_a_run_without_jumps_is_damaged(walked):
    file = Inputs(walked).run_files()[0]
    with pytest.raises(DamagedInput, match="no time passes"):
        run_transport(file, walk(900.0, 0, 0), TransportOptions())


def test_no_run_at_constant_temperature_is_missing_input(walked, monkeypatch):
    monkeypatch.setattr("analysis.transport_runs.run_transport", lambda *_: None)
    inputs = Inputs(walked)
    with pytest.raises(MissingInput, match="constant temperature"):
        transport.analyse(inputs)
    assert inputs.warnings == ["9 runs are left out: their temperature changes to the end."]
