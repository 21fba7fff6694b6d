"""Work of a driver that is dead by now, on a node where nobody can end it, must not be committed any more."""

import signal
import subprocess
import sys
import time

import pytest

from jobs.mpi_job import EXIT_STALE
from tests.faults.scene import check_same

pytestmark = pytest.mark.faults

JOBS = {
    "label": ["-m", "jobs.label"],
    "kmc": ["-c", "import sys; from pathlib import Path; from jobs.kmc import run; run(Path(sys.argv[1]))"],
}
WITHOUT = {"label": ("labels", "kmc", "models"), "kmc": ("kmc",)}
AT_WORK = {"label": "run/*/work/*/*.item", "kmc": "kmc/*/T*/r*/seg-*.nc"}


def at_work(scene, stage):
    """What a process of the stage has left of what it has in work."""
    return [path for path in scene.files(AT_WORK[stage]) if path.stat().st_size]


def wait_for(condition, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def unit_of_a_killed_driver(scene, stage):
    """A unit that was about to begin when its driver was killed."""
    pattern = f"run/{scene.epoch + 1:06d}/units/*-{stage}-*.json"
    with scene.start() as driver:
        wait_for(lambda: scene.files(pattern))
        driver.kill()
    scene.wait_until_nothing_runs()
    assert not at_work(scene, stage), "the unit was quicker than the kill"
    assert not scene.files("labels/*.journal"), "the unit was quicker than the kill"
    return scene.files(pattern)[0]


def contents(scene):
    """All files but what processes print, and the marks of what each has in work, which are their own."""
    files = (path for path in scene.workdir.root.rglob("*") if path.is_file() and "logs" not in path.parts)
    files = (path for path in files if path.suffix not in (".item", ".crash"))
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


@pytest.mark.parametrize("stage", list(JOBS))
def test_an_orphan_commits_nothing(stage, reference, tmp_path):
    scene = reference.copy(tmp_path, *WITHOUT[stage])
    unit = unit_of_a_killed_driver(scene, stage)
    command = [sys.executable, "-P", *JOBS[stage], str(unit)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as orphan:
        wait_for(lambda: at_work(scene, stage))
        orphan.send_signal(signal.SIGSTOP)
        assert scene.launch().code == 0, scene.told
        before = contents(scene)
        orphan.send_signal(signal.SIGCONT)
        said = orphan.communicate(timeout=600)[1]
    assert "has taken over from run" in said
    assert orphan.returncode == (EXIT_STALE if stage == "label" else 1)
    assert contents(scene) == before
    check_same(scene, reference)
