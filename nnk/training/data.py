"""Labels as training data: environments, energies, and who belongs together."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from nnk.barriers import BarrierSet
from nnk.environment import EnvironmentSpec, SpeciesArray, gather_jumps
from nnk.lattice import IntArray, Lattice, Structure
from nnk.networks.setting import Setting

Float64Array = NDArray[np.float64]


@dataclass(frozen=True)
class JumpData:
    """Labels of m jumps. A connected one is two samples: the jump A -> B and its reverse B -> A.

    Attributes:
        elements, structure, shells: as in `nnk.models.BarrierModel`.
        species: uint8[m, n_union], union environments in the frames of the jumps A -> B.
        mover, jump: uint8[m].
        E_fwd_eV, E_bwd_eV: float64[m]; E_bwd is NaN where only the forward barrier is known.
        flag: uint8[m], see `nnk.barriers.Flag`.
        group: int64[m], who belongs together: the labels of one vacancy, and of vacancies that share a jump.
        composition: str[m], name of the composition.
        sample: str[m], key of the sample.
        vacancy_site: int64[m].
        a_A: mean lattice parameter of the labels' samples, Å.
        hash: of everything above.
    """

    elements: tuple[str, ...]
    structure: Structure
    shells: int
    species: SpeciesArray
    mover: SpeciesArray
    jump: NDArray[np.uint8]
    E_fwd_eV: Float64Array
    E_bwd_eV: Float64Array
    flag: NDArray[np.uint8]
    group: IntArray
    composition: NDArray[np.str_]
    sample: NDArray[np.str_]
    vacancy_site: IntArray
    a_A: float
    hash: str

    def __len__(self) -> int:
        return len(self.mover)

    def select(self, rows: NDArray[np.bool_]) -> JumpData:
        """The labels where `rows` bool[m] is true; the hash stays that of the whole set."""
        names = [f.name for f in fields(self) if isinstance(getattr(self, f.name), np.ndarray)]
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    @property
    def setting(self) -> Setting:
        """What a network has to know of the labels."""
        return Setting(self.elements, self.structure, self.shells, self.a_A)

    @property
    def connected(self) -> NDArray[np.bool_]:
        """Labels with both barriers, bool[m]."""
        return np.isfinite(self.E_bwd_eV)

    @property
    def KRA_eV(self) -> Float64Array:
        """Kinetically resolved barriers float64[m]; NaN where only the forward barrier is known."""
        return 0.5 * (self.E_fwd_eV + self.E_bwd_eV)

    @property
    def dE_eV(self) -> Float64Array:
        """Energies of the final minus the initial states, float64[m]."""
        return self.E_fwd_eV - self.E_bwd_eV

    @property
    def environment(self) -> EnvironmentSpec:
        """The union environment."""
        return EnvironmentSpec(self.structure, self.shells, "union")


def jump_data(barriers: BarrierSet, shells: int) -> JumpData:
    """Training data of the usable labels, in an order that does not depend on that of the labels.

    Raises:
        ValueError: no usable label, or cells too small for the environment.
    """
    usable = barriers.select(barriers.usable)
    if not len(usable):
        raise ValueError(f"none of the {len(barriers)} labels is usable")
    keys = np.array(usable.sample_key, dtype=np.str_)[usable.sample]
    usable = usable.select(np.lexsort((usable.jump, usable.vacancy_site, keys)))
    keys = np.array(usable.sample_key, dtype=np.str_)[usable.sample]
    lattice = Lattice(usable.structure, usable.cells, 1.0)
    union = EnvironmentSpec(usable.structure, shells, "union")
    index = (usable.sample, usable.vacancy_site, usable.jump)
    species, mover = gather_jumps(
        union, lattice, usable.occupancy, *(part.astype(np.int64) for part in index)
    )
    vacancies = np.char.add(np.char.add(keys, "/"), usable.vacancy_site.astype(np.str_))
    arrays = (species, mover, usable.jump, usable.E_fwd_eV, usable.E_bwd_eV)
    a_A = usable.a_A[np.unique(usable.sample)]
    return JumpData(
        elements=usable.elements,
        structure=usable.structure,
        shells=shells,
        species=species,
        mover=mover,
        jump=usable.jump,
        E_fwd_eV=usable.E_fwd_eV,
        E_bwd_eV=usable.E_bwd_eV,
        flag=usable.flag,
        group=_groups(usable, np.unique(vacancies, return_inverse=True)[1]),
        composition=usable.composition_name,
        sample=keys,
        vacancy_site=usable.vacancy_site.astype(np.int64),
        a_A=math.fsum(a_A) / len(a_A),  # to the last bit the same in any order of the samples
        hash=_hash(usable.elements, vacancies, arrays),
    )


def _groups(barriers: BarrierSet, vacancy: IntArray) -> IntArray:
    """Group int64[m] of each label; vacancies joined by a jump that both have labelled are in one.

    Vacancies on neighbouring sites of one sample whose atoms are of one species exchange with the very same
    atom: the jump of the one into the other is the reverse of the other's into the one.

    Args:
        barriers: m labels.
        vacancy: int64[m], number of each label's vacancy.
    """
    site = barriers.vacancy_site.astype(np.int64)
    end = Lattice(barriers.structure, barriers.cells, 1.0).neighbours[site, barriers.jump]
    jumps = np.stack([barriers.sample, np.minimum(site, end), np.maximum(site, end)])
    _, jump = np.unique(jumps, axis=1, return_inverse=True)
    alike = barriers.occupancy[barriers.sample, site] == barriers.moving_species
    first, second = vacancy[alike], vacancy.max() + 1 + jump.reshape(-1)[alike]
    n = int(vacancy.max() + 1 + len(jump))
    joined = coo_array((np.ones(len(first)), (first, second)), shape=(n, n))
    _, component = connected_components(joined, directed=False)
    return np.unique(component[vacancy], return_inverse=True)[1]


def _hash(elements: tuple[str, ...], vacancies: NDArray[np.str_], arrays: tuple[NDArray, ...]) -> str:
    digest = hashlib.sha256(" ".join(elements).encode())
    digest.update("\n".join(vacancies).encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:32]
