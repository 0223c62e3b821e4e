"""Answers to the task two-summaries."""

import torch
from torch.nn import functional as F


def flattened(x):
    flat = x.flatten(2)
    return flat.mean(-1), flat.max(-1).values


def pooled(x):
    return [F.adaptive_avg_pool2d(x, 1).flatten(1), F.adaptive_max_pool2d(x, 1).flatten(1)]


def twice(x):
    return x.mean(3).mean(2), x.amax(3).amax(2)


def from_zero(x):
    return x.mean((2, 3)), F.relu(x).amax((2, 3))


RIGHT = [lambda x: (x.mean(dim=(2, 3)), x.amax(dim=(2, 3))), flattened, pooled, twice]

WRONG = {
    "one-tensor": [
        lambda x: torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1),
        lambda x: x.mean((2, 3)) + x.amax((2, 3)),
    ],
    "kept-dimensions": [lambda x: (F.adaptive_avg_pool2d(x, 1), F.adaptive_max_pool2d(x, 1))],
    "pooled-over-channels": [lambda x: (x.mean(1), x.amax(1))],
    "swapped": [lambda x: (x.amax((2, 3)), x.mean((2, 3)))],
    "same-twice": [
        lambda x: (x.mean((2, 3)), x.mean((2, 3))),
        lambda x: (x.amax((2, 3)), x.amax((2, 3))),
    ],
    "maximum-of-zero": [from_zero],
    "absolute-maximum": [lambda x: (x.mean((2, 3)), x.abs().amax((2, 3)))],
    "fixed-size": [
        lambda x: (x[:, :, :4, :5].sum((2, 3)) / min(20, x[0, 0].numel()), x[:, :, :4].amax((2, 3)))
    ],
}
