"""States of one exchange run with growing order, as a NetCDF-4 file.

Order of pairs is given by Warren and Cowley's parameter alpha_ab^k (`nnk.observables.pair_order`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from nnk.lattice import Lattice, Structure
from nnk.observables.pair_order import coordination, pair_counts, species_numbers, warren_cowley

FORMAT_VERSION = 1
ALPHA_SHELLS = 3


@dataclass(frozen=True, eq=False)
class OrderedRun:
    """Degrees of order along one run.

    Attributes:
        elements, structure, cells, a_A: the crystal.
        occupancy: uint8[n_degrees, n_sites].
        trials, accepted: int64[n_degrees], exchanges tried and made up to each state.
        energy_eV: float64[n_degrees], as the run counts it (pairs, relaxed, or potential energy in motion).
        temperature_K: of the exchanges.
        mode: "lattice", "relax" or "md".
        composition: name of the alloy.
        run: number of the run among those of the alloy.
        pairs_json: the pair energies (`nnk.exchange.pairs.PairHamiltonian`) as JSON; empty without.
        inputs_hash: what the run was made from.
    """

    elements: tuple[str, ...]
    structure: Structure
    cells: tuple[int, int, int]
    a_A: float
    occupancy: NDArray[np.uint8]
    trials: NDArray[np.int64]
    accepted: NDArray[np.int64]
    energy_eV: NDArray[np.float64]
    temperature_K: float
    mode: str
    composition: str
    run: int
    pairs_json: str = ""
    inputs_hash: str = ""

    @property
    def lattice(self) -> Lattice:
        """Sites and box."""
        return Lattice(self.structure, self.cells, self.a_A)

    @property
    def alpha(self) -> NDArray[np.float64]:
        """Warren-Cowley parameters float64[n_degrees, shells, n, n] of the three nearest shells."""
        return np.array([alpha_of(self.lattice, state, len(self.elements)) for state in self.occupancy])

    def save(self, path: Path) -> None:
        """Write the run."""
        with netCDF4.Dataset(path, "w") as file:
            file.setncatts(self._attributes())
            sizes = {"degree": len(self.trials), "site": self.occupancy.shape[1], "shell": ALPHA_SHELLS}
            sizes |= {"element": len(self.elements), "neighbour": len(self.elements)}
            for name, size in sizes.items():
                file.createDimension(name, size)
            _write(file, "occupancy", self.occupancy, ("degree", "site"), "species of each site, from 1")
            _write(file, "trials", self.trials, ("degree",), "exchanges tried")
            _write(file, "accepted", self.accepted, ("degree",), "exchanges made")
            _write(file, "energy_eV", self.energy_eV, ("degree",), "energy", "eV")
            dims = ("degree", "shell", "element", "neighbour")
            _write(file, "alpha", self.alpha, dims, "Warren-Cowley parameter; < 0: favoured")

    def _attributes(self) -> dict[str, Any]:
        return {
            "title": "states with short-range order from Metropolis exchange of atoms",
            "format_version": FORMAT_VERSION,
            "elements": " ".join(self.elements),
            "structure": self.structure,
            "cells": np.array(self.cells),
            "a_A": self.a_A,
            "temperature_K": self.temperature_K,
            "mode": self.mode,
            "composition": self.composition,
            "run": self.run,
            "pairs_json": self.pairs_json,
            "inputs_hash": self.inputs_hash,
        }

    @classmethod
    def load(cls, path: Path) -> OrderedRun:
        """Read a run.

        Raises:
            ValueError: another format.
            OSError: no such file, or a damaged one.
        """
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            if getattr(file, "format_version", None) != FORMAT_VERSION:
                raise ValueError(f"{path}: expected samples of format_version {FORMAT_VERSION}")
            return cls(
                elements=tuple(file.elements.split()),
                structure=file.structure,
                cells=(int(file.cells[0]), int(file.cells[1]), int(file.cells[2])),
                a_A=float(file.a_A),
                occupancy=file["occupancy"][:],
                trials=file["trials"][:],
                accepted=file["accepted"][:],
                energy_eV=file["energy_eV"][:],
                temperature_K=float(file.temperature_K),
                mode=file.mode,
                composition=file.composition,
                run=int(file.run),
                pairs_json=file.pairs_json,
                inputs_hash=file.inputs_hash,
            )


def alpha_of(lattice: Lattice, occupancy: NDArray[np.uint8], n_species: int) -> NDArray[np.float64]:
    """Warren-Cowley parameters float64[shells, n, n] of a state, NaN where they are not defined."""
    counts = pair_counts(lattice, occupancy, ALPHA_SHELLS, n_species)
    z = coordination(lattice.structure, ALPHA_SHELLS)
    return warren_cowley(counts, species_numbers(occupancy, n_species), lattice.n_sites, z)


def _write(
    file: netCDF4.Dataset, name: str, values: NDArray, dims: tuple[str, ...], text: str, units: str = "1"
) -> None:
    variable = file.createVariable(name, values.dtype, dims, compression="zlib", shuffle=True)
    variable.long_name = text
    variable.units = units
    variable[:] = values
