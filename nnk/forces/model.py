"""A trained force model, and how it is kept: model.safetensors and model.json in a folder of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from nnk.files import Fence, commit, stable_hash
from nnk.forces.atoms import Atoms, Float64Array
from nnk.forces.options import FORCE_KINDS, ForceOptions, force_network, force_options

FORMAT_VERSION = 1
WEIGHTS_FILE = "model.safetensors"
MODEL_FILE = "model.json"
_FORMAT = "force model"
_NEEDED = ("kind", "options", "elements", "species", "cell_A", "scale_eV_A", "mean_energy_eV", "description")
_AT_ONCE = 128
_SAME_CELL_A = 1e-6


@dataclass(frozen=True, eq=False)
class ForceModel:
    """Forces, and of some kinds energies, by a trained network.

    Attributes:
        kind, options: of the network, see `nnk.forces.options.FORCE_KINDS`.
        atoms: what it was trained on; the number of atoms, their elements and the cell are its own, unless
            the kind takes any atoms.
        scale_eV_A: unit of the network's forces.
        mean_energy_eV: zero of its energies, for the atoms that it was trained on.
        weights: its weights and what else it has seen.
        description: where it comes from, its errors.
    """

    kind: str
    options: ForceOptions
    atoms: Atoms
    scale_eV_A: float
    mean_energy_eV: float
    weights: Mapping[str, NDArray]
    description: Mapping[str, Any] = field(default_factory=dict)

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements that it knows."""
        return self.atoms.elements

    @property
    def has_energy(self) -> bool:
        """Whether its forces are the negative gradient of an energy, which it gives."""
        return force_network(self.kind).has_energy

    @property
    def any_atoms(self) -> bool:
        """Whether it takes other atoms in another cell than it was trained on."""
        return force_network(self.kind).any_atoms

    @property
    def n_parameters(self) -> int:
        """Numbers that were learnt."""
        return sum(weights.numel() for weights in self._network.parameters())

    @cached_property
    def _network(self) -> Any:
        import torch

        network = force_network(self.kind)(self.atoms, self.options)
        network.load_state_dict({name: torch.from_numpy(array) for name, array in self.weights.items()})
        return network.eval().to(self._precision)

    @property
    def _precision(self) -> Any:
        """Energies, whose small differences count, are evaluated in double precision."""
        import torch

        return torch.float64 if self.has_energy else torch.float32

    def take(self, symbols: Sequence[str], cell_A: ArrayLike) -> Atoms:
        """The atoms as the model numbers them.

        Raises:
            ValueError: an element that it does not know; of models that are bound to their atoms, another
                number or order of atoms, or another cell.
        """
        unknown = sorted(set(symbols) - set(self.elements))
        if unknown:
            raise ValueError(
                f"{', '.join(unknown)}: not known to the model; its elements are {', '.join(self.elements)}"
            )
        species = np.array([self.elements.index(name) + 1 for name in symbols], dtype=np.uint8)
        atoms = Atoms(self.elements, species, np.asarray(cell_A, dtype=np.float64))
        if not self.any_atoms:
            self._check_bound(atoms)
        return atoms

    def _check_bound(self, atoms: Atoms) -> None:
        remedy = "a model of kind local-density takes any atoms"
        if len(atoms) != len(self.atoms):
            raise ValueError(
                f"the model gives the forces of {len(self.atoms)} atoms, it was asked for {len(atoms)}; "
                f"{remedy}"
            )
        if not np.array_equal(atoms.species, self.atoms.species):
            first = int(np.flatnonzero(atoms.species != self.atoms.species)[0])
            names = atoms.symbols[first], self.atoms.symbols[first]
            raise ValueError(
                f"atom {first} is {names[0]}, in the model's own cell it is {names[1]}: the model knows that "
                f"one arrangement alone; {remedy}"
            )
        if not np.allclose(atoms.cell_A, self.atoms.cell_A, rtol=0, atol=_SAME_CELL_A):
            cells = atoms.cell_A.tolist(), self.atoms.cell_A.tolist()
            raise ValueError(f"cell {cells[0]} Å, the model was trained in {cells[1]} Å; {remedy}")

    def evaluate(self, atoms: Atoms, positions_A: Float64Array) -> tuple[Float64Array | None, Float64Array]:
        """Energies float64[n] in eV, or None, and forces float64[n, n_atoms, 3] in eV/Å.

        Args:
            atoms: what `take` has given.
            positions_A: float64[n, n_atoms, 3]; models that are bound to their atoms take the image of an
                atom that is nearest to where they have seen it.

        Raises:
            ValueError: positions of another shape, or that are not finite.
        """
        import torch

        at = np.asarray(positions_A, dtype=np.float64)
        if at.ndim != 3 or at.shape[1:] != (len(atoms), 3):
            raise ValueError(f"positions_A: expected [n, {len(atoms)}, 3], got {at.shape}")
        if not np.isfinite(at).all():
            raise ValueError("positions_A: expected finite numbers")
        energies, forces = [], []
        for part in np.array_split(at, max(1, -(-len(at) // _AT_ONCE))):
            around = self._network.surroundings(atoms, part)
            answer = self._network(torch.from_numpy(self._nearest(atoms, part)).to(self._precision), around)
            forces.append(answer.forces.detach().double().numpy() * self.scale_eV_A)
            if answer.energy is not None:
                zero = self.mean_energy_eV * len(atoms) / len(self.atoms)
                energies.append(answer.energy.double().numpy() * self.scale_eV_A + zero)
        return np.concatenate(energies) if energies else None, np.concatenate(forces)

    def _nearest(self, atoms: Atoms, positions_A: Float64Array) -> Float64Array:
        """Of each atom the image near its place in training, for models that are bound to it."""
        if self.any_atoms:
            return positions_A
        apart = positions_A - self.description["mean_positions_A"]
        return positions_A - atoms.cell_A * np.rint(apart / atoms.cell_A)

    def save(self, directory: Path, *, fence: Fence | None = None) -> None:
        """Write the model into `directory`, each file atomically, the description last."""
        blob = save_tensors({name: np.ascontiguousarray(array) for name, array in self.weights.items()})
        header = {
            "format": _FORMAT,
            "format_version": FORMAT_VERSION,
            "kind": self.kind,
            "options": asdict(self.options),
            "elements": list(self.elements),
            "species": self.atoms.species.tolist(),
            "cell_A": self.atoms.cell_A.tolist(),
            "scale_eV_A": self.scale_eV_A,
            "mean_energy_eV": self.mean_energy_eV,
            "weights_sha256": hashlib.sha256(blob).hexdigest(),
            "description": dict(self.description),
        }
        plain = json.loads(json.dumps(header, allow_nan=False))
        text = json.dumps({**plain, "header_hash": stable_hash(plain)}, indent=1)
        commit(directory / WEIGHTS_FILE, lambda path: _write(path, blob), fence=fence)
        commit(directory / MODEL_FILE, lambda path: _write(path, text.encode()), fence=fence)

    @classmethod
    def load(cls, path: Path | str) -> ForceModel:
        """Read a model by its folder or its model.json.

        Raises:
            FileNotFoundError: no model there.
            ValueError: not a force model, another format version, or damaged.
        """
        folder = Path(path).parent if Path(path).name == MODEL_FILE else Path(path)
        header = _read_header(folder / MODEL_FILE)
        blob = (folder / WEIGHTS_FILE).read_bytes()
        if hashlib.sha256(blob).hexdigest() != header["weights_sha256"]:
            raise ValueError(
                f"{folder / WEIGHTS_FILE} does not belong to {MODEL_FILE}: train the model again"
            )
        try:
            weights = load_tensors(blob)
        except SafetensorError as error:
            raise ValueError(f"{folder / WEIGHTS_FILE} holds no tensors: {error}") from error
        return cls(
            header["kind"],
            force_options(header["kind"], header["options"]),
            Atoms(
                tuple(header["elements"]), np.array(header["species"], np.uint8), np.array(header["cell_A"])
            ),
            header["scale_eV_A"],
            header["mean_energy_eV"],
            weights,
            header["description"],
        )


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged: train the model again ({error})") from error
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise ValueError(f"{path} is not of a force model; allowed: what training of force models writes")
    if header.get("format_version") != FORMAT_VERSION:
        found = header.get("format_version")
        raise ValueError(f"{path}: expected format_version {FORMAT_VERSION}, got {found!r}")
    stated = header.pop("header_hash", None)
    missing = [name for name in _NEEDED if name not in header]
    if missing or stated != stable_hash(header) or header["kind"] not in FORCE_KINDS:
        raise ValueError(f"{path} is damaged: train the model again")
    return header
