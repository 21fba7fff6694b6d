"""Many runs in step on one device: the residence-time algorithm as tensor operations (PyTorch)."""

from nnk.kmc.batched.engine import BatchedEngine, default_width

__all__ = ["BatchedEngine", "default_width"]
