"""Answers to the task squeeze: right ones written differently, and wrong ones with the mistake each must be told."""

import torch
from torch.nn import functional as F


def reshaped(x):
    return x.flatten(2).mean(dim=-1)


def pooled(x):
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


def summed_and_divided(x):
    return x.sum((-2, -1)) / (x.shape[2] * x.shape[3])


def einsum(x):
    return torch.einsum("nchw->nc", x) / (x.size(2) * x.size(3))


RIGHT = [lambda x: x.mean(dim=(2, 3)), reshaped, pooled, summed_and_divided, einsum]

WRONG = {
    "pooled-over-channels": [lambda x: x.mean(1), lambda x: x.mean(dim=1, keepdim=True)],
    "pooled-over-batch": [lambda x: x.mean((0, 2, 3)), lambda x: x.mean()],
    "one-axis-only": [lambda x: x.mean(2), lambda x: x.mean(-1)],
    "kept-dimensions": [lambda x: x.mean((2, 3), keepdim=True), lambda x: F.adaptive_avg_pool2d(x, 1)],
    "maximum": [lambda x: x.amax((2, 3)), lambda x: x.flatten(2).max(-1).values],
    "sum-not-mean": [lambda x: x.sum((2, 3))],
    "fixed-size": [
        lambda x: (
            F.avg_pool2d(x, 2).flatten(1) if x.shape[2:] == (2, 2) else x.mean((2, 3)) * (x.shape[2] <= 4)
        ),
        lambda x: x.sum((2, 3)) / 20 if x.shape[2] != 2 else x.mean((2, 3)),
    ],
}
