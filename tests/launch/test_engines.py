"""The choice of the engine of kMC runs: what is refused, what a change redoes, and that it runs."""

import subprocess
import sys

import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.problems import CampaignErrors
from nnk.kmc import Trajectory

BATCHED = "engine: {batched: {device: cpu}}"


def errors_of(path):
    with pytest.raises(CampaignErrors) as caught:
        load_campaign(path)
    return [str(problem).removeprefix(f"{path}:") for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("engine: quick",), '33:11: kmc.engine: got "quick"; allowed: compiled'),
        (("engine: {batched: {device: tpu}}",), 'kmc.engine.batched.device: got "tpu"; allowed: cuda, cpu'),
        (("engine: flicker", "vacancies: 2"), "kmc.vacancies: got 2 with engine flicker; allowed: 1"),
        ((BATCHED, "vacancies: 3"), "kmc.vacancies: got 3 with engine batched; allowed: 1"),
    ],
)
def test_refusals(write_campaign, lines, message):
    path = write_campaign(("checkpoint_s: 60", "\n  ".join(["checkpoint_s: 60", *lines])))
    assert [error for error in errors_of(path) if message in error]


def test_runs_in_step_end_after_jumps(write_campaign):
    stop = "stop: {jumps: 1_000, time_s: 1.0}"
    engine = ("checkpoint_s: 60", f"{BATCHED}\n  checkpoint_s: 60")
    path = write_campaign(("stop: {jumps: 1_000}", stop), engine)
    assert errors_of(path) == [
        "31:24: kmc.stop.time_s: given with engine batched; allowed: jumps alone, or engine: compiled"
    ]


def test_flicker_ends_after_jumps_or_order(write_campaign):
    stop = "stop: {jumps: 1_000, time_s: 1.0}"
    path = write_campaign(("stop: {jumps: 1_000}", stop), ("checkpoint_s: 60", "engine: flicker"))
    (error,) = errors_of(path)
    assert error.startswith("31:24: kmc.stop.time_s: given with engine flicker")


def test_another_engine_is_another_run_another_device_is_not(write_campaign):
    def hashes(line):
        path = write_campaign(("checkpoint_s: 60", f"{line}\n  checkpoint_s: 60"))
        return [item.hash for item in all_items(load_campaign(path))["kmc"]]

    engines = [hashes(f"engine: {e}") for e in ("compiled", "flicker", "{batched: {device: cpu}}")]
    assert len({h for one in engines for h in one}) == 3 * len(engines[0])
    assert hashes("engine: {batched: {device: cuda, runs: 7}}") == engines[2]
    assert hashes("engine: {batched: {precision: float64}}") != engines[2]


@pytest.mark.parametrize("engine", ["flicker", "{batched: {device: cpu, precision: float64, runs: 3}}"])
def test_runs_of_a_campaign(tmp_path, nkk_weights, engine):
    """Both ways of a run agree where no trap is worth it: at 3000 K all make the same jumps."""
    text = f"""\
schema_version: 1
name: engines
seed: 7
workdir: work
alloy: {{elements: [Nb, Mo, Ta], lattice: bcc}}
kmc:
  model: {{published: {{format: nkk, file: {nkk_weights}, allow_pickle: true}}}}
  cells: [5, 5, 5]
  compositions: [equimolar]
  temperatures_K: [3000]
  replicas: 4
  stop: {{jumps: 60}}
  engine: ENGINE
"""
    found = []
    for number, chosen in enumerate(("compiled", engine)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "c.yaml").write_text(text.replace("ENGINE", chosen))
        command = [sys.executable, "-P", "-m", "launch.cli", str(folder / "c.yaml")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        runs = sorted((folder / "work" / "kmc").glob("*/*/r*.nc"))
        assert len(runs) == 4
        found.append([Trajectory.load(run).directions.tolist() for run in runs])
    assert found[0] == found[1]
