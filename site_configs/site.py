"""A machine as data: what its YAML file may say, and reading it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

FOLDER = Path(__file__).parent
StageName = Literal["prepare", "samples", "label", "audit", "train", "kmc", "analysis", "report"]
STRICT = ConfigDict(extra="forbid", frozen=True)

Count = Literal["all"] | Annotated[int, Field(ge=1)]


class SiteError(ValueError):
    """A site file that cannot be used, or a request that the site cannot serve."""


class StageDefaults(BaseModel):
    """What one stage uses on a node, if the campaign says nothing."""

    model_config = STRICT

    ranks: Count | None = None
    """MPI ranks of one unit; left out for units that are no MPI programs."""

    workers: Count = "all"
    """Units of one core each that run at the same time; for MPI units follows from `ranks`."""


class Mpi(BaseModel):
    """How MPI programs are started."""

    model_config = STRICT

    command: Annotated[tuple[str, ...], Field(min_length=1)] = ("mpiexec", "-n", "{ranks}")
    """Words before the program; ``{ranks}`` is replaced."""


class Site(BaseModel):
    """A machine."""

    model_config = STRICT

    name: str
    """Name of the file, without the suffix."""

    description: str
    """One line for `launch sites`."""

    checked: date
    """When the file was last tried on the machine."""

    scheduler: Literal["local"]
    """What gives out nodes; local: this machine itself."""

    cores_per_node: Count = "all"
    """Cores to use."""

    gpus_per_node: Literal["all"] | Annotated[int, Field(ge=0)] = "all"
    """GPUs to use; all: as many as the system shows (NVIDIA)."""

    address: str = "127.0.0.1"
    """Address of the driver as the workers see it."""

    mpi: Mpi = Mpi()
    """How MPI programs are started."""

    stages: dict[StageName, StageDefaults] = {}
    """Per stage."""

    worker_init: str = ""
    """Shell lines before the workers start."""

    environment: dict[str, str] = {}
    """Further environment variables of the workers."""

    @property
    def cores(self) -> int:
        """Cores to use on this machine."""
        return len(available_cores()) if self.cores_per_node == "all" else int(self.cores_per_node)

    @property
    def gpus(self) -> int:
        """GPUs to use on this machine."""
        return len(available_gpus()) if self.gpus_per_node == "all" else self.gpus_per_node

    def gpu_layout(self, stage: StageName) -> StageLayout:
        """How a stage with one unit on each GPU uses the machine.

        Raises:
            SiteError: it has none.
        """
        if not self.gpus:
            raise SiteError(f"{stage}: a GPU is asked for, and there is none on site {self.name}")
        return StageLayout(ranks=1, at_once=self.gpus, mpi_command=(), on_gpus=True)

    def layout(self, stage: StageName, ranks: int | None = None, nodes: int | None = None) -> StageLayout:
        """How a stage uses the machine: the site's defaults, or what the campaign asks.

        Args:
            stage: its name.
            ranks: MPI ranks (workers of a stage without MPI) asked for; None: the default.
            nodes: nodes asked for; None: one.

        Raises:
            SiteError: more than the machine has.
        """
        if nodes not in (None, 1):
            raise SiteError(f"resources.{stage}.nodes: got {nodes}; allowed on site {self.name}: 1")
        defaults = self.stages.get(stage, StageDefaults())
        asked = ranks if ranks is not None else defaults.ranks or defaults.workers
        count = self.cores if asked == "all" else int(asked)
        if ranks is None:
            count = min(count, self.cores)
        elif count > self.cores:
            allowed = f"allowed on site {self.name}: 1 to {self.cores}"
            raise SiteError(f"resources.{stage}.ranks_per_node: got {count}; {allowed}")
        if defaults.ranks is None:
            return StageLayout(ranks=1, at_once=count, mpi_command=())
        command = tuple(word.format(ranks=count) for word in self.mpi.command) if count > 1 else ()
        return StageLayout(ranks=count, at_once=max(1, self.cores // count), mpi_command=command)


@dataclass(frozen=True)
class StageLayout:
    """How the units of a stage use the machine.

    Attributes:
        ranks: processes of one unit.
        at_once: units that run at the same time.
        mpi_command: words that start an MPI program; empty for a single rank, which needs no MPI launcher.
        on_gpus: each unit has a GPU of its own.
    """

    ranks: int
    at_once: int
    mpi_command: tuple[str, ...]
    on_gpus: bool = False


def available_cores() -> set[int]:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def available_gpus() -> list[Path]:
    """The device files of NVIDIA's GPUs."""
    return [path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]


def site_names() -> list[str]:
    """Names of the sites that come with the suite."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_site(name_or_path: str, base_dir: Path | None = None) -> Site:
    """The site with this name, or in this file (relative to `base_dir`).

    Raises:
        SiteError: no such site, or a file that is not one; all its errors are in the message.
    """
    path = _site_file(name_or_path, base_dir or Path.cwd())
    try:
        data = YAML(typ="rt").load(path.read_text())
    except OSError as error:
        raise SiteError(f"{path}: {error.strerror}") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise SiteError(f"{path}: not YAML: {error}") from error
    if not isinstance(data, dict):
        raise SiteError(f"{path}: expected a mapping with the keys of a site")
    try:
        return Site.model_validate({"name": path.stem, **data})
    except ValidationError as error:
        raise SiteError("\n".join(_located(path, data, detail) for detail in error.errors())) from error


def _site_file(name_or_path: str, base_dir: Path) -> Path:
    if "/" in name_or_path or name_or_path.endswith((".yaml", ".yml")):
        return base_dir / Path(name_or_path).expanduser()
    if name_or_path not in site_names():
        known = ", ".join(site_names())
        raise SiteError(f'no site "{name_or_path}"; allowed: {known}, or the path of a site file')
    return FOLDER / f"{name_or_path}.yaml"


def _located(path: Path, data: Any, detail: Any) -> str:
    """An error of the model as ``file:line:column: key: what is wrong``."""
    node: Any = data
    place = (0, 0)
    for key in detail["loc"]:
        is_mapping = isinstance(node, dict)
        if not hasattr(node, "lc") or (is_mapping and key not in node):
            break
        place = node.lc.key(key) if is_mapping else node.lc.item(key)
        node = node[key]
    where = ".".join(map(str, detail["loc"]))
    return f"{path}:{place[0] + 1}:{place[1] + 1}: {where}: {detail['msg']} (got {str(detail['input'])[:60]})"
