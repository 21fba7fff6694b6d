"""Trajectories on NetCDF-4: whole runs, and the segments that a run leaves behind while it is under way.

The root group is CF-style, for xarray. A whole run also has a group ``AMBER`` (positions of the sites once,
their species per key frame), which OVITO opens as it is. A file is built in memory and carries the hash of
its own content, so a full disk is an ordinary error and a damaged file is noticed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.frames import FRAME_FIELDS, Frames
from nnk.lattice import Lattice

FORMAT_VERSION = 2
CONTENT = "vacancy trajectory"
_CHUNK = 2**20  # directions compressed together
_PICOSECONDS = 1e12
_FRAME_VARIABLES: dict[str, tuple[tuple[str, ...], str, str]] = {  # dimensions after frame, units, meaning
    "jump": ((), "1", "jumps made before the frame"),
    "time_s": ((), "s", "time since the start of the run"),
    "time_rest_s": ((), "s", "what time_s lacks of the exact sum"),
    "occupancy": (("site",), "1", "species of each site: 0 vacancy, i the i-th of the attribute elements"),
    "vacancy": ((), "1", "site of the vacancy"),
    "displacement": (("spatial",), "half lattice parameters", "way of the vacancy, not folded back"),
    "pair_counts": (("shell", "species", "neighbour_species"), "1", "pairs of a site and its neighbour"),
}


class DamagedFile(ValueError):
    """A file that is not a trajectory, or no longer what was written."""


@dataclass(frozen=True, eq=False)
class Stored:
    """What a file holds.

    Attributes:
        header: the run's setup as JSON values; see `nnk.kmc.trajectory`.
        first_jump: number of the first jump in `directions`.
        initial_occupancy: uint8[n_sites], the state before the run's first jump.
        directions: uint8[n].
        key_frames: key frames among these jumps (with the start, if `first_jump` is 0).
        end: the state after the last of these jumps.
    """

    header: dict[str, Any]
    first_jump: int
    initial_occupancy: SpeciesArray
    directions: SpeciesArray
    key_frames: Frames
    end: Frames

    def digest(self) -> str:
        """SHA-256 of all of it."""
        total = hashlib.sha256(json.dumps([self.header, self.first_jump], sort_keys=True).encode())
        for array in (self.initial_occupancy, self.directions):
            total.update(np.ascontiguousarray(array).data)
        for frames in (self.key_frames, self.end):
            for name in FRAME_FIELDS:
                total.update(np.ascontiguousarray(getattr(frames, name)).data)
        return total.hexdigest()


def pack(stored: Stored, *, whole: bool) -> bytes:
    """The content of a NetCDF-4 file; `whole` runs get the group for OVITO."""
    file = netCDF4.Dataset("trajectory.nc", "w", memory=_CHUNK)
    _write_attributes(file, stored)
    sizes = dict(zip(("shell", "species"), stored.end.pair_counts.shape[1:3], strict=True))
    file.createDimension("site", len(stored.initial_occupancy))
    file.createDimension("step", len(stored.directions))
    file.createDimension("spatial", 3)
    for name in ("shell", "species", "neighbour_species"):
        file.createDimension(name, sizes.get(name, sizes["species"]))
    meaning = _FRAME_VARIABLES["occupancy"][2]
    _write(file, "initial_occupancy", ("site",), stored.initial_occupancy, long_name=meaning)
    _write(
        file, "directions", ("step",), stored.directions, long_name="jump taken, numbered as in jump_vectors"
    )
    _write_frames(file, stored.key_frames)
    _write_frames(file.createGroup("end"), stored.end)
    lattice = lattice_of(stored.header)
    file.createDimension("direction", lattice.z)
    _write(file, "jump_vectors", ("direction", "spatial"), lattice.jumps, units="half lattice parameters")
    if whole:
        _write_amber(file.createGroup("AMBER"), lattice, stored.key_frames)
    return bytes(file.close())


def read(path: Path) -> Stored:
    """Read a file of `pack` and check its hash.

    Raises:
        FileNotFoundError: there is none.
        DamagedFile: unreadable, of another kind, or not what was written.
    """
    with _opened(path) as file:
        stored = _read(file, file["directions"][:])
        expected = file.content_sha256
    if stored.digest() != expected:
        raise DamagedFile(f"{path}: its content is not what was written (hash differs)")
    return stored


def read_states(path: Path) -> Stored:
    """Read a file of `pack` without its directions (an empty array) and without checking its hash.

    Raises:
        FileNotFoundError: there is none.
        DamagedFile: unreadable, or of another kind.
    """
    with _opened(path) as file:
        return _read(file, np.empty(0, dtype=np.uint8))


def read_directions(path: Path) -> SpeciesArray:
    """The directions uint8[n] alone; errors as in `read_states`."""
    with _opened(path) as file:
        return file["directions"][:]


def lattice_of(header: dict[str, Any]) -> Lattice:
    """The lattice that a header describes."""
    return Lattice(header["structure"], tuple(header["cells"]), header["a_A"])


def _write_attributes(file: netCDF4.Dataset, stored: Stored) -> None:
    header = stored.header
    file.Conventions = "CF-1.11"
    file.content = CONTENT
    file.format_version = FORMAT_VERSION
    file.setup = json.dumps(header, sort_keys=True)
    file.first_jump = stored.first_jump
    file.content_sha256 = stored.digest()
    file.inputs_hash = header["inputs_hash"]
    file.elements = " ".join(header["elements"])
    file.temperature_K = float(header["temperature_K"])


def _write(
    file: netCDF4.Dataset, name: str, dims: tuple[str, ...], values: NDArray, **attributes: str
) -> None:
    chunks = [min(max(1, size), _CHUNK) for size in values.shape]
    if dims and dims[0] == "frame":
        chunks[0] = 1
    variable = file.createVariable(
        name, values.dtype, dims, compression="zlib", complevel=1, shuffle=False, chunksizes=chunks
    )
    variable.setncatts(attributes)
    variable[:] = values


def _write_frames(group: netCDF4.Dataset, frames: Frames) -> None:
    group.createDimension("frame", len(frames))
    for name, (dims, units, meaning) in _FRAME_VARIABLES.items():
        _write(group, name, ("frame", *dims), getattr(frames, name), units=units, long_name=meaning)


def _write_amber(group: netCDF4.Dataset, lattice: Lattice, frames: Frames) -> None:
    """Key frames by the AMBER convention: Å, degrees, ps."""
    group.Conventions = "AMBER"
    group.ConventionVersion = "1.0"
    group.program = "neural-network-kinetics"
    group.programVersion = str(FORMAT_VERSION)
    group.createDimension("atom", lattice.n_sites)
    group.createDimension("cell_spatial", 3)
    group.createDimension("cell_angular", 3)
    types = frames.occupancy.astype(np.int8)
    _write(group, "time", ("frame",), _PICOSECONDS * frames.time_s, units="picosecond")
    _write(
        group, "coordinates", ("atom", "spatial"), lattice.positions_A.astype(np.float32), units="angstrom"
    )
    lengths, angles = (np.tile(row, (len(frames), 1)) for row in (lattice.box_A, np.full(3, 90.0)))
    _write(group, "cell_lengths", ("frame", "cell_spatial"), lengths, units="angstrom")
    _write(group, "cell_angles", ("frame", "cell_angular"), angles, units="degree")
    _write(group, "atom_types", ("frame", "atom"), types, long_name=_FRAME_VARIABLES["occupancy"][2])


@contextmanager
def _opened(path: Path) -> Iterator[netCDF4.Dataset]:
    """A file of `pack`, open; whatever cannot be read in it is a `DamagedFile`."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such trajectory")
    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            _check_kind(path, file)
            yield file
    except (OSError, RuntimeError, AttributeError, IndexError, KeyError, json.JSONDecodeError) as error:
        raise DamagedFile(f"{path}: cannot be read as a trajectory ({error})") from error


def _read(file: netCDF4.Dataset, directions: SpeciesArray) -> Stored:
    return Stored(
        json.loads(file.setup),
        int(file.first_jump),
        file["initial_occupancy"][:],
        directions,
        _read_frames(file),
        _read_frames(file["end"]),
    )


def _check_kind(path: Path, file: netCDF4.Dataset) -> None:
    found = getattr(file, "content", None), getattr(file, "format_version", None)
    if found != (CONTENT, FORMAT_VERSION):
        raise DamagedFile(f"{path}: expected {CONTENT!r} of format_version {FORMAT_VERSION}, got {found}")


def _read_frames(group: netCDF4.Dataset) -> Frames:
    return Frames(*(group[name][:] for name in FRAME_FIELDS))
