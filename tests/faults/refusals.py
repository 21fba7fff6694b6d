"""Conditions under which a run must be refused, with cause and cure; afterwards nothing may be different."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from tests.faults.machine import fill, mount, on_a_small_disk
from tests.faults.scene import SITE_OR_LOCK, Scene


@contextmanager
def lock_of_another_host(scene: Scene, random: Random) -> Iterator[str]:
    holder = {"host": "elsewhere", "pid": 17, "user": "me", "process_start": 1.0, "since": "then"}
    scene.workdir.lock.write_text(json.dumps(holder))
    yield r"being run by process 17 of me on elsewhere.*remove .*lock and run again"
    scene.workdir.lock.unlink()


@contextmanager
def lock_that_is_none(scene: Scene, random: Random) -> Iterator[str]:
    scene.workdir.lock.write_bytes(random.choice([b"", b"17\n", b"\x00" * 40, b'{"host": 1}', b"[]"]))
    yield r"lock: not a lock of this program.*then remove it"
    scene.workdir.lock.unlink()


@contextmanager
def lock_of_the_living(scene: Scene, random: Random) -> Iterator[str]:
    program = (
        "import sys; from pathlib import Path; from launch.lock import acquire;"
        f"acquire(Path({str(scene.workdir.lock)!r})); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        yield rf"being run by process {other.pid} of .*end it with: kill {other.pid}"
        other.kill()
    scene.workdir.lock.unlink()


@contextmanager
def epoch_that_is_none(scene: Scene, random: Random) -> Iterator[str]:
    kept = scene.workdir.epoch_file.read_bytes()
    scene.workdir.epoch_file.write_bytes(random.choice([b"", b"\x00\x00", b"many\n"]))
    yield r"epoch: expected the number of a run, got .*write .*\d+.* into it"
    scene.workdir.epoch_file.write_bytes(kept)


@contextmanager
def record_that_is_none(scene: Scene, random: Random) -> Iterator[str]:
    path = random.choice(scene.files("records/label/*.jsonl", "records/kmc/*.jsonl"))
    kept = path.read_bytes()
    path.write_bytes(random.choice([b"\x00" * 20 + b"\n", b"17\n", b'{"key": \n']) + kept)
    yield rf"{re.escape(path.name)}:1: expected a JSON object, got .*remove the line"
    path.write_bytes(kept)


@contextmanager
def workdir_read_only(scene: Scene, random: Random) -> Iterator[str]:
    work = str(scene.workdir.root)
    mount("--bind", work, work)
    try:
        mount("-o", "remount,bind,ro", work)
        yield r"Read-only file system.*(writ|mount)"
    finally:
        subprocess.run(["umount", work], check=True)


@contextmanager
def full_disk(scene: Scene, random: Random) -> Iterator[str]:
    """The campaign on a file system of its own, on which no byte is free."""
    with on_a_small_disk(scene) as disk:
        fill(disk / "ballast")
        yield r"No space left on device.*free space"
        (disk / "ballast").unlink()


@contextmanager
def campaign_cut_short(scene: Scene, random: Random) -> Iterator[str]:
    kept = scene.campaign.read_bytes()
    manner = random.choice(["cut", "zeros", "empty"])
    place = kept.index(b"  cells") + 9
    scene.campaign.write_bytes({"cut": kept[:place], "zeros": kept[:place] + bytes(30), "empty": b""}[manner])
    yield r"campaign\.yaml(:\d+:\d+)?: .*(expected|allowed|required|missing|closed|empty)"
    scene.campaign.write_bytes(kept)


REFUSALS = {
    refusal.__name__.replace("_", " "): refusal
    for refusal in (
        lock_of_another_host,
        lock_that_is_none,
        lock_of_the_living,
        epoch_that_is_none,
        record_that_is_none,
        workdir_read_only,
        full_disk,
        campaign_cut_short,
    )
}


def refused(name: str, scene: Scene, random: Random) -> str:
    """Run under a condition that forbids it."""
    if not scene.workdir.epoch_file.exists() or not scene.files("records/label/*.jsonl"):
        return ""
    scene.workdir.report.unlink(missing_ok=True)  # where nothing is to do, nothing is refused
    with REFUSALS[name](scene, random) as expected:
        said = scene.launch()
        assert said.code in (2, SITE_OR_LOCK), scene.told
        assert re.search(expected, said.text, re.DOTALL), f"no {expected!r}\n{scene.told}"
        assert "Traceback" not in said.text, scene.told
    return name
