"""Checks of the kMC runs: their starts, temperatures and ends."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from launch.composition_checks import points
from launch.findings import Finding, Findings, file_exists, needs
from launch.problems import KeyPath, did_you_mean
from launch.schema.alloy import fractions_of
from launch.schema.compositions import Compositions
from launch.schema.kmc import (
    BatchedEngine,
    KeyFrames,
    PublishedModel,
    StartCase,
    StartExchanged,
    StartFile,
    StartOrdered,
    Stop,
    TemperatureSchedule,
)
from nnk.files import temperature_label
from nnk.lattice import Structure
from nnk.ordered import PROTOTYPES
from nnk.run_terms import case_names
from nnk.run_terms.schedule import MOST_PLATEAUS

Elements = tuple[str, ...]
MOST_FRAME_BYTES = 20_000_000_000
TRAJECTORY = ".nc"


def _each_start(start: Any) -> Iterator[tuple[KeyPath, Any]]:
    """Every start with its place."""
    if isinstance(start, tuple):
        yield from ((("kmc", "start", i), one) for i, one in enumerate(start))
    else:
        yield ("kmc", "start"), start


@needs("kmc.start", "kmc.compositions", "base_dir")
def _starts_have_atoms(start: Any, compositions: Compositions | None, base_dir: Path) -> Findings:
    starts = list(_each_start(start))
    for key, one in starts:
        if isinstance(one, StartFile):
            yield from file_exists((*key, "file"), one.file, base_dir)
    composed = any(not isinstance(one, StartFile | StartCase) for _, one in starts)
    if composed and compositions is None:
        message = "missing; allowed: a list of compositions, such as [equimolar]"
        yield Finding(("kmc", "compositions"), message)
    if not composed and compositions is not None:
        message = "given with a start file, which has its own composition; allowed: one of the two"
        yield Finding(("kmc", "compositions"), message, at_key=True)


@needs("kmc.start")
def _frames_are_of_trajectories(start: Any) -> Findings:
    for key, one in _each_start(start):
        if isinstance(one, StartFile) and one.frame != "last" and Path(one.file).suffix != TRAJECTORY:
            message = f"got {one.frame} for {one.file}; allowed: last, or a trajectory ({TRAJECTORY})"
            yield Finding((*key, "frame"), message)


@needs("kmc.start", "kmc.stop")
def _frames_are_reached(start: Any, stop: Stop) -> Findings:
    for key, one in _each_start(start):
        if not isinstance(one, StartCase) or one.frame == "last" or stop.jumps is None:
            continue
        if one.frame > stop.jumps:
            message = f"got {one.frame}; allowed: last, or at most the {stop.jumps} jumps of kmc.stop"
            yield Finding((*key, "frame"), message)


@needs("kmc.start", "kmc.model")
def _exchanges_need_pair_energies(start: Any, model: Any) -> Findings:
    for key, one in _each_start(start):
        if isinstance(one, StartExchanged) and isinstance(model, PublishedModel):
            message = "the published network has no pair energies; allowed: with a model of train.models"
            yield Finding((*key, "exchanged"), f"{message}, kind detailed-balance", at_key=True)


@needs("kmc.start", "kmc.model", "train.models")
def _exchanges_need_detailed_balance(start: Any, name: Any, models: Any) -> Findings:
    kinds = {model.name: model.kind for model in models}
    for key, one in _each_start(start):
        if isinstance(one, StartExchanged) and kinds.get(name, "detailed-balance") != "detailed-balance":
            message = f"the model {name}, of kind {kinds[name]}, has no pair energies; allowed: with a model"
            yield Finding((*key, "exchanged"), f"{message} of kind detailed-balance", at_key=True)


@needs("kmc.start", "alloy.lattice", "alloy.elements", "kmc.cells")
def _ordered_fits(start: Any, structure: Structure, elements: Elements, cells: Any) -> Findings:
    for key, one in _each_start(start):
        if not isinstance(one, StartOrdered):
            continue
        if one.ordered not in PROTOTYPES[structure]:
            allowed = ", ".join(PROTOTYPES[structure])
            yield Finding((*key, "ordered"), f"got {one.ordered}; allowed on {structure}: {allowed}")
        if one.ordered == "D0_3" and any(n % 2 for n in cells):
            message = f"got {list(cells)}; allowed with D0_3: even numbers of cells"
            yield Finding(("kmc", "cells"), message)
        named = [name for names in one.sublattices or () for name in names]
        for i, names in enumerate(one.sublattices or ()):
            for j, name in enumerate(names):
                if name not in elements:
                    message = f'unknown element "{name}"; allowed: {", ".join(elements)}'
                    yield Finding((*key, "sublattices", i, j), message + did_you_mean(name, elements))
                elif named.count(name) > 1:
                    message = f'"{name}" given twice; allowed: each element on one sublattice'
                    yield Finding((*key, "sublattices", i, j), message)


@needs(
    "kmc.start", "kmc.compositions", "kmc.temperatures_K", "kmc.schedule", "alloy.elements", "alloy.lattice"
)
def _cases_are_there(
    start: Any, compositions: Any, temperatures_K: Any, schedule: Any, elements: Elements, structure: str
) -> Findings:
    """Each start goes on from a case that stands before it; no two cases have one name."""
    known: dict[str, None] = {}
    for key, one in _each_start(start):
        if isinstance(one, StartCase):
            yield from _source_is_there(key, one, list(known), temperatures_K, schedule)
        for name in _names_of(one, compositions, elements, structure):
            if name in known:
                message = f'a second case "{name}"; allowed: each start once, files with names of their own'
                yield Finding(key, message)
            known[name] = None


def _source_is_there(
    key: KeyPath, one: StartCase, known: list[str], temperatures_K: Any, schedule: Any
) -> Findings:
    if one.case not in known:
        allowed = f"the cases of the starts before it: {', '.join(known)}" if known else "a start before it"
        yield Finding(
            (*key, "case"), f'no case "{one.case}"; allowed: {allowed}{did_you_mean(one.case, known)}'
        )
    if one.temperature_K is None:
        return
    labels = {temperature_label(t): t for t in temperatures_K or ()}
    if schedule is not None:
        yield Finding((*key, "temperature_K"), "given with a schedule; allowed: one of the two", at_key=True)
    elif temperature_label(one.temperature_K) not in labels:
        allowed = ", ".join(f"{t:g}" for t in labels.values())
        message = f"got {one.temperature_K:g}; allowed: one of kmc.temperatures_K: {allowed}"
        yield Finding((*key, "temperature_K"), message)


def _names_of(one: Any, compositions: Any, elements: Elements, structure: str) -> list[str]:
    if isinstance(one, StartFile | StartCase):
        return case_names({"start": one.model_dump(mode="json")}, {})
    given = one.model_dump(mode="json") if isinstance(one, StartOrdered | StartExchanged) else one
    alloy = {"elements": list(elements), "lattice": structure}
    return case_names({"start": given, "compositions": _sound(compositions, elements)}, alloy)


def _sound(compositions: Compositions | None, elements: Elements) -> list[dict[str, float]]:
    """Compositions of known elements; what is wrong with others is found by the checks of compositions."""
    rows = points(elements, compositions) if compositions is not None else []
    known = [row for row in rows if isinstance(row, str) or set(row) <= set(elements)]
    return [fractions_of(row, elements) for row in known]


@needs("kmc.temperatures_K", "kmc.schedule")
def _one_kind_of_temperature(temperatures_K: Any, schedule: TemperatureSchedule | None) -> Findings:
    if temperatures_K is None and schedule is None:
        message = "missing; allowed: a list of temperatures such as [800, 1000], or a schedule in its place"
        yield Finding(("kmc", "temperatures_K"), message)
    if temperatures_K is not None and schedule is not None:
        message = "given with temperatures_K; allowed: one of the two"
        yield Finding(("kmc", "schedule"), message, at_key=True)


@needs("kmc.schedule")
def _schedule_is_one(schedule: TemperatureSchedule | None) -> Findings:
    if schedule is None:
        return
    key = ("kmc", "schedule")
    if (schedule.jumps is None) == (schedule.time_s is None):
        yield Finding(
            key, "allowed: one of jumps and time_s, to say where each temperature begins", at_key=True
        )
        return
    try:
        schedule.terms()
    except ValueError as error:
        what = "jumps" if schedule.jumps is not None else "time_s"
        text = str(error).removeprefix("schedule: ")
        yield Finding((*key, what), f"{text}; allowed: as many as temperatures_K, ascending from 0")


@needs("kmc.schedule")
def _ramps_are_coarse_enough(schedule: TemperatureSchedule | None) -> Findings:
    if schedule is None or schedule.shape != "linear":
        return
    way_K = sum(abs(b - a) for a, b in itertools.pairwise(schedule.temperatures_K))
    if way_K / schedule.step_K > MOST_PLATEAUS:
        message = (
            f"got {schedule.step_K:g}, which makes {way_K / schedule.step_K:.0f} steps; "
            f"allowed: at least {way_K / MOST_PLATEAUS:g}, for at most {MOST_PLATEAUS:,} steps"
        )
        yield Finding(("kmc", "schedule", "step_K"), message)


@needs("kmc.stop", "alloy.elements")
def _stop_is_one(stop: Stop, elements: Elements) -> Findings:
    key: KeyPath = ("kmc", "stop")
    if stop.jumps is None and stop.time_s is None and stop.order is None:
        yield Finding(key, "empty; allowed: jumps, time_s, order, or several of them", at_key=True)
    if stop.order is None:
        return
    if (stop.order.at_least is None) == (stop.order.at_most is None):
        yield Finding((*key, "order"), "allowed: one of at_least and at_most", at_key=True)
    for name in stop.order.pair.split("-"):
        if name not in elements:
            message = f'unknown element "{name}"; allowed: {", ".join(elements)}'
            yield Finding((*key, "order", "pair"), message + did_you_mean(name, elements))


@needs("kmc.stop", "kmc.compositions", "alloy.elements")
def _order_can_be_reached(stop: Stop, compositions: Compositions | None, elements: Elements) -> Findings:
    wanted = set(stop.order.pair.split("-")) & set(elements) if stop.order is not None else set()
    rows = _sound(compositions, elements)
    n_without = sum(any(not row.get(name) for name in wanted) for row in rows)
    if n_without:
        message = f"{n_without} of {len(rows)} compositions lack one of the two: they never end by order"
        yield Finding(("kmc", "stop", "order", "pair"), message, warning=True)


@needs("kmc.key_frames", "kmc.stop", "kmc.cells", "alloy.lattice")
def _key_frames_fit(frames: KeyFrames, stop: Stop, cells: Any, structure: str) -> Findings:
    key: KeyPath = ("kmc", "key_frames")
    if frames.spacing == "linear" and frames.every is None:
        message = "missing; allowed: a whole number >= 1, the jumps between two key frames"
        yield Finding((*key, "every"), message)
    wrong = "every" if frames.spacing == "log" else "per_decade"
    if getattr(frames, wrong) is not None:
        allowed = "per_decade with log, every with linear"
        yield Finding((*key, wrong), f"given with spacing: {frames.spacing}; allowed: {allowed}", at_key=True)
    if frames.spacing == "linear" and frames.every is not None and stop.jumps is not None:
        sites = cells[0] * cells[1] * cells[2] * (2 if structure == "bcc" else 4)
        bytes_ = stop.jumps // frames.every * sites
        if bytes_ > MOST_FRAME_BYTES:
            message = (
                f"{stop.jumps // frames.every:,} key frames of {sites:,} sites in every run: "
                f"{bytes_ / 1e9:.0f} GB before compression"
            )
            yield Finding((*key, "every"), message, warning=True)


@needs("kmc.start", "kmc.model", "alloy.lattice_parameter_A", "sections")
def _lattice_parameter_is_known(
    start: Any, model: Any, a_A: float | None, sections: frozenset[str]
) -> Findings:
    """Positions in a file become sites by the lattice parameter; the potential gives one per composition."""
    if a_A is not None or (isinstance(model, PublishedModel) and "potential" not in sections):
        return
    for key, one in _each_start(start):
        if isinstance(one, StartFile) and Path(one.file).suffix != TRAJECTORY:
            message = "needs the lattice parameter of its atoms; allowed: with alloy.lattice_parameter_A"
            yield Finding((*key, "file"), message)


@needs("kmc.vacancies", "kmc.cells", "alloy.lattice")
def _atoms_are_left(vacancies: int, cells: Any, structure: str) -> Findings:
    sites = cells[0] * cells[1] * cells[2] * (2 if structure == "bcc" else 4)
    if vacancies >= sites:
        message = f"got {vacancies} on {sites} sites; allowed: less than there are sites"
        yield Finding(("kmc", "vacancies"), message)


@needs("kmc.engine", "kmc.vacancies")
def _engine_takes_vacancies(engine: Any, vacancies: int) -> Findings:
    if engine != "compiled" and vacancies > 1:
        message = f"got {vacancies} with {_engine_name(engine)}; allowed: 1, or engine: compiled"
        yield Finding(("kmc", "vacancies"), message)


@needs("kmc.engine", "kmc.schedule")
def _engine_takes_schedule(engine: Any, schedule: TemperatureSchedule | None) -> Findings:
    if engine != "compiled" and schedule is not None and schedule.time_s is not None:
        message = f"given with {_engine_name(engine)}; allowed: jumps in its place, or engine: compiled"
        yield Finding(("kmc", "schedule", "time_s"), message, at_key=True)


@needs("kmc.engine", "kmc.stop")
def _engine_takes_stop(engine: Any, stop: Stop) -> Findings:
    if isinstance(engine, BatchedEngine):
        for name in ("time_s", "order"):
            if getattr(stop, name) is not None:
                message = "given with engine batched; allowed: jumps alone, or engine: compiled"
                yield Finding(("kmc", "stop", name), message, at_key=True)
    if engine == "flicker" and stop.time_s is not None:
        message = (
            "given with engine flicker, which knows the states at the ends of ways out of traps, not at a "
            "given time; allowed: jumps or order in its place, or engine: compiled"
        )
        yield Finding(("kmc", "stop", "time_s"), message, at_key=True)


def _engine_name(engine: Any) -> str:
    return "engine batched" if isinstance(engine, BatchedEngine) else f"engine {engine}"
