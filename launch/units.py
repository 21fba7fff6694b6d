"""From a plan's items to units: batches of work that one job does, with all that the job needs to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from jobs.apps import GPU_VARIABLES, PYTHON
from jobs.stop import seconds_left
from jobs.unit import Unit, UnitItem
from launch.campaign import Campaign
from launch.fold_items import model_of, trainings
from launch.items import Item
from launch.kmc_items import given_lattice_parameter_A, key_frames, kmc_cases
from launch.label_items import IMPORT, sample_settings
from launch.schema.kmc import PublishedModel
from launch.unit_size import MPI_STAGES, unit_size
from nnk.files import Workdir
from site_configs import StageLayout

IN_WORKER = {"kmc": "jobs.kmc"}


@dataclass(frozen=True)
class Order:
    """A unit and how it is started.

    Attributes:
        unit: the unit.
        command: of its process; empty for a job that runs inside a worker.
        module: the job that runs inside a worker; empty for a process.
        pool: name of the workers that take it.
        resources: what Parsl's MPIExecutor is to give it; empty for other workers.
    """

    unit: Unit
    pool: str
    command: tuple[str, ...] = ()
    module: str = ""
    resources: Mapping[str, Any] = field(default_factory=dict)


class UnitMaker:
    """Makes the units of one run.

    Args:
        campaign: the campaign.
        workdir: its working directory.
        epoch: number of the run.
        layouts: how each stage uses the machine.
    """

    def __init__(
        self, campaign: Campaign, workdir: Workdir, epoch: int, layouts: dict[str, StageLayout]
    ) -> None:
        self._campaign = campaign
        self._workdir = workdir
        self._epoch = epoch
        self._layouts = layouts
        self._count = 0

    def size(self, stage: str, n_left: int, seconds_per_item: float | None) -> int:
        """Items of the next unit of a stage of which `n_left` are in no unit yet."""
        layout, left_s = self._layouts[stage], seconds_left()
        return unit_size(self._campaign, stage, layout, n_left, seconds_per_item, left_s=left_s)

    def order(
        self,
        stage: str,
        items: Sequence[Item],
        *,
        seconds_per_item: float | None = None,
        given_up: Mapping[str, Mapping[str, str]] | None = None,
    ) -> Order:
        """A unit of some items.

        Args:
            stage: their stage.
            items: the items.
            seconds_per_item: what they are expected to cost each, if that is known.
            given_up: by key, "error" and "class" of labels not to be tried again but recorded as failed.
        """
        layout = self._layouts[stage]
        unit = Unit(
            stage=stage,
            name=f"{self._epoch:06d}-{stage}-{self._count:04d}",
            root=self._workdir.root.absolute(),
            epoch=self._epoch,
            ranks=layout.ranks,
            settings={**self._settings(stage, items[0]), "seconds_per_item": seconds_per_item},
            items=tuple(self._unit_item(item, given_up or {}) for item in items),
        )
        self._count += 1
        unit.save()
        if stage in IN_WORKER:
            return Order(unit, layout.pool.name, module=IN_WORKER[stage])
        command = tuple(_command(unit, layout))
        return Order(unit, layout.pool.name, command=command, resources=layout.resources)

    def _unit_item(self, item: Item, given_up: Mapping[str, Mapping[str, str]]) -> UnitItem:
        inputs = _inputs(self._campaign, item)
        if item.key in given_up:
            inputs["given_up"] = dict(given_up[item.key])
        return UnitItem(item.key, item.hash, item.group.hash, inputs)

    def _settings(self, stage: str, item: Item) -> dict[str, Any]:
        campaign = self._campaign
        settings: dict[str, Any] = {
            "seed": campaign.seed,
            "elements": list(campaign.alloy.elements),
            "structure": campaign.alloy.lattice,
        }
        if stage in MPI_STAGES and campaign.potential:
            settings["potential"] = campaign.potential_spec().to_json()
        if stage in ("samples", "label", "audit"):
            settings |= _label_settings(campaign) | _source_settings(campaign)
        if stage == "train":
            settings |= _train_settings(campaign, item.key)
        if stage == "kmc":
            settings |= _kmc_settings(campaign)
        if stage == "snapshots":
            settings |= _snapshot_settings(campaign)
        if stage == "forces":
            settings |= _force_settings(campaign, item.key)
        return settings


def _command(unit: Unit, layout: StageLayout) -> list[str]:
    python = list(PYTHON)
    if unit.stage == "label" and unit.items[0].key == IMPORT:
        return [*python, "-m", "jobs.import_labels", str(unit.path)]
    if unit.stage in MPI_STAGES:
        return [*layout.mpi_command, *python, "-m", f"jobs.{unit.stage}", str(unit.path)]
    if unit.stage in ("train", "forces"):
        return [*_training_ranks(unit, layout), "-m", f"jobs.{unit.stage}", str(unit.path)]
    return [*python, "-m", "jobs.analyse", str(unit.path)]


def _training_ranks(unit: Unit, layout: StageLayout) -> list[str]:
    """Words that start Python on the ranks of a training: by torchrun, or by the site's MPI for Horovod."""
    # Parsl shows a worker one GPU, and all ranks of a unit are started by one worker
    sees_one = layout.pool.on_gpus and unit.ranks > 1
    start = ["env", *(word for name in GPU_VARIABLES for word in ("-u", name))] if sees_one else []
    backend = unit.settings["backend"]
    if backend == "ddp":
        torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={unit.ranks}"]
        return [*start, *PYTHON, *torchrun]
    return [*start, *(layout.mpi_command if backend == "horovod" else ()), *PYTHON]


