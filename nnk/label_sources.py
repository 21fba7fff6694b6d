"""Labels that exist already: files of this suite, or a published set. What they hold, and all of them as one.

=======  ==============================================================
format   paths
=======  ==============================================================
labels   files of `nnk.barriers.BarrierSet.save`, ``labels.nc`` of a campaign
dft      a folder with a folder per alloy, see `nnk.published.dft`
npy46    a folder with data/, labels/ and dirnames.txt, see `nnk.published.npy46`
=======  ==============================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nnk.alloy import composition_name
from nnk.barrier_files import BarrierFile
from nnk.barrier_rows import Header, texts_of
from nnk.barriers import BarrierSet, concatenate
from nnk.files import stable_hash
from nnk.lattice import Structure
from nnk.published.dft import CELLS as DFT_CELLS
from nnk.published.dft import FILES as DFT_FILES
from nnk.published.labels import NPY46_CELLS, dft_labels, named_fractions, npy46_labels
from nnk.published.nkk import SPECIES
from nnk.published.npy46 import open_npy46
from nnk.published.poscar import read_poscar

Format = Literal["labels", "dft", "npy46"]
FORMATS: tuple[Format, ...] = get_args(Format)

WHOLE_BYTES = 64 << 20  # of a larger file, only parts are read for its hash
PART_BYTES, PARTS = 1 << 20, 32


@dataclass(frozen=True)
class LabelFacts:
    """What labels are of, known without reading them.

    Attributes:
        elements, structure, cells: as in `nnk.barriers.BarrierSet`; elements that occur.
        samples: name of each sample; empty where only its reading tells.
        compositions: name of each sample's composition, for elements in the order of `elements`; of npy46, of
            each alloy.
        n_labels: how many.
        known_shells: shells around the vacancy of which the species are known; None: the whole sample.
    """

    elements: tuple[str, ...]
    structure: Structure
    cells: tuple[int, int, int]
    samples: tuple[str, ...]
    compositions: tuple[str, ...]
    n_labels: int
    known_shells: int | None = None


@dataclass(frozen=True)
class LabelSource:
    """Where labels are.

    Attributes:
        format: how they are written, see `FORMATS`.
        paths: the files, or the folder of a published set.
    """

    format: Format
    paths: tuple[Path, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", tuple(Path(path) for path in self.paths))
        if self.format not in FORMATS:
            raise ValueError(f"format {self.format!r}: allowed are {', '.join(FORMATS)}")
        if not self.paths or (self.format != "labels" and len(self.paths) > 1):
            raise ValueError(f"paths: expected one (format labels: or more), got {len(self.paths)}")

    def facts(self, elements: Sequence[str]) -> LabelFacts:
        """What the labels are of.

        Args:
            elements: order in which compositions name them.

        Raises:
            ValueError, OSError: no such labels, or files of different lattices; the message names the path.
        """
        if self.format == "dft":
            return _dft_facts(self.paths[0], elements)
        if self.format == "npy46":
            return _npy46_facts(self.paths[0], elements)
        return _file_facts(self.paths, elements)

    @property
    def hash(self) -> str:
        """Hash of the contents, wherever they are; of files over 64 MB, of their size and parts of them."""
        return stable_hash([self.format, *(_content_hash(path) for path in self._files())])

    def read(self, elements: Sequence[str], item_hash: str = "") -> BarrierSet:
        """All labels.

        Samples of several files that have one name but other atoms get the number of their file, ``NAME@2``.

        Args:
            elements: numbering of the species; those of the labels must be among them.
            item_hash: put down as the inputs that each label was made from.

        Raises:
            ValueError: the files are not what they should be, or hold other elements.
        """
        if self.format == "dft":
            barriers = dft_labels(self.paths[0], elements)
        elif self.format == "npy46":
            barriers = npy46_labels(self.paths[0], elements)
        else:
            sets = [renumbered(BarrierSet.load(path), elements) for path in self.paths]
            barriers = concatenate(_told_apart(sets)) if len(sets) > 1 else sets[0]
        return barriers.replaced(item_hash=(item_hash,) * len(barriers))

    def _files(self) -> list[Path]:
        """Every file that is read."""
        if self.format == "dft":
            folders = sorted(path.parent for path in self.paths[0].glob("*/POSCAR"))
            return [folder / name for folder in folders for name in DFT_FILES]
        if self.format == "npy46":
            found = open_npy46(self.paths[0])
            pairs = [path for i in range(len(found)) for path in found.files(i)]
            return [found.root / "dirnames.txt", *pairs]
        return list(self.paths)


def renumbered(barriers: BarrierSet, elements: Sequence[str]) -> BarrierSet:
    """The same labels with species numbered as in `elements`, matched by name.

    Raises:
        ValueError: the labels are of an element that is not among `elements`.
    """
    foreign = [name for name in barriers.elements if name not in elements]
    if foreign:
        raise ValueError(f"the labels hold {', '.join(foreign)}; the elements are {', '.join(elements)}")
    if tuple(elements) == barriers.elements:
        return barriers
    place = np.array([list(elements).index(name) for name in barriers.elements])
    composition = np.zeros((len(barriers.sample_key), len(elements)))
    composition[:, place] = barriers.composition
    alpha = np.full((len(composition), len(elements), len(elements)), np.nan, dtype=np.float32)
    alpha[:, place[:, None], place] = barriers.alpha
    number = np.concatenate([[0], place + 1]).astype(np.uint8)
    return barriers.replaced(
        elements=tuple(elements),
        occupancy=number[barriers.occupancy[:]],
        composition=composition,
        alpha=alpha,
    )


def _told_apart(sets: Sequence[BarrierSet]) -> list[BarrierSet]:
    """The sets with other names for samples that have the name of another set's, but not its atoms."""
    known: dict[str, tuple[bytes, float]] = {}
    renamed = []
    for number, barriers in enumerate(sets, start=1):
        names = []
        for name, atoms, a_A in zip(
            barriers.sample_key, barriers.occupancy, barriers.a_A.tolist(), strict=True
        ):
            content = atoms.tobytes(), a_A
            names.append(name if known.setdefault(name, content) == content else f"{name}@{number}")
        renamed.append(barriers.replaced(sample_key=tuple(names)))
    return renamed


