"""A kinetic Monte Carlo run, inside a Parsl worker: goes on from its last segment, ends when asked to."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator, Mapping
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
from nnk.atoms_file import read_atoms
from nnk.exchange.engine import LatticeExchange
from nnk.exchange.pairs import pairs_of_model
from nnk.files import StaleEpoch, Workdir, rng, stream_key
from nnk.kmc import KeyFrames, Trajectory
from nnk.kmc.segments import run_to_files
from nnk.kmc.setup import RunSetup
from nnk.lattice import Lattice
from nnk.models import BarrierModel, load
from nnk.ordered import ordered_solution
from nnk.published.nkk import read_nkk_weights
from nnk.run_terms import Schedule, StopWhen


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


def start_of(
    unit: Unit, item: UnitItem, model: BarrierModel | None = None
) -> tuple[Lattice, NDArray[np.uint8]]:
    """Lattice and first state uint8[n_sites] with its vacancies.

    A start depends on seed, case and replica; on the temperature only where it is another run's state, or one
    of exchanges at the run's own temperature, with the pair energies of `model`.

    Raises:
        ValueError: given atoms of other cells than asked for, or with another number of vacancies; a start
            by exchanges without a model that has pair energies.
        FileNotFoundError: the run to go on from has not ended.
    """
    settings, start = unit.settings, item.inputs["start"]
    key = (item.inputs["case"], item.inputs["replica"])
    stream = rng(settings["seed"], "kmc", "start", *key)
    if start["kind"] in ("file", "case"):
        lattice, occupancy = _given_atoms(unit, item)
    else:
        a_A = _lattice_parameter_A(unit, item)
        lattice = Lattice(settings["structure"], tuple(settings["cells"]), a_A)
        occupancy = _made_atoms(settings, item, lattice, stream)
    occupancy = _with_vacancies(occupancy, settings["vacancies"], stream)
    if start["kind"] == "exchanged":
        occupancy = _exchanged(unit, item, model, lattice, occupancy)
    return lattice, occupancy


def _exchanged(
    unit: Unit, item: UnitItem, model: BarrierModel | None, lattice: Lattice, occupancy: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """The atoms after exchanges; the vacancies stay."""
    if model is None:
        raise ValueError("a start by exchanges needs the model")
    how, inputs = item.inputs["start"]["exchanged"], item.inputs
    at = inputs["temperature_K"] if how["temperature_K"] is None else how["temperature_K"]
    key = stream_key(unit.settings["seed"], "kmc", "exchange", inputs["case"], inputs["replica"])
    run = LatticeExchange(lattice, pairs_of_model(model), occupancy, key)
    run.advance(max(1, round(how["trials_per_atom"] * lattice.n_sites)), at)
    return run.occupancy


def _made_atoms(
    settings: Mapping[str, Any], item: UnitItem, lattice: Lattice, stream: np.random.Generator
) -> NDArray[np.uint8]:
    start, elements = item.inputs["start"], settings["elements"]
    counts = exact_counts(fractions_of(item.inputs["composition"], elements), lattice.n_sites)
    if start["kind"] in ("random", "exchanged"):
        return random_solution(counts, stream)
    lists = start["sublattices"]
    return ordered_solution(lattice, counts, elements, start["ordered"], stream, sublattices=lists)


def _given_atoms(unit: Unit, item: UnitItem) -> tuple[Lattice, NDArray[np.uint8]]:
    settings, start = unit.settings, item.inputs["start"]
    if start["kind"] == "case":
        path = unit.workdir.root / "kmc" / f"{item.inputs['from']['key']}.nc"
    else:
        path = Path(start["file"])
    if path.suffix == ".nc":
        lattice, occupancy = _state_of_run(path, item, tuple(settings["elements"]))
    else:
        a_A = _lattice_parameter_A(unit, item)
        lattice, occupancy = read_atoms(path, settings["structure"], a_A, settings["elements"])
    if lattice.structure != settings["structure"] or list(lattice.cells) != list(settings["cells"]):
        raise ValueError(
            f"{path}: {lattice.structure}, cells {lattice.cells}, kmc.cells says {settings['cells']}"
        )
    return lattice, occupancy


def _state_of_run(path: Path, item: UnitItem, elements: tuple[str, ...]) -> tuple[Lattice, NDArray[np.uint8]]:
    """A state of a trajectory, its species numbered as in `elements`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the run to go on from has not ended")
    trajectory, frame = Trajectory.load(path), item.inputs["start"]["frame"]
    if "from" in item.inputs:
        _check_source(path, trajectory, item.inputs["from"])
    if frame == "last":
        # a run that has gone on since, beyond the end that this item knows of, is read at that end
        asked = item.inputs.get("from", {}).get("stop", {}).get("jumps", trajectory.jumps)
        frame = min(asked, trajectory.jumps)
    missing = [name for name in trajectory.elements if name not in elements]
    if missing:
        raise ValueError(f"{path}: atoms of {', '.join(missing)}; the elements are {', '.join(elements)}")
    numbers = np.array([0, *(elements.index(name) + 1 for name in trajectory.elements)], dtype=np.uint8)
    return trajectory.lattice, numbers[trajectory.state_after(frame)]