def _inputs(campaign: Campaign, item: Item) -> dict[str, Any]:
    """What a job needs to know of an item, besides the settings of its unit."""
    inputs = dict(item.own)
    if item.stage in ("samples", "label", "snapshots", "forces"):
        inputs["composition"] = item.key.split("/")[0]
    if item.stage == "kmc":
        case = kmc_cases(campaign)[item.key.split("/")[0]]
        inputs |= {"case": case.name, "composition": case.composition, "start": case.start}
    return inputs


def _label_settings(campaign: Campaign) -> dict[str, Any]:
    label = campaign.label
    if label is None:
        return {}
    return {
        "cells": list(label.cells),
        "compositions": campaign.label_compositions(),
        "search": {
            "max_force_eV_A": label.max_force_eV_A,
            "connect": label.connect,
            "method": label.method,
            "relax_boxes": label.box == "relaxed",
        },
        "box": label.box if isinstance(label.box, str) else next(iter(label.box.model_dump())),
        "ranks_per_barrier": label.ranks_per_barrier,
        **sample_settings(label),
        "fraction": label.audit.fraction,
        "at_least": label.audit.at_least,
    }


def _source_settings(campaign: Campaign) -> dict[str, Any]:
    """Where labels that exist already are."""
    source = campaign.label_source()
    if source is None:
        return {}
    return {"labels": {"format": source.format, "paths": [str(path) for path in source.paths]}}


def _train_settings(campaign: Campaign, key: str) -> dict[str, Any]:
    train = campaign.train
    if train is None:
        return {}
    model = next(model for model in train.models if model.name == model_of(key))
    held_out = trainings(campaign, model.name)[key]
    parameters = asdict(train.parameters(model, campaign.seed, held_out))
    return {
        "model": asdict(model.spec()),
        "train": parameters,
        "backend": train.backend,
        "device": train.device,
    }


def _snapshot_settings(campaign: Campaign) -> dict[str, Any]:
    how = campaign.snapshots
    if how is None:
        return {}
    names = {"cells", "time_step_fs", "friction_per_ps", "lattice_parameter_A", "checkpoint_s"}
    asked = how.model_dump(mode="json", include=names)
    return {"compositions": campaign.snapshot_compositions(), **asked}


def _force_settings(campaign: Campaign, key: str) -> dict[str, Any]:
    forces = campaign.forces
    if forces is None:
        return {}
    model = next(model for model in forces.models if model.name == key.split("/")[1])
    return {
        "model": asdict(model.spec()),
        "forces": asdict(forces.parameters(model, campaign.seed)),
        "backend": forces.backend,
        "device": forces.device,
    }


def _kmc_settings(campaign: Campaign) -> dict[str, Any]:
    kmc = campaign.kmc
    if kmc is None:
        return {}
    model: dict[str, Any] = {"trained": kmc.model}
    if isinstance(kmc.model, PublishedModel):
        published = kmc.model.published
        file = str(campaign.path(published.file))
        model = {"published": published.format, "file": file, "allow_pickle": published.allow_pickle}
    return {
        "cells": list(kmc.cells),
        "a_A": given_lattice_parameter_A(campaign),
        "model": model,
        "vacancies": kmc.vacancies,
        "stop": kmc.stop.terms().as_json(),
        "schedule": kmc.schedule.terms().as_json() if kmc.schedule else None,
        "attempt_frequency_Hz": kmc.attempt_frequency_Hz,
        "key_frames": key_frames(kmc),
        "checkpoint_s": kmc.checkpoint_s,
        "flicker": kmc.engine == "flicker",
        "batched": kmc.batched.model_dump(mode="json") if kmc.batched else None,
    }
