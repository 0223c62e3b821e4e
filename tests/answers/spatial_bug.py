"""Answers to the task spatial-bug."""

import torch
from torch import nn
from torch.nn import functional as F


def pools(x):
    return torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)


def padded(x, weight, **how):
    return F.conv2d(F.pad(pools(x), [weight.shape[-1] // 2] * 4, **how), weight).sigmoid()


def gate(x, weight):
    return padded(x, weight)


def as_module(x, weight):
    k = weight.shape[-1]
    conv = nn.Conv2d(2, 1, k, padding=(k - 1) // 2, bias=False)
    with torch.no_grad():
        conv.weight.copy_(weight)
        return x * torch.sigmoid(conv(pools(x)))


def unfolded(x, weight):
    n, _, h, w = x.shape
    columns = F.unfold(pools(x), weight.shape[-1], padding=weight.shape[-1] // 2)
    return x * (weight.flatten(1) @ columns).sigmoid().view(n, 1, h, w)


def stretched(x, weight, divided=False, **how):
    small = F.interpolate(torch.sigmoid(F.conv2d(pools(x), weight)), size=x.shape[2:], **how)
    return x * (small / small.max() if divided else small)


RIGHT = [
    lambda x, weight: x * torch.sigmoid(F.conv2d(pools(x), weight, padding=weight.shape[-1] // 2)),
    lambda x, weight: x * F.conv2d(pools(x), weight, padding="same").sigmoid(),
    as_module,
    unfolded,
]

WRONG = {
    "still-stretched": [
        lambda x, weight: stretched(x, weight, divided=True, mode="bilinear"),
        lambda x, weight: stretched(x, weight, mode="bilinear"),
        lambda x, weight: stretched(x, weight),
        lambda x, weight: x * F.interpolate(F.conv2d(pools(x), weight), size=x.shape[2:]).sigmoid(),
    ],
    "still-divided": [lambda x, weight: x * gate(x, weight) / gate(x, weight).max()],
    "divided-by-image": [lambda x, weight: x * gate(x, weight) / gate(x, weight).amax((2, 3), keepdim=True)],
    "no-sigmoid": [lambda x, weight: x * F.conv2d(pools(x), weight, padding=weight.shape[-1] // 2)],
    "mask-returned": [gate],
    "not-padded": [lambda x, weight: torch.sigmoid(F.conv2d(pools(x), weight))],
    "fixed-padding": [lambda x, weight: x * F.conv2d(pools(x), weight, padding=2).sigmoid()],
    "other-border": [
        lambda x, weight: x * padded(x, weight, mode="replicate"),
        lambda x, weight: x * padded(x, weight, mode="reflect"),
    ],
    "swapped-planes": [lambda x, weight: x * gate(x, weight.flip(1))],
    "flipped": [lambda x, weight: x * gate(x, weight.flip(2, 3))],
}
