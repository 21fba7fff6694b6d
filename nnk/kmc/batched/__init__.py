"""Many runs in step on one device: the residence-time algorithm as tensor operations (PyTorch)."""

from nnk.kmc.batched.engine import BatchedEngine, default_width
from nnk.kmc.batched.runs import BatchOptions, run_batch_to_files

__all__ = ["BatchOptions", "BatchedEngine", "default_width", "run_batch_to_files"]
