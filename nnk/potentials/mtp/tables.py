"""Neighbour tables of fixed size for many cells at once, in torch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

Copies = tuple[int, int, int]


@dataclass(frozen=True)
class NeighbourTables:
    """Neighbours of the atoms of b cells of up to n atoms, each with up to m of them.

    Cells narrower than twice the reach are repeated, as in `nnk.potentials.mtp.neighbours`; all cells of a
    batch equally often. Neighbours stand in the order of their copy's number and their own.

    Attributes:
        species: int64[b, n], -1 where a cell has fewer atoms.
        cells_A: float64[b, 3], edges.
        wide_A: float64[b, 3], edges of the repeated cells.
        owners: int64[b, n, m], atom that a neighbour is (a copy of); the atom itself where none is.
        shifts_A: float64[b, n, m, 3], of the copies.
        present: bool[b, n, m].
        reverse: int64[b, n, m], place of the same pair among all the pairs n m of the cell, seen from its
            other atom.
        made_at_A: float64[b, n, 3], positions they were made at.
        skin_A: they hold as long as the two largest displacements in a cell are together below this.
    """

    species: Tensor
    cells_A: Tensor
    wide_A: Tensor
    owners: Tensor
    shifts_A: Tensor
    present: Tensor
    reverse: Tensor
    made_at_A: Tensor
    skin_A: float

    def followed(self, positions_A: Tensor) -> Tensor:
        """Positions float64[b, n, 3] in the images in which the tables know the atoms."""
        return self.made_at_A + nearest_images(positions_A - self.made_at_A, self.cells_A[:, None])

    def stale(self, positions_A: Tensor) -> Tensor:
        """Which cells, bool[b], need new tables at `positions_A` float64[b, n, 3]."""
        moved = torch.linalg.vector_norm(self.followed(positions_A) - self.made_at_A, dim=2)
        moved = torch.where(self.species >= 0, moved, 0.0)
        return moved.topk(min(2, moved.shape[1]), dim=1).values.sum(dim=1) >= self.skin_A


def nearest_images(differences_A: Tensor, edges_A: Tensor) -> Tensor:
    """Differences of positions in any image, to the nearest one."""
    return differences_A - edges_A * torch.round(differences_A / edges_A)


def make_tables(
    species: Tensor,
    cells_A: Tensor,
    positions_A: Tensor,
    reach_A: tuple[float, float],
    width: int | None = None,
) -> NeighbourTables:
    """Tables of cells at some positions (this is not for CUDA graphs).

    Args:
        species: int64[b, n], -1 where a cell has fewer atoms.
        cells_A: float64[b, 3], edges.
        positions_A: float64[b, n, 3], any images.
        reach_A: the potential's cutoff, and how much farther the tables go.
        width: neighbours per atom that they have room for; by default the most that there are.

    Raises:
        ValueError: an atom has more neighbours than `width`.
    """
    copies = _copies(cells_A, sum(reach_A))
    wide_A = cells_A * torch.tensor(copies, device=cells_A.device)
    near = [_near(*cell, copies, sum(reach_A)) for cell in zip(species, cells_A, positions_A, strict=True)]
    most = max(int(mask.sum(dim=1).max()) for mask in near)
    if width is not None and most > width:
        raise ValueError(f"width={width}: an atom has {most} neighbours within {sum(reach_A):g} Å")
    sources = torch.stack([_listed(mask, max(width or most, 1)) for mask in near])
    n, absent = species.shape[1], near[0].shape[1]
    present = sources < absent
    own = torch.arange(n, device=species.device)[:, None]
    steps = torch.stack([_steps(cell_A, copies) for cell_A in cells_A])
    shift = torch.where(present, sources // n, 0)
    batch = torch.arange(len(species), device=species.device)[:, None, None]
    return NeighbourTables(
        species=species,
        cells_A=cells_A,
        wide_A=wide_A,
        owners=torch.where(present, sources % n, own),
        shifts_A=steps[batch, shift],
        present=present,
        reverse=torch.stack([_reverse(rows, copies, absent) for rows in sources]),
        made_at_A=positions_A.clone(),
        skin_A=reach_A[1],
    )


def _copies(cells_A: Tensor, reach_A: float) -> Copies:
    nx, ny, nz = torch.ceil(2 * reach_A / cells_A.amin(dim=0)).long().tolist()
    return nx, ny, nz


def _grid(copies: Copies, device: torch.device) -> Tensor:
    """Numbers int64[copies, 3] of the copies along the edges."""
    return torch.cartesian_prod(*(torch.arange(count, device=device) for count in copies))


def _steps(cell_A: Tensor, copies: Copies) -> Tensor:
    """Displacements float64[copies, 3] of the copies of a cell."""
    return _grid(copies, cell_A.device) * cell_A


def _near(species: Tensor, cell_A: Tensor, positions_A: Tensor, copies: Copies, reach_A: float) -> Tensor:
    """Which sources are within reach of which atoms, bool[n, sources]."""
    sources_A = (positions_A + _steps(cell_A, copies)[:, None]).reshape(-1, 3)
    edges_A = cell_A * torch.tensor(copies, device=cell_A.device)
    square = torch.zeros((len(positions_A), len(sources_A)), dtype=cell_A.dtype, device=cell_A.device)
    for axis in range(3):
        difference = sources_A[None, :, axis] - positions_A[:, None, axis]
        square += nearest_images(difference, edges_A[axis]) ** 2
    real = species >= 0
    near = (square < reach_A**2) & real[:, None] & real.repeat(len(sources_A) // len(real))
    return near.fill_diagonal_(False)


def _listed(near: Tensor, width: int) -> Tensor:
    """Numbers int64[n, width] of the sources that are near; behind them, the number of sources."""
    count = near.shape[1]
    numbers = torch.where(near, torch.arange(count, device=near.device), count)
    least = numbers.topk(min(width, count), dim=1, largest=False).values.sort(dim=1).values
    return torch.nn.functional.pad(least, (0, width - least.shape[1]), value=count)


def _reverse(sources: Tensor, copies: Copies, absent: int) -> Tensor:
    """Place int64[n, m] of every pair in the row of its other atom."""
    n, m = sources.shape
    present, own = sources < absent, torch.arange(n, device=sources.device)[:, None]
    grid, size = _grid(copies, sources.device), torch.tensor(copies, device=sources.device)
    opposite = (-grid % size * torch.tensor([copies[1] * copies[2], copies[2], 1], device=size.device)).sum(1)
    wanted = opposite[torch.where(present, sources // n, 0)] * n + own
    owners = torch.where(present, sources % n, own)
    place = (sources[owners] == wanted[..., None]).int().argmax(dim=2)
    mine = torch.arange(m, device=sources.device)
    return torch.where(present, owners * m + place, own * m + mine)
