"""Answers to the tasks of lesson 05: right ones written differently, wrong ones under their mistakes."""

import torch
from torch import nn
from torch.nn import functional as F

from cbam_course.attention import CBAM

from . import lesson_03, lesson_04

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# cbam


class Two(nn.Module):
    """The base of most answers: the parts, and how they are put together."""

    part, place = lesson_03.Linear, lesson_04.Plain

    def __init__(self, in_channels, reduction_ratio=16, kernel_size=7):
        super().__init__()
        self.first = self.part(in_channels, reduction_ratio)
        self.second = self.place(kernel_size)

    def forward(self, x):
        return self.second(self.first(x))


class Sequential(nn.Sequential):
    def __init__(self, c, r, k):
        super().__init__(lesson_03.Convolution(c, r), lesson_04.Normed(k))


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


RIGHT["cbam"] = [
    Two,
    Sequential,
    OneClass,
    Kept,
    Inherited,
    type("Own", (Two,), {"part": lesson_03.OwnParameters}),
]
RIGHT["cbam"] += [type("Folded", (Two,), {"place": lesson_04.Unfolded})]


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
        self.first = lesson_03.Linear(c, r)

    def forward(self, x):
        return self.first(x)


class SpatialOnly(nn.Module):
    def __init__(self, c, r=16, k=7):
        super().__init__()
        self.second = lesson_04.Plain(k)

    def forward(self, x):
        return self.second(x)


