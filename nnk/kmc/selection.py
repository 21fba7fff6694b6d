"""Choosing one of many by its rate: a binary tree of sums.

Leaves hold rates, every node the sum of its two children, so that a changed rate costs one way to the root.
A tree is a function of its leaves alone, bit for bit, however it came to hold them.
"""

from __future__ import annotations

import numpy as np

from nnk.kmc.compiled import compiled, inlined
from nnk.models.program import Float64Array


def make_tree(n: int) -> Float64Array:
    """An empty tree of `n` rates: node 1 is the root, node i has the children 2 i and 2 i + 1."""
    return np.zeros(2 * (1 << max(n - 1, 0).bit_length()))


@inlined
def set_rate(tree, number, rate):  # type: ignore[no-untyped-def]
    """Put `rate` into leaf `number` and update the sums above it."""
    node = tree.shape[0] // 2 + number
    tree[node] = rate
    while node > 1:
        node //= 2
        tree[node] = tree[2 * node] + tree[2 * node + 1]


@compiled
def chosen_leaf(tree, u):  # type: ignore[no-untyped-def]
    """The leaf where the running sum reaches the share `u` in (0, 1] of the total; never one of rate zero."""
    leaves = tree.shape[0] // 2
    target = u * tree[1]
    node = 1
    while node < leaves:
        node *= 2
        # rounding may leave a target just beyond the left sum though nothing stands on the right
        if target > tree[node] and tree[node + 1] > 0.0:
            target -= tree[node]
            node += 1
    return node - leaves
