"""A kinetic Monte Carlo run, inside a Parsl worker: goes on from its last segment, ends when asked to."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jobs.prepared import read_lattice_parameter_A
from jobs.stop import Stop, stop_on_signals
from jobs.unit import Unit, UnitItem, describe
from nnk.alloy import composition_name, exact_counts, fractions_of, random_solution, with_vacancy
from nnk.files import StaleEpoch, Workdir, rng
from nnk.kmc import KeyFrames
from nnk.kmc.segments import run_to_files
from nnk.kmc.setup import RunSetup
from nnk.lattice import Lattice
from nnk.models import BarrierModel, load
from nnk.published.lammps_dump import read_lammps_dump
from nnk.published.nkk import read_nkk_weights


@lru_cache(maxsize=2)
def _published(file: str, elements: tuple[str, ...]) -> BarrierModel:
    return read_nkk_weights(Path(file), allow_pickle=True, elements=elements)


def model_of(unit: Unit) -> BarrierModel:
    """The network of a unit, its species numbered as in the campaign.

    Raises:
        ValueError: a published network that is a pickle, and the campaign does not say that it is trusted.
    """
    choice, elements = unit.settings["model"], tuple(unit.settings["elements"])
    if "trained" in choice:
        return load(unit.workdir.model_dir(choice["trained"])).remap(elements)
    if not choice["allow_pickle"]:
        raise ValueError(
            f"{choice['file']} is a pickle: set kmc.model.published.allow_pickle if you trust it"
        )
    return _published(choice["file"], elements)


def start_of(unit: Unit, item: UnitItem) -> tuple[Lattice, NDArray[np.uint8]]:
    """Lattice and first state uint8[n_sites] with one vacancy.

    A random start depends on seed, composition and replica, not on the temperature.

    Raises:
        ValueError: a start file of other cells than asked for, or with several vacancies.
    """
    settings, key = unit.settings, (item.inputs["case"], item.inputs["replica"])
    lattice = Lattice(settings["structure"], tuple(settings["cells"]), _lattice_parameter_A(unit, item))
    stream = rng(settings["seed"], "kmc", "start", *key)
    if settings["start_file"]:
        found, occupancy = read_lammps_dump(settings["start_file"], lattice.structure, lattice.a_A)
        if found.cells != lattice.cells:
            raise ValueError(f"{settings['start_file']}: cells {found.cells}, kmc.cells says {lattice.cells}")
    else:
        fractions = fractions_of(item.inputs["composition"], settings["elements"])
        occupancy = random_solution(exact_counts(fractions, lattice.n_sites), stream)
    n_vacancies = int((occupancy == 0).sum())
    if n_vacancies > 1:
        raise ValueError(f"{settings['start_file']}: {n_vacancies} vacancies; allowed: one or none")
    if n_vacancies == 0:
        occupancy = with_vacancy(occupancy, int(stream.integers(lattice.n_sites)))
    return lattice, occupancy


def _lattice_parameter_A(unit: Unit, item: UnitItem) -> float:
    given = unit.settings["a_A"]
    if given is not None:
        return float(given)
    name = composition_name(item.inputs["composition"], unit.settings["elements"])
    return read_lattice_parameter_A(unit.workdir, name)


def setup_of(unit: Unit, item: UnitItem, model: BarrierModel) -> RunSetup:
    """The run of an item."""
    settings = unit.settings
    lattice, occupancy = start_of(unit, item)
    return RunSetup(
        lattice=lattice,
        elements=tuple(settings["elements"]),
        occupancy=occupancy,
        temperature_K=item.inputs["temperature_K"],
        seed=settings["seed"],
        replica=item.inputs["replica"],
        jumps=settings["jumps"],
        attempt_frequency_Hz=settings["attempt_frequency_Hz"],
        key_frames=KeyFrames(settings["key_frames"], settings["spacing"]),
        inputs_hash=item.hash,
        model_description=model.describe(),
    )


def trajectory_file(workdir: Workdir, item: UnitItem) -> Path:
    """Where the finished run goes."""
    inputs = item.inputs
    return workdir.trajectory(inputs["case"], inputs["temperature_K"], inputs["replica"])


def run(unit_file: Path) -> int:
    """Make the runs of a unit and record what has become of them."""
    unit = Unit.load(unit_file)
    with _log(unit.log_file), _stopping(unit.stop_file) as stop:
        for item in unit.items:
            _run_item(unit, item, stop)
    return 0


def _run_item(unit: Unit, item: UnitItem, stop: Stop) -> None:
    began = time.perf_counter()
    unit.record(unit.outcome(item, "started"))
    try:
        model = model_of(unit)
        summary = run_to_files(
            trajectory_file(unit.workdir, item),
            setup_of(unit, item, model),
            model,
            checkpoint_s=unit.settings["checkpoint_s"],
            fence=unit.fence,
            should_stop=stop,
            quarantine=unit.workdir.quarantine,
        )
    except StaleEpoch:
        raise
    except Exception as error:
        traceback.print_exc()
        unit.record(_outcome(unit, item, "failed", began, error=describe(error)))
        return
    print(summary, flush=True)
    if summary.state == "done":
        unit.record(_outcome(unit, item, "done", began))


def _outcome(unit: Unit, item: UnitItem, state: str, began: float, **more: Any) -> dict[str, Any]:
    return unit.outcome(item, state, seconds=time.perf_counter() - began, **more)


@contextmanager
def _log(path: Path) -> Iterator[None]:
    """What is printed goes to the unit's log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as out, redirect_stdout(out), redirect_stderr(out):
        yield


@contextmanager
def _stopping(stop_file: Path) -> Iterator[Stop]:
    """Listen to signals where Python allows it: in the main thread, as in Parsl's workers."""
    if threading.current_thread() is not threading.main_thread():
        yield Stop(stop_file)
        return
    with stop_on_signals(stop_file) as stop:
        yield stop