WRONG["cbam"] = {
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
    "missing-return": [forward(lambda self, x: None)],
    "in-place-change": [forward(lambda self, x: self.second(x.mul_(self.first.gate(x))))],
    "ratio-ignored": [RatioDropped, change(part=lesson_03.WRONG["channel-attention"]["ratio-ignored"][0])],
    "kernel-ignored": [KernelDropped],
    "hidden-width-zero": [change(part=lesson_03.WRONG["channel-attention"]["hidden-width-zero"][0])],
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
    WRONG["cbam"][_slug] = [change(part=lesson_03.WRONG["channel-attention"][_slug][0])]
for _slug in ["minimum", "pools-added", "padding-missing", "dilated", "off-centre", "not-linear"]:
    WRONG["cbam"][_slug] = [change(place=lesson_04.WRONG["spatial-attention"][_slug][0])]
WRONG["cbam"]["average-only"].append(change(place=lesson_04.WRONG["spatial-attention"]["average-only"][0]))


# cbam-parameters

RIGHT["cbam-parameters"] = [8290, 8290.0, torch.tensor(8290), 2 * 256 * 16 + 2 * 7 * 7]

WRONG["cbam-parameters"] = {
    "spatial-forgotten": [8192],
    "channel-forgotten": [98],
    "one-plane": [8241],
    "one-plane-per-channel": [20736, 33280],
    "two-mlps": [16482],
    "one-layer": [4194],
    "with-bias": [8291, 8564],
    "multiplied": [802816],
}


# order-matters


def in_steps(x, channel_gate, spatial_gate):
    refined = x * channel_gate(x)
    located = x * spatial_gate(x)
    return refined * spatial_gate(refined), located * channel_gate(located), refined * spatial_gate(x)


def as_list(x, channel_gate, spatial_gate):
    def apply(gate, y):
        return y * gate(y)

    first = apply(spatial_gate, apply(channel_gate, x))
    second = apply(channel_gate, apply(spatial_gate, x))
    return [first, second, x * (channel_gate(x) * spatial_gate(x))]


def gates_first(x, c, s):
    a, b = c(x), s(x)
    return a * x * s(a * x), b * x * c(b * x), torch.mul(b, a) * x


RIGHT["order-matters"] = [in_steps, as_list, gates_first]


def _with_third(third):
    return lambda x, c, s: (*in_steps(x, c, s)[:2], third(x, c, s))


def first_gate_lost(x, c, s):
    return x * s(x * c(x)), x * c(x * s(x)), x * c(x) * s(x)


WRONG["order-matters"] = {
    "gates-of-x": [lambda x, c, s: (x * c(x) * s(x), x * s(x) * c(x), x * c(x) * s(x))],
    "exchanged": [lambda x, c, s: [in_steps(x, c, s)[i] for i in (1, 0, 2)]],
    "gates-added": [
        _with_third(lambda x, c, s: x * c(x) + x * s(x)),
        _with_third(lambda x, c, s: x * (c(x) + s(x))),
    ],
    "outputs-averaged": [_with_third(lambda x, c, s: (x * c(x) + x * s(x)) / 2)],
    "outputs-multiplied": [_with_third(lambda x, c, s: (x * c(x)) * (x * s(x)))],
    "first-gate-lost": [first_gate_lost],
    "parallel-in-sequence": [_with_third(lambda x, c, s: x * c(x) * s(x * c(x)))],
    "gates-returned": [lambda x, c, s: (c(x) * s(x * c(x)), s(x) * c(x * s(x)), c(x) * s(x))],
}


# cbam-bug


def channel(x, w1, w2):
    logit = sum(torch.relu(z @ w1.T) @ w2.T for z in (x.mean((2, 3)), x.amax((2, 3))))
    return torch.sigmoid(logit)[:, :, None, None]


def spatial(x, kernel, order=("mean", "amax")):
    pools = torch.stack([getattr(x, pool)(1) for pool in order], dim=1)
    return torch.sigmoid(F.conv2d(pools, kernel, padding=kernel.shape[-1] // 2))


def corrected(x, w1, w2, kernel):
    refined = x * channel(x, w1, w2)
    return refined * spatial(refined, kernel)


def cbam_bug_overwritten(x, w1, w2, kernel):
    x = x * channel(x, w1, w2)
    x = x * spatial(x, kernel)
    return x


def with_layers(x, w1, w2, kernel):
    average = F.adaptive_avg_pool2d(x, 1).flatten(1)
    maximum = F.adaptive_max_pool2d(x, 1).flatten(1)
    logit = F.linear(F.relu(F.linear(average, w1)), w2) + F.linear(F.relu(F.linear(maximum, w1)), w2)
    x = x * logit.sigmoid()[..., None, None]
    conv = nn.Conv2d(2, 1, kernel.shape[-1], padding="same", bias=False)
    conv.weight = nn.Parameter(kernel)
    pools = torch.cat([x.mean(1, keepdim=True), x.max(1, keepdim=True).values], 1)
    return x * conv(pools).sigmoid()


def spatial_first(x, w1, w2, kernel):
    located = x * spatial(x, kernel)
    return located * channel(located, w1, w2)


RIGHT["cbam-bug"] = [corrected, cbam_bug_overwritten, with_layers]

WRONG["cbam-bug"] = {
    "still-from-x": [
        lambda x, w1, w2, k: x * channel(x, w1, w2) * spatial(x, k),
        lambda x, w1, w2, k: x * (spatial(x, k) * channel(x, w1, w2)),
    ],
    "spatial-first": [spatial_first],
    "channel-lost": [lambda x, w1, w2, k: x * spatial(x * channel(x, w1, w2), k)],
    "channel-twice": [lambda x, w1, w2, k: corrected(x, w1, w2, k) * channel(x, w1, w2)],
    "map-of-the-gate": [
        lambda x, w1, w2, k: x * channel(x, w1, w2) * spatial(channel(x, w1, w2).expand_as(x), k)
    ],
    "spatial-lost": [lambda x, w1, w2, k: x * channel(x, w1, w2)],
    "mask-returned": [
        lambda x, w1, w2, k: spatial(x * channel(x, w1, w2), k),
        lambda x, w1, w2, k: channel(x, w1, w2) * spatial(x * channel(x, w1, w2), k),
    ],
    "swapped-planes": [
        lambda x, w1, w2, k: (
            x * channel(x, w1, w2) * spatial(x * channel(x, w1, w2), k, order=("amax", "mean"))
        )
    ],
}


# swap-the-planes


def split(weight):
    first, second = weight.split(1, dim=1)
    return torch.cat([second, first], dim=1)


def copied(weight):
    result = weight.clone()
    result[:, 0], result[:, 1] = weight[:, 1], weight[:, 0]
    return result


def swap_the_planes_overwritten(weight):
    result = weight.clone()
    result[:, 0] = result[:, 1]
    result[:, 1] = result[:, 0]
    return result


def in_place(weight):
    weight[:, [0, 1]] = weight[:, [1, 0]]
    return weight


RIGHT["swap-the-planes"] = [
    lambda weight: weight.flip(1),
    lambda weight: weight[:, [1, 0]],
    lambda weight: weight.roll(1, dims=1),
    split,
    copied,
]

WRONG["swap-the-planes"] = {
    "unchanged": [lambda weight: weight, lambda weight: weight.clone()],
    "turned-round": [
        lambda weight: weight.flip(2, 3),
        lambda weight: weight.flip(1, 2, 3),
        lambda weight: weight.flip(-1),
    ],
    "transposed": [lambda weight: weight.transpose(2, 3), lambda weight: weight.transpose(0, 1)],
    "overwritten": [swap_the_planes_overwritten],
    "negated": [lambda weight: -weight],
    "in-place-change": [in_place],
}


# which-differ

RIGHT["which-differ"] = ["BEG", "b, e, g", ["B", "E", "G"], {"G", "E", "B"}, ("e", "b", "g"), "G E B"]

WRONG["which-differ"] = {
    "missed-order": ["EG", "ACE"],
    "missed-batchnorm": ["BG"],
    "missed-source": [["B", "E"], "B E F"],
    "layer-kind": ["ABEG", "ABCDEFGH"],
    "both-exchanged": ["BCEG"],
    "pooling-call": ["BDEG"],
    "zero-bias": ["B, E, F, G"],
    "same-width": [["B", "E", "G", "H"]],
}


# feature-shrink


def looped(make_block, x, blocks):
    y = x
    for _ in range(blocks):
        y = make_block()(y)
    return (y.std() / x.std()).item()


def stacked(make_block, x, blocks):
    network = nn.Sequential(*[make_block() for _ in range(blocks)])
    with torch.no_grad():
        return network(x).std() / x.std()


def by_roots(make_block, x, blocks):
    y = stacked_output(make_block, x, blocks)
    return float(y.var().sqrt() / x.var().sqrt())


def stacked_output(make_block, x, blocks):
    if blocks == 0:
        return x
    before = stacked_output(make_block, x, blocks - 1)
    return make_block()(before)


def reused(make_block, x, blocks):
    block, y = make_block(), x
    for _ in range(blocks):
        y = block(y)
    return (y.std() / x.std()).item()


def step(make_block, x, blocks):
    for _ in range(blocks):
        before, x = x, make_block()(x)
    return (x.std() / before.std()).item()


def side_by_side(make_block, x, blocks):
    return sum((make_block()(x).std() / x.std()).item() for _ in range(blocks)) / blocks


def last_of_many(make_block, x, blocks):
    for _ in range(blocks):
        y = make_block()(x)
    return (y.std() / x.std()).item()


RIGHT["feature-shrink"] = [looped, stacked, by_roots]

WRONG["feature-shrink"] = {
    "inverted": [lambda make, x, n: 1 / looped(make, x, n)],
    "variance": [lambda make, x, n: (stacked_output(make, x, n).var() / x.var()).item()],
    "one-module-reused": [reused],
    "one-block": [lambda make, x, n: looped(make, x, 1)],
    "last-block-only": [step, last_of_many],
    "difference": [
        lambda make, x, n: (x.std() - stacked_output(make, x, n).std()).item(),
        lambda make, x, n: 1 - looped(make, x, n),
    ],
    "not-divided": [lambda make, x, n: stacked_output(make, x, n).std().item()],
    "averages": [lambda make, x, n: (stacked_output(make, x, n).mean() / x.mean()).item()],
    "norms": [lambda make, x, n: (stacked_output(make, x, n).norm() / x.norm()).item()],
    "blocks-side-by-side": [side_by_side],
}
