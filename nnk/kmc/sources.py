"""What gives a run its barriers: the model's program, or where it has none the model itself."""

from __future__ import annotations

import numpy as np

from nnk.kmc.predictor import Predictor
from nnk.lattice import Lattice
from nnk.models.base import BarrierModel
from nnk.models.program import EnsembleProgram, Program, SingleProgram, arrays_of, program_hash

Source = Program | Predictor


def source_of(model: BarrierModel, lattice: Lattice) -> Source:
    """The model's program, or what asks the model if it says that it has none (compiled() gives None).

    Raises:
        ValueError: as `compiled_program`.
    """
    has_none = hasattr(model, "predict") and hasattr(model, "compiled") and model.compiled() is None
    return Predictor(model, lattice) if has_none else compiled_program(model, lattice)


def source_hash(source: Source) -> str:
    """SHA-256 of everything that the barriers are computed with."""
    return source.hash() if isinstance(source, Predictor) else program_hash(source)


def compiled_program(model: BarrierModel, lattice: Lattice) -> Program:
    """The model's program, checked against the lattice.

    Raises:
        ValueError: a model without a program the engine knows, of another structure, with a weight that is
            not a finite number, or one whose environment does not fit into the lattice.
    """
    program = model.compiled() if hasattr(model, "compiled") else None
    if not isinstance(program, SingleProgram | EnsembleProgram):
        raise ValueError(
            f"the compiled engine runs models whose compiled() gives a ForwardProgram, a BalancedProgram or "
            f"an EnsembleProgram (mlp, detailed-balance, the published network); "
            f"{type(model).__name__} gives {type(program).__name__}"
        )
    bad = [name for name, array in arrays_of(program) if not np.isfinite(array).all()]
    if bad:
        raise ValueError(f"the model's weights are not finite numbers: {', '.join(bad)}")
    model.environment.check(lattice)
    return program
