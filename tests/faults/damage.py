"""Faults that strike files at rest: between two runs, as a crash of the machine or of a disk leaves them."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.faults.scene import Scene

FILES = {
    "labels": ("labels/labels.nc",),
    "journal": ("labels/*.journal",),
    "run": ("kmc/*/T*/r*.nc",),
    "segment": ("kmc/*/T*/r*/seg-*.nc",),
    "weights": ("models/main/model.safetensors",),
    "header of a model": ("models/main/model.json",),
    "checkpoint": ("models/main/checkpoints/*",),
    "prepared": ("labels/*.json", "labels/lattice/*.json"),
    "inputs": ("records/*/inputs-*.json",),
    "resolved campaign": ("campaign.yaml",),
    "report": ("report.html",),
    "unit": ("run/*/units/*.json",),
    "driver": ("run/*/driver.json",),
}


def cut(path: Path, random: Random) -> str:
    length = random.randrange(1, max(2, path.stat().st_size))
    os.truncate(path, length)
    return f"cut to {length} bytes"


def emptied(path: Path, random: Random) -> str:
    os.truncate(path, 0)
    return "emptied"


def zeroed(path: Path, random: Random) -> str:
    """What a disk that had not yet written all blocks leaves: the right length, its end zeros."""
    size = path.stat().st_size
    keep = random.randrange(size)
    os.truncate(path, keep)
    os.truncate(path, size)
    return f"zeros from byte {keep}"


def flipped(path: Path, random: Random) -> str:
    blob = bytearray(path.read_bytes())
    place = random.randrange(len(blob))
    blob[place] ^= 1 << random.randrange(8)
    path.write_bytes(blob)
    return f"a bit of byte {place} turned"


def scribbled(path: Path, random: Random) -> str:
    path.write_bytes(random.randbytes(random.randrange(1, 2000)))
    return "replaced by noise"


def removed(path: Path, random: Random) -> str:
    path.unlink()
    return "removed"


MANNERS = (cut, emptied, zeroed, flipped, scribbled, removed)


Fault = Callable[[Scene, Random], str]
"""Strikes, and says what it has done; empty: it could not."""


def damage(manner: Callable[[Path, Random], str], patterns: tuple[str, ...]) -> Fault:
    """A fault that damages one file; empty where there is none such."""

    def strike(scene: Scene, random: Random) -> str:
        found = [path for path in scene.files(*patterns) if path.stat().st_size]
        if not found:
            return ""
        path = random.choice(found)
        return f"{path.relative_to(scene.workdir.root)}: {manner(path, random)}"

    return strike


def torn_record(scene: Scene, random: Random) -> str:
    """A kill in the middle of a line."""
    path = random.choice(scene.files("records/*/*.jsonl") or [None])
    if path is None:
        return ""
    with open(path, "a") as file:
        file.write('{"epoch": 1, "key": "half a li')
    return f"{path.name}: half a line"


def lost_records(scene: Scene, random: Random) -> str:
    """Records of the labels, whose products tell all by themselves."""
    for path in scene.files("records/label/*.jsonl"):
        path.unlink()
    return "records of the labels removed"


def left_temporaries(scene: Scene, random: Random) -> str:
    for folder in ("labels", "kmc", "models/main", "records/kmc"):
        if (scene.workdir.root / folder).is_dir():
            name = f".half.nc.{random.randbytes(6).hex()}.part"
            (scene.workdir.root / folder / name).write_bytes(random.randbytes(100))
    return "half-written temporary files"


def lock_of_the_dead(scene: Scene, random: Random) -> str:
    """A driver that was killed, or whose machine was."""
    scene.workdir.root.mkdir(parents=True, exist_ok=True)
    holder = {
        "host": os.uname().nodename,
        "pid": 2**22 - 1,
        "user": "me",
        "process_start": 1.0,
        "since": "then",
    }
    scene.workdir.lock.write_text(json.dumps(holder))
    return "the lock of a dead process"


def beat_of_the_dead(scene: Scene, random: Random) -> str:
    scene.workdir.root.mkdir(parents=True, exist_ok=True)
    scene.workdir.lock.with_name("lock.beat").write_text(random.choice(["", "17", "\0\0\0"]))
    return "a heartbeat without a lock"


def stop_file(scene: Scene, random: Random) -> str:
    """A stop file for the next run cannot be there yet, but one of an earlier run can."""
    folder = scene.workdir.run_dir(max(1, scene.epoch))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stop").touch()
    return "a stop file of an earlier run"


def clock(scene: Scene, random: Random) -> str:
    """The clock was wrong: all files come from the future, or from long ago."""
    when = time.time() + random.choice([-1, 1]) * 86400.0 * random.uniform(1, 4000)
    for path in scene.workdir.root.rglob("*"):
        os.utime(path, (when, when), follow_symlinks=False)
    return f"all files of {time.strftime('%Y-%m-%d', time.gmtime(when))}"


def clock_of_records(scene: Scene, random: Random) -> str:
    """What an earlier run has noted came later, by its clock."""
    shift_s = random.choice([-1, 1]) * random.uniform(1, 1e8)
    for path in scene.files("records/*/*.jsonl"):
        *whole, _torn = path.read_text().split("\n")
        lines = [json.loads(line) for line in whole]
        for line in lines:
            line["time_unix_s"] += shift_s
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return f"records from {shift_s:+.0f} s"


def lost_logs(scene: Scene, random: Random) -> str:
    for path in scene.files("logs/*/*"):
        path.unlink()
    return "logs removed"


def lost_runs(scene: Scene, random: Random) -> str:
    """A kMC run and all that is known of it."""
    for path in scene.files("kmc/*/T0800.0K/**/*", "records/kmc/*"):
        path.unlink()
    return "a run of 800 K and the records of all runs removed"


OTHERS = (
    torn_record,
    lost_records,
    left_temporaries,
    lock_of_the_dead,
    beat_of_the_dead,
    stop_file,
    clock,
    clock_of_records,
    lost_logs,
    lost_runs,
)
DAMAGES: dict[str, Fault] = {
    f"{what} {manner.__name__}": damage(manner, patterns)
    for what, patterns in FILES.items()
    for manner in MANNERS
} | {strike.__name__.replace("_", " "): strike for strike in OTHERS}
