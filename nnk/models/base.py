"""What every barrier model offers, and how it is kept on disk.

A saved model is a folder with ``model.safetensors`` (its arrays, bit for bit) and ``model.json`` (its kind,
elements, environment, and what is known about it). The JSON is written last and holds the hash of the arrays.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from nnk.environment import EnvironmentSpec, SpeciesArray, check_vacancy
from nnk.files import Fence, commit, stable_hash
from nnk.lattice import Lattice, Structure
from nnk.models.program import DenseStack, Float64Array, Program

FORMAT_VERSION = 1
WEIGHTS_FILE = "model.safetensors"
MODEL_FILE = "model.json"
_HEADER = ("kind", "elements", "structure", "shells", "weights_sha256", "description")

Tensors = dict[str, NDArray]


@dataclass(frozen=True)
class Saved:
    """A model as it lies on the disk.

    Attributes:
        kind, elements, structure, shells, description: as in `BarrierModel`.
        details: what else the kind has to know to make the model again.
        tensors: its arrays.
    """

    kind: str
    elements: tuple[str, ...]
    structure: Structure
    shells: int
    details: Mapping[str, Any]
    description: Mapping[str, Any]
    tensors: Tensors


class BarrierModel(ABC):
    """Barriers of a vacancy's jumps from the species around it.

    Models are frozen dataclasses with the attributes below, and their arrays.

    Attributes:
        elements: species i is ``elements[i - 1]``.
        structure: "bcc" or "fcc".
        shells: neighbour shells read around the vacancy.
        description: what is known about the model: origin, errors on its test split, hash of its data.
    """

    elements: tuple[str, ...]
    structure: Structure
    shells: int
    description: Mapping[str, Any]

    @property
    @abstractmethod
    def kind(self) -> str:
        """Name of the architecture."""

    @property
    @abstractmethod
    def detailed_balance(self) -> bool:
        """Whether E_fwd - E_bwd is the difference of one function of the whole state, by construction."""

    @property
    @abstractmethod
    def environment(self) -> EnvironmentSpec:
        """The sites that `predict` reads."""

    @abstractmethod
    def predict(
        self, species: SpeciesArray, mover: SpeciesArray, jump: NDArray[np.uint8] | None = None
    ) -> Float64Array:
        """Forward barriers float64[m] (eV).

        Args:
            species: uint8[m, n_env], environments in the frames of their jumps (`nnk.environment.gather`).
            mover: uint8[m], moving species.
            jump: uint8[m], which jump each is; only models that also read the crystal's frame need it.
        """

    def energy_differences(self, species: SpeciesArray, mover: SpeciesArray) -> Float64Array | None:
        """Energies of the final minus the initial state of jumps and of their reverse, each by itself.

        They need not be opposites (Talapatra et al., eq. 14). None of models that have no such output besides
        their barriers.

        Args:
            species: uint8[m, n_union], union environments in the frames of the jumps.
            mover: uint8[m], moving species.

        Returns:
            float64[2, m], eV.
        """
        return None

    @abstractmethod
    def compiled(self) -> Program | None:
        """The model as plain arrays for an engine; None for one that only `predict` can evaluate."""

    @abstractmethod
    def tensors(self) -> Tensors:
        """All arrays by name."""

    def details(self) -> dict[str, Any]:
        """What else than arrays, elements and environment `from_saved` has to know, as JSON has it."""
        return {}

    @classmethod
    @abstractmethod
    def from_saved(cls, saved: Saved) -> Self:
        """The model whose `tensors()` and `details()` are those of `saved`."""

    @abstractmethod
    def _reordered(self, elements: tuple[str, ...], order: Sequence[int]) -> Self:
        """The model for `elements`, of which the i-th is this model's element number ``order[i]``."""

    def remap(self, elements: Sequence[str]) -> Self:
        """The same model for species numbered as in `elements`, matched by name.

        Raises:
            ValueError: an element that the model does not know, or one named twice.
        """
        wanted = tuple(elements)
        missing = [name for name in wanted if name not in self.elements]
        if missing:
            raise ValueError(
                f"the model does not know {', '.join(missing)}: its elements are {', '.join(self.elements)}"
            )
        if len(set(wanted)) != len(wanted):
            raise ValueError(f"elements {', '.join(wanted)}: each may be named once")
        return self._reordered(wanted, [self.elements.index(name) for name in wanted])

    def barriers(self, occupancy: SpeciesArray, vacancy_site: int, lattice: Lattice) -> Float64Array:
        """Forward barriers float64[z] (eV) of all jumps of the vacancy; infinite into another vacancy.

        Args:
            occupancy: uint8[n_sites], 0 at the vacancy.
            vacancy_site: the vacancy's site.
            lattice: the lattice.

        Raises:
            ValueError: no vacancy there, unknown species, or a lattice too small for the environment.
        """
        check_vacancy(lattice, occupancy, vacancy_site)
        self.environment.check(lattice)
        if occupancy.max() > len(self.elements):
            raise ValueError(f"species {occupancy.max()}: the model knows {len(self.elements)}")
        sites = lattice.sites_around(vacancy_site, self.environment.offsets)
        mover = occupancy[lattice.neighbours[vacancy_site]]
        barriers = self.predict(occupancy[sites], mover, np.arange(lattice.z, dtype=np.uint8))
        return np.where(mover == 0, np.inf, barriers)

    def describe(self) -> dict[str, Any]:
        """Kind, elements, environment, size, and the `description`."""
        return {
            "kind": self.kind,
            "elements": list(self.elements),
            "structure": self.structure,
            "shells": self.shells,
            "detailed_balance": self.detailed_balance,
            "n_parameters": sum(int(array.size) for array in self.tensors().values()),
            **self.description,
        }

    def save(self, directory: Path, *, fence: Fence | None = None) -> None:
        """Write the model into `directory` (made if need be), each file atomically."""
        directory.mkdir(parents=True, exist_ok=True)
        arrays = {name: np.ascontiguousarray(array) for name, array in self.tensors().items()}
        blob = save_tensors(arrays)
        header = {
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "elements": list(self.elements),
            "structure": self.structure,
            "shells": self.shells,
            "details": self.details(),
            "weights_sha256": hashlib.sha256(blob).hexdigest(),
            "description": dict(self.description),
        }
        plain = json.loads(json.dumps(header, allow_nan=False))
        text = json.dumps({**plain, "header_hash": stable_hash(plain)}, indent=1)
        commit(directory / WEIGHTS_FILE, lambda path: _write_bytes(path, blob), fence=fence)
        commit(directory / MODEL_FILE, lambda path: _write_bytes(path, text.encode()), fence=fence)


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: save the model again ({error})") from error
    found = header.get("format_version") if isinstance(header, dict) else None
    if found != FORMAT_VERSION:
        raise ValueError(f"{path}: expected format_version {FORMAT_VERSION}, got {found!r}")
    missing = [name for name in _HEADER if name not in header]
    if missing:
        raise ValueError(f"{path} is damaged: {', '.join(missing)} missing; save the model again")
    return header


