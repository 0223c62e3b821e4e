"""Answers to the task channel-pools."""

import torch


def stacked(x):
    return torch.stack((x.mean(1), x.max(1).values), dim=1)


def filled(x):
    y = x.new_empty(x.shape[0], 2, *x.shape[2:])
    y[:, 0], y[:, 1] = x.sum(1) / x.shape[1], torch.amax(x, 1)
    return y


def looped(x):
    maps = [torch.stack([sum(image) / len(image), image.max(dim=0)[0]]) for image in x]
    return torch.stack(maps)


RIGHT = [
    lambda x: torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1),
    stacked,
    filled,
    looped,
]

WRONG = {
    "pooled-over-space": [
        lambda x: torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1),
        lambda x: torch.cat([x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)], dim=1),
        lambda x: torch.stack([x.mean((2, 3)), x.amax((2, 3))], dim=1),
    ],
    "swapped-order": [lambda x: torch.stack([x.amax(1), x.mean(1)], 1)],
    "one-map": [
        lambda x: x.mean(1, keepdim=True),
        lambda x: x.mean(1, keepdim=True) + x.amax(1, keepdim=True),
        lambda x: (x.mean(1), x.amax(1)),
    ],
    "twice-the-same": [
        lambda x: torch.stack([x.mean(1)] * 2, 1),
        lambda x: torch.stack([x.amax(1)] * 2, 1),
    ],
    "wrong-axis": [
        lambda x: torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=0),
        lambda x: torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=2),
        lambda x: torch.stack([x.mean(1), x.amax(1)]),
        lambda x: torch.cat([x.mean(1), x.amax(1)], dim=1),
    ],
    "extra-axis": [lambda x: torch.stack([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)],
    "absolute": [lambda x: torch.stack([x.mean(1), x.abs().amax(1)], 1)],
    "batch-leak": [lambda x: torch.stack([x.mean((0, 1)), x.amax((0, 1))]).expand(len(x), -1, -1, -1)],
}
