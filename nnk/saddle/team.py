"""A force field that several processes evaluate together: one leads, the others help.

The leader runs the search; whenever it has several configurations to evaluate (the images of a band, the two
descents from a saddle), they are dealt out among all. The communicator is mpi4py's, or anything with its
``rank``, ``size``, ``send`` and ``recv``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from nnk.potentials import ForceField
from nnk.potentials.base import FloatArray, ForceFieldError
from nnk.saddle.several import Evaluation

LEADER = 0


class TeamForceField:
    """The leader's force field, with helpers; helpers call `help_out`.

    Args:
        own: evaluates in this process.
        comm: communicator of the team.
    """

    def __init__(self, own: ForceField, comm: Any) -> None:
        self._own = own
        self._comm = comm
        self._helpers = range(1, comm.size)
        self._calls_of_helpers = 0

    @property
    def calls(self) -> int:
        """Evaluations so far, by the whole team."""
        return self._own.calls + self._calls_of_helpers

    def _tell_all(self, message: tuple[Any, ...]) -> None:
        for rank in self._helpers:
            self._comm.send(message, dest=rank)

    def set(self, species: Sequence[str], cell_A: ArrayLike) -> None:
        """See `ForceField.set`."""
        self._own.set(species, cell_A)
        self._tell_all(("set", list(species), cell_A))

    def energy_forces(self, positions_A: FloatArray) -> Evaluation:
        """See `ForceField.energy_forces`; by the leader alone."""
        return self._own.energy_forces(positions_A)

    def energy_forces_stress(self, positions_A: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """See `ForceField.energy_forces_stress`; by the leader alone."""
        return self._own.energy_forces_stress(positions_A)

    def energies_forces(self, configurations_A: Sequence[FloatArray]) -> list[Evaluation]:
        """Energy and forces of each configuration, dealt out among the team.

        Raises:
            ForceFieldError: of one of them.
        """
        size = self._comm.size
        shares = [list(configurations_A[rank::size]) for rank in range(size)]
        busy = [rank for rank in self._helpers if shares[rank]]
        for rank in busy:
            self._comm.send(("evaluate", shares[rank]), dest=rank)
        answers: list[list[Evaluation] | str] = [[] for _ in range(size)]
        answers[LEADER] = _answers(self._own, shares[LEADER])
        for rank in busy:
            answers[rank] = self._comm.recv(source=rank)
            self._calls_of_helpers += len(shares[rank])
        evaluations = [_checked(answer) for answer in answers]
        return [evaluations[i % size][i // size] for i in range(len(configurations_A))]

    def close(self) -> None:
        """Send the helpers home and free what the engine holds."""
        self._tell_all(("end",))
        self._own.close()


def help_out(own: ForceField, comm: Any) -> None:
    """Evaluate what the leader sends, until it closes its force field."""
    while True:
        what, *content = comm.recv(source=LEADER)
        if what == "end":
            return
        if what == "set":
            own.set(*content)
        else:
            comm.send(_answers(own, content[0]), dest=LEADER)


def _answers(own: ForceField, configurations_A: Sequence[FloatArray]) -> list[Evaluation] | str:
    """Energies and forces, or what the force field says it cannot do."""
    try:
        return [own.energy_forces(positions_A) for positions_A in configurations_A]
    except ForceFieldError as error:
        return str(error)


def _checked(answer: list[Evaluation] | str) -> list[Evaluation]:
    if isinstance(answer, str):
        raise ForceFieldError(answer)
    return answer
