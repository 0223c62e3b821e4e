"""Answers to the task cbam: right ones written differently, wrong ones under their mistakes."""

import torch
from torch import nn

from cbam_course.attention import CBAM

from . import channel_attention as channel
from . import spatial_attention as spatial


class Two(nn.Module):
    """The base of most answers: the parts, and how they are put together."""

    part, place = channel.Linear, spatial.Plain

    def __init__(self, in_channels, reduction_ratio=16, kernel_size=7):
        super().__init__()
        self.first = self.part(in_channels, reduction_ratio)
        self.second = self.place(kernel_size)

    def forward(self, x):
        return self.second(self.first(x))


class Sequential(nn.Sequential):
    def __init__(self, c, r, k):
        super().__init__(channel.Convolution(c, r), spatial.Normed(k))


class OneClass(nn.Module):
    def __init__(self, c, r, k):
        super().__init__()
        h = max(1, c // r)
        self.up, self.down = nn.Linear(h, c), nn.Linear(c, h)
        self.conv = nn.Conv2d(2, 1, k, padding="same")

    def forward(self, x):
        logit = sum(self.up(self.down(p).relu()) for p in (x.mean((2, 3)), x.amax((2, 3))))
        y = x * logit.sigmoid()[..., None, None]
        return y * self.conv(torch.stack([y.amax(1), y.mean(1)], 1)).sigmoid()


class Kept(Two):
    """Keeps its gates for a picture, and multiplies them at the end."""

    def forward(self, x):
        self.gate = self.first.gate(x)
        self.map = self.second.gate(x * self.gate)
        return x * (self.gate * self.map)


class Inherited(CBAM):
    pass


RIGHT = [Two, Sequential, OneClass, Kept, Inherited, type("Own", (Two,), {"part": channel.OwnParameters})]
RIGHT += [type("Folded", (Two,), {"place": spatial.Unfolded})]


def change(**steps):
    """The base with some steps replaced."""
    return type("Answer", (Two,), steps)


def forward(function):
    return change(forward=function)


def gates(self, x):
    return self.first.gate(x), self.second.gate(x)


class RatioDropped(Two):
    def __init__(self, c, r=16, k=7):
        super().__init__(c, 16, k)


class KernelDropped(Two):
    def __init__(self, c, r=16, k=7):
        super().__init__(c, r, 7)


class ChannelOnly(nn.Module):
    def __init__(self, c, r=16, k=7):
        super().__init__()
        self.first = channel.Linear(c, r)

    def forward(self, x):
        return self.first(x)


class SpatialOnly(nn.Module):
    def __init__(self, c, r=16, k=7):
        super().__init__()
        self.second = spatial.Plain(k)

    def forward(self, x):
        return self.second(x)


WRONG = {
    "no-spatial-part": [ChannelOnly, forward(lambda self, x: self.first(x))],
    "no-channel-part": [SpatialOnly, forward(lambda self, x: self.second(x))],
    "order-swapped": [forward(lambda self, x: self.first(self.second(x)))],
    "spatial-gate-from-x": [
        forward(lambda self, x: x * self.first.gate(x) * self.second.gate(x)),
        forward(lambda self, x: self.first(x) * self.second.gate(x)),
    ],
    "gates-added": [
        forward(lambda self, x: (self.first(x) + self.second(x)) / 2),
        forward(lambda self, x: self.first(x) + self.second(x)),
    ],
    "extra-residual": [forward(lambda self, x: x + self.second(self.first(x)))],
    "mask-returned": [
        forward(lambda self, x: self.second.gate(self.first(x))),
        forward(lambda self, x: self.first.gate(x) * self.second.gate(self.first(x))),
    ],
    "nothing-returned": [forward(lambda self, x: None)],
    "in-place": [forward(lambda self, x: self.second(x.mul_(self.first.gate(x))))],
    "ratio-ignored": [RatioDropped, change(part=channel.WRONG["ratio-ignored"][0])],
    "kernel-ignored": [KernelDropped],
    "hidden-width-zero": [change(part=channel.WRONG["hidden-width-zero"][0])],
    "detached-gate": [forward(lambda self, x: self.second(self.first(x)).detach() + 0 * x)],
}

# A part with a mistake is told that mistake, wherever it does not change how the parts are put together.
_PARTS = [
    "average-only",
    "maximum-only",
    "unshared-mlp",
    "mlp-of-sum",
    "early-sigmoid",
    "no-activation",
    "no-mlp",
]
for _slug in _PARTS:
    WRONG[_slug] = [change(part=channel.WRONG[_slug][0])]
for _slug in ["minimum", "pools-added", "padding-missing", "dilated", "off-centre", "not-linear"]:
    WRONG[_slug] = [change(place=spatial.WRONG[_slug][0])]
WRONG["average-only"].append(change(place=spatial.WRONG["average-only"][0]))
