"""Files of snapshots (NetCDF-4, CF-style), which know the hash of their own content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

import netCDF4
import numpy as np
from numpy.typing import NDArray

from nnk.files import Fence, commit
from nnk.snapshots.snapshot_set import PER_SNAPSHOT, SnapshotSet

FORMAT_VERSION = 1
CONTENT = "snapshots of molecular dynamics"
_CHUNK_BYTES = 1 << 20

_MEANING = {
    "positions_A": ("angstrom", "positions, not folded back into the cell"),
    "forces_eV_A": ("eV/angstrom", "forces"),
    "energy_eV": ("eV", "potential energy of the cell"),
    "temperature_K": ("K", "temperature of the thermostat"),
    "kinetic_K": ("K", "temperature of the velocities at this moment"),
    "trajectory": ("1", "number of the trajectory"),
    "step": ("1", "time steps since the trajectory's start"),
    "time_ps": ("ps", "time since the trajectory's start"),
    "correlation_ps": ("ps", "correlation time measured in the trajectory"),
}


class DamagedSnapshots(ValueError):
    """A file of snapshots that is no longer what was written.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, error: Exception | str) -> None:
        super().__init__(f"{path} is damaged ({error}); remove it and run again: it is made anew")
        self.path = path


def write(path: Path, snapshots: SnapshotSet, fence: Fence | None = None) -> None:
    """Write a file, whole or not at all.

    Raises:
        OSError: it cannot be written.
        ValueError: no snapshots at all.
        StaleEpoch: a newer run has begun.
    """
    if not len(snapshots):
        raise ValueError(f"{path}: no snapshots to write")
    commit(path, lambda temporary: _write(temporary, snapshots), fence=fence)


def _write(path: Path, snapshots: SnapshotSet) -> None:
    try:
        with netCDF4.Dataset(path, "w", format="NETCDF4") as file:
            _fill(file, snapshots)
    except RuntimeError as error:  # how netCDF4 tells that HDF5 could not write
        raise OSError(f"{path}: {error}") from error


def _fill(file: netCDF4.Dataset, snapshots: SnapshotSet) -> None:
    for name, size in (("snapshot", len(snapshots)), ("atom", snapshots.n_atoms), ("spatial", 3)):
        file.createDimension(name, size)
    meaning = "species of each atom: i is the i-th of the attribute elements"
    _put(file, "species", ("atom",), snapshots.species, ("1", meaning))
    _put(file, "cell_A", ("spatial",), snapshots.cell_A, ("angstrom", "edges of the cell"))
    for name, (_, dims) in PER_SNAPSHOT.items():
        _put(file, name, ("snapshot", *dims), getattr(snapshots, name), _MEANING[name])
    file.Conventions = "CF-1.11"
    file.content = CONTENT
    file.format_version = FORMAT_VERSION
    file.elements = " ".join(snapshots.elements)
    file.a_A = float(snapshots.a_A)
    file.run = json.dumps(dict(snapshots.attrs), sort_keys=True)
    if "inputs_hash" in snapshots.attrs:
        file.inputs_hash = snapshots.attrs["inputs_hash"]
    file.content_sha256 = _digest(snapshots)


def _put(
    file: netCDF4.Dataset, name: str, dims: tuple[str, ...], values: NDArray, meaning: tuple[str, str]
) -> None:
    row_bytes = values[:1].nbytes or 1
    rows = max(1, min(len(values), _CHUNK_BYTES // row_bytes))
    chunks = (rows, *(max(1, size) for size in values.shape[1:]))
    # thermal motion hardly compresses: numbers that repeat do, and cost nothing
    compression: Literal["zlib"] | None = None if values.ndim == 3 else "zlib"
    variable = file.createVariable(
        name, values.dtype, dims, compression=compression, complevel=1, chunksizes=chunks
    )
    variable.units, variable.long_name = meaning
    variable[:] = values


def _digest(snapshots: SnapshotSet) -> str:
    header = [snapshots.elements, float(snapshots.a_A), dict(snapshots.attrs)]
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in ("species", "cell_A", *PER_SNAPSHOT):
        digest.update(np.ascontiguousarray(getattr(snapshots, name)).data)
    return digest.hexdigest()


def read(path: Path) -> SnapshotSet:
    """Read a file; see `SnapshotSet.load`."""
    with _opened(path) as file:
        file.set_auto_mask(False)
        found = getattr(file, "format_version", None)
        if getattr(file, "content", None) != CONTENT or found != FORMAT_VERSION:
            raise ValueError(f"{path}: expected snapshots of format_version {FORMAT_VERSION}, got {found}")
        try:
            snapshots, wanted = _content(file), file.content_sha256
        except (RuntimeError, LookupError, AttributeError, TypeError, ValueError) as error:
            raise DamagedSnapshots(path, error) from error
    if _digest(snapshots) != wanted:
        raise DamagedSnapshots(path, "its content is not what its hash says")
    return snapshots


def read_attributes(path: Path) -> tuple[int, dict[str, Any]]:
    """Number of snapshots of a file, and what they were made with; its arrays are neither read nor checked.

    Raises:
        OSError, ValueError: as `read`.
    """
    with _opened(path) as file:
        try:
            return len(file.dimensions["snapshot"]), json.loads(file.run)
        except (LookupError, AttributeError, ValueError) as error:
            raise DamagedSnapshots(path, error) from error


def _content(file: netCDF4.Dataset) -> SnapshotSet:
    columns = {name: np.asarray(file[name][:]) for name in ("species", "cell_A", *PER_SNAPSHOT)}
    return SnapshotSet(
        elements=tuple(file.elements.split()), a_A=float(file.a_A), attrs=json.loads(file.run), **columns
    )


def _opened(path: Path) -> netCDF4.Dataset:
    try:
        return netCDF4.Dataset(path)
    except OSError as error:
        if error.errno is not None and error.errno > 0:
            raise  # the system's trouble, not the file's; NetCDF's own numbers are negative
        raise DamagedSnapshots(path, error) from error