def read_saved(directory: Path) -> Saved:
    """The model saved in `directory`, as it lies there.

    Raises:
        FileNotFoundError: no model there.
        ValueError: a damaged header, another format version, or arrays that are not those the header was
            written for.
    """
    header = _read_header(directory / MODEL_FILE)
    blob = (directory / WEIGHTS_FILE).read_bytes()
    if hashlib.sha256(blob).hexdigest() != header["weights_sha256"]:
        raise ValueError(f"{directory / WEIGHTS_FILE} does not belong to {MODEL_FILE}: save the model again")
    try:
        tensors = load_tensors(blob)
    except SafetensorError as error:
        raise ValueError(f"{directory / WEIGHTS_FILE} holds no tensors: {error}") from error
    return Saved(
        kind=header["kind"],
        elements=tuple(header["elements"]),
        structure=header["structure"],
        shells=header["shells"],
        details=header.get("details", {}),
        description=header["description"],
        tensors=tensors,
    )


def stack_tensors(prefix: str, stack: DenseStack) -> Tensors:
    """Arrays of `stack`, named ``<prefix>.table`` and so on."""
    tensors: Tensors = {
        f"{prefix}.table": stack.table,
        f"{prefix}.mover": stack.mover,
        f"{prefix}.bias": stack.bias,
        f"{prefix}.out_weight": stack.out_weight,
        f"{prefix}.out_bias": np.array([stack.out_bias], dtype=np.float64),
    }
    for i, (weight, bias) in enumerate(stack.hidden):
        tensors |= {f"{prefix}.hidden.{i}.weight": weight, f"{prefix}.hidden.{i}.bias": bias}
    return tensors


def stack_from_tensors(prefix: str, tensors: Tensors) -> DenseStack:
    """The stack that `stack_tensors` named with `prefix`."""
    layers = sum(name.startswith(f"{prefix}.hidden.") for name in tensors) // 2
    hidden = [
        (tensors[f"{prefix}.hidden.{i}.weight"], tensors[f"{prefix}.hidden.{i}.bias"]) for i in range(layers)
    ]
    return DenseStack(
        table=tensors[f"{prefix}.table"],
        mover=tensors[f"{prefix}.mover"],
        bias=tensors[f"{prefix}.bias"],
        hidden=tuple(hidden),
        out_weight=tensors[f"{prefix}.out_weight"],
        out_bias=float(tensors[f"{prefix}.out_bias"][0]),
    )


def reordered_stack(stack: DenseStack, order: Sequence[int]) -> DenseStack:
    """`stack` for species renumbered so that the i-th new one is the ``order[i]``-th old one."""
    return DenseStack(
        table=stack.table[:, list(order)],
        mover=stack.mover[list(order)],
        bias=stack.bias,
        hidden=stack.hidden,
        out_weight=stack.out_weight,
        out_bias=stack.out_bias,
    )
