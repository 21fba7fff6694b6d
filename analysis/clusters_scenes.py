"""States of one run whose clusters are shown in space, and their files for OVITO."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO

import numpy as np

from analysis.clusters_runs import NAME, ClusterCase
from analysis.inputs import Inputs
from analysis.products import FileProduct
from nnk.environment import SpeciesArray
from nnk.files import temperature_label
from nnk.lattice import Lattice
from nnk.observables.clusters import Clusters, b2_clusters

DECADES_BEFORE_THE_END = (2, 1, 0)


@dataclass(frozen=True)
class Scene:
    """Clusters of one state.

    Attributes:
        lattice: the lattice.
        elements: species i is ``elements[i - 1]``.
        occupancy: uint8[n_sites].
        clusters: those of the state.
        jumps, time_s: vacancy jumps and time since the start.
    """

    lattice: Lattice
    elements: tuple[str, ...]
    occupancy: SpeciesArray
    clusters: Clusters
    jumps: int
    time_s: float

    @property
    def largest(self) -> int:
        """Centres of the largest cluster."""
        return int(self.clusters.size.max(initial=0))


def scenes_of(inputs: Inputs, case: ClusterCase) -> list[Scene]:
    """The key frames nearest to 1/100 and 1/10 of the jumps of the typical run, and its last state.

    Raises:
        DamagedInput: a file that cannot be read any more.
    """
    run = case.typical
    frames = inputs.trajectory(run.file).frames()
    wanted = run.jumps[-1] / 10.0 ** np.array(DECADES_BEFORE_THE_END)
    places = sorted({int(np.abs(frames.jump - jumps).argmin()) for jumps in wanted})
    return [
        Scene(
            lattice=run.lattice,
            elements=case.elements,
            occupancy=frames.occupancy[place],
            clusters=b2_clusters(run.lattice, frames.occupancy[place], case.pair),
            jumps=int(frames.jump[place]),
            time_s=float(frames.time_s[place]),
        )
        for place in places
    ]


def scenes_file(case: ClusterCase, scenes: list[Scene]) -> FileProduct:
    """The states as extended XYZ, for OVITO and ASE; vacancies are left out.

    Besides its element and place (Å) each atom has ``centre`` (1 or 0), ``cluster`` (from 1 for the largest;
    0 for none) and ``cluster_size`` (0 for none).
    """
    file = case.typical.file
    text = StringIO()
    for scene in scenes:
        _write(text, scene)
    return FileProduct(
        name=f"{NAME}-{case.name}-{temperature_label(file.temperature_K)}-r{file.replica:03d}.extxyz",
        title=(
            f"Atoms of {case.name}, {file.temperature_K:g} K, replica {file.replica}, with their "
            f"{case.pair_name} B2 clusters, after {', '.join(f'{scene.jumps:,}' for scene in scenes)} jumps "
            "(opens in OVITO)"
        ),
        content=text.getvalue().encode(),
    )


def _write(text: StringIO, scene: Scene) -> None:
    lattice, clusters = scene.lattice, scene.clusters
    sites = np.flatnonzero(scene.occupancy)
    number = clusters.of_sites(lattice.n_sites)[sites]
    size = np.append(clusters.size, 0)[number]  # -1, no cluster, takes the appended 0
    x, y, z = lattice.box_A.tolist()
    columns = "species:S:1:pos:R:3:centre:I:1:cluster:I:1:cluster_size:I:1"
    header = (
        f'Lattice="{x!r} 0 0 0 {y!r} 0 0 0 {z!r}" pbc="T T T" jumps={scene.jumps} time_s={scene.time_s!r}'
    )
    text.write(f"{len(sites)}\nProperties={columns} {header}\n")
    names = np.array(scene.elements)[scene.occupancy[sites] - 1]
    rows = zip(
        names.tolist(), lattice.positions_A[sites].tolist(), number.tolist(), size.tolist(), strict=True
    )
    text.writelines(
        f"{name} {a:.6f} {b:.6f} {c:.6f} {int(k >= 0)} {k + 1} {s}\n" for name, (a, b, c), k, s in rows
    )
