"""Audited labels: barriers by the search beside those by an independent method, on NetCDF."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
from numpy.typing import NDArray

FORMAT_VERSION = 1

_UNITS = {
    "vacancy_site": ("i4", "1", "site of the vacancy in the initial state"),
    "jump": ("u1", "1", "jump: direction from the vacancy to the atom that moves into it"),
    "flag": ("u1", "1", "outcome of the label, see the flags of the labels"),
    "E_fwd_eV": ("f8", "eV", "forward barrier of the label"),
    "E_bwd_eV": ("f8", "eV", "backward barrier of the label"),
    "neb_E_fwd_eV": ("f8", "eV", "forward barrier by climbing-image NEB; NaN if it did not converge"),
    "neb_E_bwd_eV": ("f8", "eV", "backward barrier by climbing-image NEB; NaN if it did not converge"),
    "neb_calls": ("i4", "1", "force calls of the NEB"),
    "negative_modes": ("i4", "1", "negative modes at the saddle of the NEB; -1 without a saddle"),
}


@dataclass(frozen=True)
class AuditSet:
    """m labels and the same barriers by climbing-image NEB.

    Attributes:
        sample_key: name of each label's sample, m strings.
        vacancy_site, jump: int32[m], uint8[m]: which label of the sample.
        flag: uint8[m], outcome of the label (`nnk.barriers.Flag`).
        E_fwd_eV, E_bwd_eV: float64[m], the label.
        neb_E_fwd_eV, neb_E_bwd_eV: float64[m], by NEB; NaN where it did not converge.
        neb_calls: int32[m], force calls of the NEB.
        negative_modes: int32[m], negative curvatures at the NEB's saddle; -1 without one.
        inputs_hash: hash of what the audit was made from.
    """

    sample_key: tuple[str, ...]
    vacancy_site: NDArray[np.int32]
    jump: NDArray[np.uint8]
    flag: NDArray[np.uint8]
    E_fwd_eV: NDArray[np.float64]
    E_bwd_eV: NDArray[np.float64]
    neb_E_fwd_eV: NDArray[np.float64]
    neb_E_bwd_eV: NDArray[np.float64]
    neb_calls: NDArray[np.int32]
    negative_modes: NDArray[np.int32]
    inputs_hash: str = ""

    def __post_init__(self) -> None:
        for name, (dtype, _, _) in _UNITS.items():
            values = np.asarray(getattr(self, name), dtype=dtype)
            if values.shape != (len(self.sample_key),):
                raise ValueError(f"{name}: expected shape ({len(self.sample_key)},), got {values.shape}")
            object.__setattr__(self, name, values)

    def __len__(self) -> int:
        return len(self.sample_key)

    @property
    def converged(self) -> NDArray[np.bool_]:
        """bool[m]: the NEB has found a saddle."""
        return np.isfinite(self.neb_E_fwd_eV) & np.isfinite(self.neb_E_bwd_eV)

    @property
    def difference_eV(self) -> NDArray[np.float64]:
        """Label minus NEB, forward then backward, float64[m, 2]; NaN where the NEB did not converge."""
        labels = np.stack([self.E_fwd_eV, self.E_bwd_eV], axis=1)
        return labels - np.stack([self.neb_E_fwd_eV, self.neb_E_bwd_eV], axis=1)

    def identities(self) -> list[tuple[str, int, int]]:
        """Sample, vacancy site and jump of each label."""
        return list(zip(self.sample_key, self.vacancy_site.tolist(), self.jump.tolist(), strict=True))

    def save(self, path: Path) -> None:
        """Write to a NetCDF-4 file."""
        with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
            file.Conventions = "CF-1.10"
            file.content = "audit of vacancy jump barriers"
            file.format_version = FORMAT_VERSION
            file.inputs_hash = self.inputs_hash
            file.createDimension("label", len(self))
            keys = file.createVariable("sample_key", str, ("label",))
            keys.long_name = "name of the sample"
            keys[:] = np.array(self.sample_key, dtype=object)
            for name, (dtype, units, text) in _UNITS.items():
                variable = file.createVariable(name, dtype, ("label",))
                variable.units, variable.long_name = units, text
                variable[:] = getattr(self, name)

    @classmethod
    def load(cls, path: Path) -> AuditSet:
        """Read a file of `save`.

        Raises:
            ValueError: not an audit, or one of another format version.
        """
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            if getattr(file, "format_version", None) != FORMAT_VERSION or "neb_calls" not in file.variables:
                raise ValueError(f"{path}: expected an audit of format_version {FORMAT_VERSION}")
            columns = {name: file[name][:] for name in _UNITS}
            return cls(tuple(file["sample_key"][:]), inputs_hash=str(file.inputs_hash), **columns)


def concatenate(parts: Sequence[AuditSet], inputs_hash: str) -> AuditSet:
    """One audit of several, ordered by sample, site and jump."""
    keys = [identity for part in parts for identity in part.identities()]
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
    empty = np.empty(0)
    columns = {name: np.concatenate([empty, *(getattr(p, name) for p in parts)])[order] for name in _UNITS}
    return AuditSet(tuple(keys[i][0] for i in order), inputs_hash=inputs_hash, **columns)
