"""Trajectories on NetCDF-4: whole runs, and the segments that a run leaves behind while it is under way.

The root group is CF-style, for xarray. A whole run also has a group ``AMBER`` (positions of the sites once,
their species per key frame), which OVITO opens as it is. A file carries the hash of its own content, so that
a damaged file is noticed. Rows of jumps and of key frames are written, read and hashed in blocks: memory does
not grow with the length of a run.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
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
BLOCK = 2**20  # jumps compressed, and read, together
_PICOSECONDS = 1e12


@dataclass(frozen=True)
class _Variable:
    name: str
    dims: tuple[str, ...]  # after "frame"
    units: str
    meaning: str


_SPECIES = "species of each site: 0 vacancy, i the i-th of the attribute elements"
_FRAME_VARIABLES = {
    "jump": _Variable("jump", (), "1", "jumps made before the frame"),
    "time_s": _Variable("time_s", (), "s", "time since the start of the run"),
    "time_rest_s": _Variable("time_rest_s", (), "s", "what time_s lacks below its last digit"),
    "temperature_K": _Variable("frame_temperature_K", (), "K", "temperature of the next jump"),
    "energy_eV": _Variable("energy_eV", (), "eV", "energy of the state by the model, up to a constant"),
    "occupancy": _Variable("occupancy", ("site",), "1", _SPECIES),
    "vacancies": _Variable("vacancy_site", ("vacancy",), "1", "site of each vacancy"),
    "displacement": _Variable(
        "displacement",
        ("vacancy", "spatial"),
        "half lattice parameters",
        "way of each vacancy, not folded back",
    ),
    "pair_counts": _Variable(
        "pair_counts", ("shell", "species", "neighbour_species"), "1", "pairs of a site and its neighbour"
    ),
    "decided": _Variable("decided", ("decided_jump",), "1", "jumps that follow in any case, then 255"),
    "skipped": _Variable("skipped", (), "1", "jumps made beyond those recorded"),
}


class DamagedFile(ValueError):
    """A file that is not a trajectory, or no longer what was written."""


@dataclass(frozen=True, eq=False)
class Jumped:
    """A row of jumps.

    Attributes:
        directions: uint8[n].
        movers: uint8 or uint16[n], number of the vacancy that jumped; None where there is only one.
    """

    directions: SpeciesArray
    movers: NDArray[np.uint8] | NDArray[np.uint16] | None


@dataclass(frozen=True, eq=False)
class Content:
    """What a file holds; rows of jumps and key frames come in pieces.

    Attributes:
        header: the run's setup as JSON values; see `nnk.kmc.trajectory`.
        first_jump: number of its first jump.
        initial_occupancy: uint8[n_sites], the state before the run's first jump.
        n_frames: number of its key frames.
        jumps: gives its jumps, piece after piece.
        key_frames: gives its key frames (with the start, if `first_jump` is 0), piece after piece.
        end: the state after the last of its jumps.
        ended_by: why the run ended there; empty while it is under way.
        made_on: for each stretch its first jump (``first_jump``) and by what it was made.
    """

    header: dict[str, Any]
    first_jump: int
    initial_occupancy: SpeciesArray
    n_frames: int
    jumps: Callable[[], Iterable[Jumped]]
    key_frames: Callable[[], Iterable[Frames]]
    end: Frames
    ended_by: str
    made_on: tuple[dict[str, Any], ...]

    @property
    def n_jumps(self) -> int:
        """Number of its jumps."""
        return int(self.end.jump[0]) - self.first_jump

    @property
    def several(self) -> bool:
        """Whether there are several vacancies, so that each jump says whose it is."""
        return self.end.vacancies.shape[1] > 1

    @property
    def mover_type(self) -> np.dtype:
        """Type of the numbers of vacancies."""
        return np.dtype(np.uint8 if self.end.vacancies.shape[1] <= 256 else np.uint16)


def write(path: Path, content: Content, *, whole: bool) -> None:
    """Write a NetCDF-4 file; `whole` runs get the group for OVITO.

    Raises:
        OSError: it cannot be written, because the disk is full, say.
    """
    try:
        with netCDF4.Dataset(path, "w") as file:
            _fill(file, content, whole=whole)
    except RuntimeError as error:  # how netCDF4 tells that HDF5 could not write
        raise OSError(f"{error}") from error


def pack(content: Content) -> bytes:
    """The file of `write` for a segment, built in memory."""
    file = netCDF4.Dataset("trajectory.nc", "w", memory=BLOCK)
    _fill(file, content, whole=False)
    return bytes(file.close())


def _fill(file: netCDF4.Dataset, content: Content, *, whole: bool) -> None:
    _make_dimensions(file, content)
    digest = _digest_of_start(content.header, content.first_jump, content.ended_by)
    lattice = lattice_of(content.header)
    _put(file, "initial_occupancy", ("site",), [content.initial_occupancy], digest, long_name=_SPECIES)
    meaning = "jump taken, numbered as in jump_vectors"
    rows = (piece.directions for piece in content.jumps())
    _put(file, "directions", ("step",), rows, digest, long_name=meaning)
    if content.several:
        movers = (np.asarray(piece.movers, dtype=content.mover_type) for piece in content.jumps())
        _put(file, "movers", ("step",), movers, digest, long_name="number of the vacancy that jumped")
    _put_frames(file, content.key_frames, digest)
    end = file.createGroup("end")
    end.createDimension("frame", 1)
    _put_frames(end, lambda: [content.end], digest)
    _put(file, "jump_vectors", ("direction", "spatial"), [lattice.jumps], units="half lattice parameters")
    if whole:
        _write_amber(file.createGroup("AMBER"), lattice, content)
    _write_attributes(file, content, digest.hexdigest())


def _make_dimensions(file: netCDF4.Dataset, content: Content) -> None:
    shells, species = content.end.pair_counts.shape[1:3]
    sizes = {
        "site": len(content.initial_occupancy),
        "step": content.n_jumps,
        "spatial": 3,
        "vacancy": content.end.vacancies.shape[1],
        "shell": shells,
        "species": species,
        "neighbour_species": species,
        "direction": lattice_of(content.header).z,
        "decided_jump": content.end.decided.shape[1],
        "frame": content.n_frames,
    }
    for name, size in sizes.items():
        file.createDimension(name, size)


def _write_attributes(file: netCDF4.Dataset, content: Content, digest: str) -> None:
    header = content.header
    file.Conventions = "CF-1.11"
    file.content = CONTENT
    file.format_version = FORMAT_VERSION
    file.setup = json.dumps(header, sort_keys=True)
    file.first_jump = content.first_jump
    file.jumps = int(content.end.jump[0])
    file.time_s = float(content.end.time_s[0])
    file.ended_by = content.ended_by
    file.made_on = json.dumps(content.made_on)
    file.content_sha256 = digest
    file.inputs_hash = header["inputs_hash"]
    file.elements = " ".join(header["elements"])
    file.temperature_K = float(header["temperature_K"])


def _put(
    group: netCDF4.Dataset,
    name: str,
    dims: tuple[str, ...],
    pieces: Iterable[NDArray],
    digest: hashlib._Hash | None = None,
    **attributes: str,
) -> None:
    """A variable from arrays that follow each other along its first dimension."""
    variable, done = None, 0
    for piece in pieces:
        if variable is None:
            variable = _create(group, name, dims, piece.dtype)
            variable.setncatts(attributes)
        variable[done : done + len(piece)] = piece
        done += len(piece)
        if digest is not None:
            digest.update(np.ascontiguousarray(piece).data)


def _create(group: netCDF4.Dataset, name: str, dims: tuple[str, ...], dtype: np.dtype) -> netCDF4.Variable:
    sizes = [_size(group, dim) for dim in dims]
    chunks = [min(max(1, size), BLOCK) for size in sizes]
    if dims[0] == "frame":
        # one state of many sites, or many small rows, to a chunk
        chunks[0] = max(1, min(sizes[0], BLOCK // 64 // max(1, int(np.prod(chunks[1:])))))
    return group.createVariable(
        name, dtype, dims, compression="zlib", complevel=1, shuffle=False, chunksizes=chunks
    )


def _size(group: netCDF4.Dataset, dim: str) -> int:
    """Size of a dimension of the group or of the one that it is in."""
    if dim not in group.dimensions and group.parent is not None:
        return _size(group.parent, dim)
    return len(group.dimensions[dim])


def _put_frames(
    group: netCDF4.Dataset, pieces: Callable[[], Iterable[Frames]], digest: hashlib._Hash
) -> None:
    for field, variable in _FRAME_VARIABLES.items():
        rows = (getattr(frames, field) for frames in pieces())
        _put(
            group, variable.name, ("frame", *variable.dims), rows, digest,
            units=variable.units, long_name=variable.meaning,
        )  # fmt: skip


def _digest_of_start(header: dict[str, Any], first_jump: int, ended_by: str) -> hashlib._Hash:
    return hashlib.sha256(json.dumps([header, first_jump, ended_by], sort_keys=True).encode())


def _write_amber(group: netCDF4.Dataset, lattice: Lattice, content: Content) -> None:
    """Key frames by the AMBER convention: Å, degrees, ps."""
    group.Conventions = "AMBER"
    group.ConventionVersion = "1.0"
    group.program = "neural-network-kinetics"
    group.programVersion = str(FORMAT_VERSION)
    for name, size in (("atom", lattice.n_sites), ("cell_spatial", 3), ("cell_angular", 3)):
        group.createDimension(name, size)

    def per_frame(values: Callable[[Frames], NDArray]) -> Iterator[NDArray]:
        return (values(frames) for frames in content.key_frames())

    positions = lattice.positions_A.astype(np.float32)
    _put(group, "coordinates", ("atom", "spatial"), [positions], units="angstrom")
    times = per_frame(lambda frames: _PICOSECONDS * frames.time_s)
    _put(group, "time", ("frame",), times, units="picosecond")
    lengths = per_frame(lambda frames: np.tile(lattice.box_A, (len(frames), 1)))
    _put(group, "cell_lengths", ("frame", "cell_spatial"), lengths, units="angstrom")
    angles = per_frame(lambda frames: np.full((len(frames), 3), 90.0))
    _put(group, "cell_angles", ("frame", "cell_angular"), angles, units="degree")
    types = per_frame(lambda frames: frames.occupancy.astype(np.int8))
    _put(group, "atom_types", ("frame", "atom"), types, long_name=_SPECIES)


class TrajectoryFile:
    """A file of `write`, opened anew for everything that is asked of it.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is none.
        DamagedFile: unreadable, or of another kind.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as file:
            self.header: dict[str, Any] = json.loads(file.setup)
            self.first_jump = int(file.first_jump)
            self.ended_by = str(file.ended_by)
            self.made_on: tuple[dict[str, Any], ...] = tuple(json.loads(file.made_on))
            self.initial_occupancy: SpeciesArray = file["initial_occupancy"][:]
            self.frame_jumps: NDArray[np.int64] = file["jump"][:]
            self.end = _read_frames(file["end"], slice(None))
            self._sha256 = str(file.content_sha256)

    @property
    def n_jumps(self) -> int:
        """Number of its jumps."""
        return int(self.end.jump[0]) - self.first_jump

    @property
    def last_jump(self) -> int:
        """Number of jumps since the start of the run after its last one."""
        return int(self.end.jump[0])

    @property
    def several(self) -> bool:
        """Whether each jump says which vacancy it is of."""
        return self.end.vacancies.shape[1] > 1

    def jumps(self, first: int = 0, last: int | None = None) -> Iterator[Jumped]:
        """Its jumps `first` up to `last` (counted within the file), a block at a time."""
        end = self.n_jumps if last is None else last
        with self._opened() as file:
            # blocks as they are compressed: each is read once
            edges = [first, *range((first // BLOCK + 1) * BLOCK, end, BLOCK), end]
            for a, b in itertools.pairwise(edges):
                movers = file["movers"][a:b] if self.several else None
                yield Jumped(file["directions"][a:b], movers)

    def frames(self, which: slice = slice(None)) -> Frames:
        """Some of its key frames."""
        with self._opened() as file:
            return _read_frames(file, which)

    def frames_one_by_one(self) -> Iterator[Frames]:
        """All its key frames, so many at a time that they are small."""
        rows = max(1, BLOCK // max(1, len(self.initial_occupancy)))
        for first in range(0, len(self.frame_jumps), rows):
            yield self.frames(slice(first, first + rows))

    def check(self) -> None:
        """Read everything and compare with the hash that was written.

        Raises:
            DamagedFile: it is not what was written.
        """
        digest = _digest_of_start(self.header, self.first_jump, self.ended_by)
        digest.update(self.initial_occupancy.data)
        for piece in self.jumps():
            digest.update(np.ascontiguousarray(piece.directions).data)
        if self.several:
            for piece in self.jumps():
                digest.update(np.ascontiguousarray(piece.movers).data)
        for pieces in (self.frames_one_by_one, lambda: [self.end]):
            for name in FRAME_FIELDS:
                for frames in pieces():
                    digest.update(np.ascontiguousarray(getattr(frames, name)).data)
        if digest.hexdigest() != self._sha256:
            raise DamagedFile(f"{self.path}: its content is not what was written (hash differs)")

    @property
    def digest(self) -> str:
        """SHA-256 of its content, as it was written."""
        return self._sha256

    @contextmanager
    def _opened(self) -> Iterator[netCDF4.Dataset]:
        """The file, open; whatever cannot be read in it is a `DamagedFile`."""
        path = self.path
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such trajectory")
        try:
            with netCDF4.Dataset(path) as file:
                file.set_auto_mask(False)
                _check_kind(path, file)
                yield file
        except (OSError, RuntimeError, AttributeError, LookupError, json.JSONDecodeError) as error:
            raise DamagedFile(f"{path}: cannot be read as a trajectory ({error})") from error


def lattice_of(header: dict[str, Any]) -> Lattice:
    """The lattice that a header describes."""
    return Lattice(header["structure"], tuple(header["cells"]), header["a_A"])


def joined(parts: Sequence[TrajectoryFile], is_key: Callable[[int], bool], content: Content) -> Content:
    """Files that follow each other, the first from jump 0 on, and then `content`, as one whole.

    Its key frames are those whose jump number `is_key`, and the last state.
    """

    def jumps() -> Iterator[Jumped]:
        for part in parts:
            yield from part.jumps()
        yield from content.jumps()

    def key_frames() -> Iterator[Frames]:
        for part in parts:
            for frames in part.frames_one_by_one():
                yield _only(frames, is_key)
        for frames in content.key_frames():
            yield _only(frames, is_key)
        if not is_key(int(content.end.jump[0])):
            yield content.end

    numbers = [number for part in parts for number in part.frame_jumps.tolist()]
    numbers += [number for frames in content.key_frames() for number in frames.jump.tolist()]
    return Content(
        header=content.header,
        first_jump=0,
        initial_occupancy=content.initial_occupancy,
        n_frames=sum(map(is_key, numbers)) + (not is_key(int(content.end.jump[0]))),
        jumps=jumps,
        key_frames=key_frames,
        end=content.end,
        ended_by=content.ended_by,
        made_on=_distinct([*(stretch for part in parts for stretch in part.made_on), *content.made_on]),
    )


def _only(frames: Frames, is_key: Callable[[int], bool]) -> Frames:
    return frames.select(np.array([is_key(number) for number in frames.jump.tolist()], dtype=bool))


def _distinct(stretches: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Without those made by the same as the one before."""
    kept: list[dict[str, Any]] = []
    for stretch in stretches:
        if not kept or {**stretch, "first_jump": 0} != {**kept[-1], "first_jump": 0}:
            kept.append(stretch)
    return tuple(kept)


def _check_kind(path: Path, file: netCDF4.Dataset) -> None:
    found = getattr(file, "content", None), getattr(file, "format_version", None)
    if found != (CONTENT, FORMAT_VERSION):
        raise DamagedFile(f"{path}: expected {CONTENT!r} of format_version {FORMAT_VERSION}, got {found}")


def _read_frames(group: netCDF4.Dataset, which: slice) -> Frames:
    return Frames(*(group[_FRAME_VARIABLES[name].name][which] for name in FRAME_FIELDS))
