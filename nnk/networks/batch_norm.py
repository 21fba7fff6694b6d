"""Batch normalisation whose statistics are those of the whole batch, on however many ranks it is spread.

torch's SyncBatchNorm refuses tensors on CPUs; this one asks nothing but a sum over the ranks through which
gradients flow (S. Ioffe, C. Szegedy, ICML 2015, algorithm 1).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Sum = Callable[[Tensor], Tensor]


class BatchNorm(nn.Module):
    """`torch.nn.BatchNorm1d` and `BatchNorm3d` in one, whose batch may be spread over ranks.

    On one rank it is theirs. On several, each value counts the same however unequal the ranks' shares are
    (one may be empty), so that outputs, gradients and running statistics are those of one rank, to rounding.

    Args:
        channels: size of the second dimension.
        momentum: weight of a batch in the running statistics.
        eps: added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self._sum: Sum | None = None

    def forward(self, values: Tensor) -> Tensor:
        """Normalised `values` [b, channels, ...]; by the running statistics in evaluation.

        Raises:
            ValueError: while training, a batch with a single value per channel, which has no variance.
        """
        if self.training and self._sum is not None:
            return self._normalised_together(values, self._sum)
        return nn.functional.batch_norm(
            values,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            training=self.training,
            momentum=self.momentum,
            eps=self.eps,
        )

    def _normalised_together(self, values: Tensor, add_up: Sum) -> Tensor:
        x = values.float()
        others = [dim for dim in range(x.dim()) if dim != 1]
        shape = [1, -1] + [1] * (x.dim() - 2)
        n_mine = torch.full((1,), x.numel() / x.shape[1], device=x.device)
        sums = add_up(torch.cat([x.sum(others), n_mine]))
        n = sums[-1].detach()
        if n < 2:
            raise ValueError(f"expected more than 1 value per channel while training, got {int(n)}")
        mean = sums[:-1] / n
        centred = x - mean.view(shape)
        variance = (
            add_up((centred**2).sum(others)) / n
        )  # after the mean: a difference of squares loses digits
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * n / (n - 1), self.momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale.view(shape) + self.bias.view(shape)).to(values.dtype)


def synchronise(module: nn.Module, add_up: Sum | None) -> None:
    """Let every `BatchNorm` in `module` sum over the ranks by `add_up`; None: each rank for itself."""
    for part in module.modules():
        if isinstance(part, BatchNorm):
            part._sum = add_up
