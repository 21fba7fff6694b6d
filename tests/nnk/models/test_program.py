"""Ensembles of programs: the mean of their members, told apart by all of their arrays."""

from dataclasses import replace

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.models.program import EnsembleProgram, arrays_of, evaluate, members_of, program_hash


@pytest.fixture
def members(make_model):
    return tuple(make_model("fcc", 2, seed=seed).compiled() for seed in range(3))


def test_barriers_are_the_mean(members):
    lattice = Lattice.fcc((4, 4, 4), 3.6)
    occupancy = np.random.default_rng(0).integers(1, 4, lattice.n_sites).astype(np.uint8)
    occupancy[[7, lattice.neighbours[7, 2]]] = 0
    each = [evaluate(member, lattice, occupancy, 7) for member in members]
    mean = evaluate(EnsembleProgram(members), lattice, occupancy, 7)
    np.testing.assert_allclose(mean, np.mean(each, axis=0), rtol=1e-14)
    assert mean[2] == np.inf


def test_every_array_of_every_member_counts(members):
    ensemble = EnsembleProgram(members)
    assert members_of(ensemble) == members
    assert members_of(members[0]) == (members[0],)
    assert len(list(arrays_of(ensemble))) == 3 * len(list(arrays_of(members[0])))
    hashes = {program_hash(EnsembleProgram(m)) for m in (members, members[:2], members[::-1])}
    assert len(hashes | {program_hash(members[0])}) == 4


def test_members_must_be_alike(members, make_model):
    with pytest.raises(ValueError, match="one program at least"):
        EnsembleProgram(())
    name = "offsets" if hasattr(members[0], "offsets") else "union_offsets"
    turned = replace(members[1], **{name: getattr(members[1], name)[::-1]})
    with pytest.raises(ValueError, match=r"members\[1\]: not of the kind of members"):
        EnsembleProgram((members[0], turned))
