"""Teams of MPI ranks that work on one item together: one rank of each takes items, the others help it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnk.potentials import ForceField
from nnk.saddle.team import TeamForceField


@dataclass(frozen=True)
class Team:
    """This rank's place.

    Attributes:
        comm: communicator of its team; None for a team of one.
        leaders: communicator of the ranks that take items, all teams' first ranks; None if there is one
            team alone, or on a rank that helps.
        leads: whether this rank takes items.
    """

    comm: Any
    leaders: Any
    leads: bool

    @classmethod
    def of(cls, comm: Any, size: int) -> Team:
        """Teams of `size` consecutive ranks, the last one of those that are left; called on every rank."""
        if comm is None or size == 1:
            return cls(None, comm, True)
        team = comm.Split(comm.rank // size, comm.rank)
        leads = team.rank == 0
        leaders = comm.Split(int(leads), comm.rank)
        alone = not leads or leaders.size == 1
        return cls(team if team.size > 1 else None, None if alone else leaders, leads)

    def force_field(self, own: ForceField) -> ForceField:
        """The force field of the whole team, for the rank that leads it."""
        return own if self.comm is None else TeamForceField(own, self.comm)