def _content_hash(path: Path) -> str:
    size, digest = path.stat().st_size, hashlib.sha256()
    digest.update(str(size).encode())
    with path.open("rb") as file:
        if size <= WHOLE_BYTES:
            digest.update(file.read())
        else:
            for place in np.linspace(0, size - PART_BYTES, PARTS).astype(np.int64).tolist():
                file.seek(place)
                digest.update(file.read(PART_BYTES))
    return digest.hexdigest()


def _file_facts(paths: Sequence[Path], elements: Sequence[str]) -> LabelFacts:
    headers: list[Header] = []
    samples: list[str] = []
    names: list[str] = []
    n_labels = 0
    for path in paths:
        with BarrierFile(path) as file:
            headers.append(file.header)
            samples += texts_of(file.text("sample_key"))
            names += _composition_names(file.column("composition"), file.header.elements, elements)
            n_labels += file.n_barriers
        if (headers[-1].structure, headers[-1].cells) != (headers[0].structure, headers[0].cells):
            shown = [f"{h.structure} {'x'.join(map(str, h.cells))}" for h in (headers[0], headers[-1])]
            raise ValueError(f"{path}: its samples are {shown[1]}, those of {paths[0]} {shown[0]}")
    found = tuple(dict.fromkeys(name for header in headers for name in header.elements))
    known: Mapping[str, Any] = headers[0].attrs
    return LabelFacts(
        found,
        headers[0].structure,
        headers[0].cells,
        tuple(samples),
        tuple(names),
        n_labels,
        known.get("known_shells"),
    )


def _composition_names(rows: NDArray[np.float64], of: Sequence[str], elements: Sequence[str]) -> list[str]:
    order = _order(of, elements)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    names = [composition_name(dict(zip(of, row, strict=True)), order) for row in distinct.tolist()]
    return [names[i] for i in inverse.reshape(-1).tolist()]


def _order(of: Sequence[str], elements: Sequence[str]) -> list[str]:
    """The elements `of` the labels in the order of `elements`, then others."""
    return [name for name in elements if name in of] + [name for name in of if name not in elements]


def _dft_facts(root: Path, elements: Sequence[str]) -> LabelFacts:
    folders = sorted(path.parent for path in root.glob("*/POSCAR"))
    if not folders:
        raise ValueError(f"{root}: expected folders with {', '.join(DFT_FILES)}, found none")
    missing = [folder / name for folder in folders for name in DFT_FILES if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    symbols = [read_poscar(folder / "POSCAR").symbols for folder in folders]
    found = tuple(dict.fromkeys(name for atoms in symbols for name in atoms))
    rows = np.array([[atoms.count(name) / len(atoms) for name in found] for atoms in symbols])
    names = _composition_names(rows, found, elements)
    n_labels = sum(8 * len(atoms) for atoms in symbols)
    return LabelFacts(found, "bcc", DFT_CELLS, tuple(f.name for f in folders), tuple(names), n_labels)


def _npy46_facts(root: Path, elements: Sequence[str]) -> LabelFacts:
    found = open_npy46(root)
    rows = [named_fractions(name) for name in found.names]
    names = [
        name if row is None else composition_name(row, _order(SPECIES, elements))
        for name, row in zip(found.names, rows, strict=True)
    ]
    n_labels = sum(len(np.load(found.files(i)[1], mmap_mode="r")) for i in range(len(found)))
    return LabelFacts(SPECIES, "bcc", NPY46_CELLS, (), tuple(names), n_labels, 8)
