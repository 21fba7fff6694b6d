"""Section ``labels``: barriers that exist already, in place of those that the section ``label`` computes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from launch.schema.base import PathText, Section, refuse, unique
from nnk.label_sources import LabelSource

KEYS = ("file", "files", "published")


class PublishedLabels(Section):
    """A published set of barriers."""

    format: Literal["dft", "npy46"]
    """dft: forward barriers by density functional theory, a folder per alloy with POSCAR, atomid_for_NN.txt
    and barrier_for_NN.txt. npy46: neuron maps and barriers of 46 Nb-Mo-Ta alloys, with data/N.npy,
    labels/N.npy and dirnames.txt."""

    directory: PathText
    """Folder of the set, relative to the campaign file."""


class Labels(Section):
    """Vacancy-migration barriers that exist already: exactly one of the keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    file: PathText | None = None
    """A file of labels, such as labels/labels.nc of another campaign, relative to the campaign file."""

    files: (
        Annotated[
            tuple[PathText, ...],
            Field(strict=False, min_length=1),
            AfterValidator(lambda values: unique(values, "file")),
        ]
        | None
    ) = None
    """Several such files, taken together; of one lattice and size."""

    published: PublishedLabels | None = None
    """A published set; of both formats forward barriers alone are known."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Labels:
        given = [name for name in KEYS if getattr(self, name) is not None]
        if len(given) != 1:
            got = " and ".join(given) or "nothing"
            raise refuse(f"got {got}; allowed: exactly one of {', '.join(KEYS)}")
        return self

    def located(self, base_dir: Path) -> Labels:
        """The same with absolute paths."""
        if self.published is not None:
            directory = str(_absolute(base_dir, self.published.directory))
            published = self.published.model_copy(update={"directory": directory})
            return self.model_copy(update={"published": published})
        if self.files is not None:
            files = tuple(str(_absolute(base_dir, file)) for file in self.files)
            return self.model_copy(update={"files": files})
        return self.model_copy(update={"file": str(_absolute(base_dir, self.file or ""))})

    def source(self) -> LabelSource:
        """Where the labels are, as the library names it; its paths are those of this section."""
        if self.published is not None:
            return LabelSource(self.published.format, (Path(self.published.directory),))
        return LabelSource("labels", tuple(Path(file) for file in self.files or (self.file or "",)))


def _absolute(base_dir: Path, text: str) -> Path:
    return (base_dir / Path(text).expanduser()).resolve()