def _check_source(path: Path, trajectory: Trajectory, source: Mapping[str, Any]) -> None:
    """A file that the source's present inputs did not make, or that ends too early, is not the source."""
    if trajectory.notes.get("inputs_hash") != source["hash"]:
        raise ValueError(f"{path}: the run to go on from was made of other inputs, and not again since")
    stop = StopWhen.from_json(source["stop"]) if "stop" in source else None
    if stop and not stop.is_met(trajectory.jumps, trajectory.time_s, trajectory.ended_by):
        raise ValueError(
            f"{path}: the run to go on from ends at {trajectory.jumps:,} jumps, not yet {stop.text}"
        )


def _with_vacancies(
    occupancy: NDArray[np.uint8], wanted: int, stream: np.random.Generator
) -> NDArray[np.uint8]:
    """`occupancy` with as many vacancies as wanted: its own, or at random sites where it has none."""
    found = int((occupancy == 0).sum())
    if found not in (0, wanted):
        raise ValueError(
            f"the start has {found} vacancies, kmc.vacancies says {wanted}; allowed: {wanted} or none"
        )
    if found:
        return occupancy
    if wanted == 1:
        return with_vacancy(occupancy, int(stream.integers(len(occupancy))))
    emptied = occupancy.copy()
    emptied[stream.choice(len(occupancy), wanted, replace=False)] = 0
    return emptied


def setup_of(unit: Unit, item: UnitItem, model: BarrierModel) -> RunSetup:
    """The run of an item."""
    settings = unit.settings
    lattice, occupancy = start_of(unit, item, model)
    schedule = settings["schedule"]
    return RunSetup(
        lattice=lattice,
        elements=tuple(settings["elements"]),
        occupancy=occupancy,
        temperature_K=item.inputs["temperature_K"],
        seed=_seed(unit, item),
        replica=item.inputs["replica"],
        stop=StopWhen.from_json(settings["stop"]),
        schedule=Schedule.from_json(schedule) if schedule else None,
        attempt_frequency_Hz=settings["attempt_frequency_Hz"],
        key_frames=KeyFrames(**settings["key_frames"]),
        flicker=settings["flicker"],
        inputs_hash=item.hash,
        model_description=model.describe(),
    )


def _lattice_parameter_A(unit: Unit, item: UnitItem) -> float:
    given = unit.settings["a_A"]
    if given is not None:
        return float(given)
    name = composition_name(item.inputs["composition"], unit.settings["elements"])
    return read_lattice_parameter_A(unit.workdir, name)


def _seed(unit: Unit, item: UnitItem) -> int:
    """Seed of a run; one that goes on from another run does not draw that run's numbers again."""
    seed = int(unit.settings["seed"])
    if item.inputs["start"]["kind"] != "case":
        return seed
    return stream_key(seed, "kmc", "from", item.inputs["case"])


def trajectory_file(workdir: Workdir, item: UnitItem) -> Path:
    """Where the finished run goes."""
    return workdir.root / "kmc" / f"{item.key}.nc"


def run(unit_file: Path) -> int:
    """Make the runs of a unit and record what has become of them."""
    unit = Unit.load(unit_file)
    with _log(unit.log_file), _stopping(unit.stop_file) as stop:
        if unit.settings["batched"]:
            _run_batch(unit, stop)
        else:
            for item in unit.items:
                _run_item(unit, item, stop)
    return 0


def _run_batch(unit: Unit, stop: Stop) -> None:
    """Make all runs of a unit in step; one whose start cannot be made does not keep the others back."""
    from nnk.kmc.batched import BatchOptions, run_batch_to_files  # PyTorch, which other runs do without

    began = time.perf_counter()
    unit.record(*(unit.outcome(item, "started") for item in unit.items))
    ready: list[UnitItem] = []
    runs: list[tuple[Path, RunSetup]] = []
    try:
        model = model_of(unit)
        for item in unit.items:
            setup = _setup_or_failure(unit, item, model, began)
            if setup is not None:
                ready.append(item)
                runs.append((trajectory_file(unit.workdir, item), setup))
        chosen = unit.settings["batched"]
        summaries = run_batch_to_files(
            runs,
            model,
            checkpoint_s=unit.settings["checkpoint_s"],
            options=BatchOptions(chosen["device"], chosen["precision"]),
            fence=unit.fence,
            should_stop=stop,
            quarantine=unit.workdir.quarantine,
        )
    except StaleEpoch:
        raise
    except Exception as error:
        traceback.print_exc()
        unit.record(*(_outcome(unit, item, "failed", began, error=describe(error)) for item in ready))
        return
    for item, summary in zip(ready, summaries, strict=True):
        print(item.key, summary, flush=True)
    done = [item for item, summary in zip(ready, summaries, strict=True) if summary.state == "done"]
    unit.record(*(_outcome(unit, item, "done", began) for item in done))


def _setup_or_failure(unit: Unit, item: UnitItem, model: BarrierModel, began: float) -> RunSetup | None:
    try:
        return setup_of(unit, item, model)
    except (ValueError, OSError) as error:
        traceback.print_exc()
        unit.record(_outcome(unit, item, "failed", began, error=describe(error)))
        return None


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
