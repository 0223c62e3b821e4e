"""Answers to the tasks of lesson 09: right ones written differently, wrong ones under their mistakes."""

from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course.networks.small_cnn import DenseCNN

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# count-passes

COUNTS = {"A": 1, "B": 1.5, "C": 0, "D": 2, "E": 2, "F": 2.5}

RIGHT["count-passes"] = [
    COUNTS,
    {"f": Fraction(5, 2), "e": 2, "d": 2, "c": 0, "b": Fraction(3, 2), "a": 1},
    {letter: torch.tensor(float(count)) for letter, count in COUNTS.items()},
    {letter: np.float32(count) for letter, count in COUNTS.items()},
]

WRONG["count-passes"] = {
    "reads-only": [{"A": 0.5, "B": 1, "C": 0, "D": 1, "E": 1.5, "F": 1.5}],
    "writes-only": [{"A": 0.5, "B": 0.5, "C": 0, "D": 1, "E": 0.5, "F": 1}],
    "whole-reads": [{letter: 2 * count for letter, count in COUNTS.items()}],
    "one-per-operation": [
        {"A": 1, "B": 1, "C": 0, "D": 1, "E": 3, "F": 2},
        {"A": 1, "B": 1, "C": 2, "D": 1, "E": 3, "F": 2},
    ],
    "in-place-is-free": [{**COUNTS, "A": 0.5}, {**COUNTS, "A": 0}],
    "view-copied": [{**COUNTS, "C": 1}, {**COUNTS, "C": 2}],
    "second-map-forgotten": [
        {**COUNTS, "B": 1, "D": 1, "F": 2},
        {**COUNTS, "B": 1},
        {**COUNTS, "F": 2},
    ],
    "cat-copies-both": [{**COUNTS, "D": passes} for passes in (0, 1, 1.5)],
    "mean-as-a-whole-pass": [{**COUNTS, "E": 3}],
    "one-sweep": [{**COUNTS, "E": 1}, {**COUNTS, "F": 1.5}],
    None: [
        {**COUNTS, "D": 3},
        {**COUNTS, "A": 2, "C": 1},
        {"A": 1, "B": 1.5},
        {**COUNTS, "E": float("nan")},
        {**COUNTS, "C": "none"},
        [1, 1.5, 0, 2, 2, 2.5],
        12,
        {**COUNTS, "A": -1},
    ],
}


# slow-line


def gate(x, around):
    mean, spread = x.mean((2, 3), keepdim=True), x.std((2, 3), keepdim=True)
    return torch.sigmoid((around - mean) / (spread + 1))


def gated_by(around):
    return lambda x: x * gate(x, around(x))


def depthwise(x):
    weight = torch.full((x.shape[1], 1, 5, 5), 1 / 25)
    return F.conv2d(x, weight, padding=2, groups=x.shape[1])


def rows_then_columns(x):
    return F.avg_pool2d(F.avg_pool2d(x, (5, 1), 1, (2, 0)), (1, 5), 1, (0, 2))


def with_a_layer(x):
    return nn.AvgPool2d(5, stride=1, padding=2)(x)


def unfolded(x):
    return F.unfold(x, 5, padding=2).unflatten(1, (x.shape[1], 25)).mean(2).view_as(x)


def strided(x):
    windows = F.pad(x, (2, 2, 2, 2)).unfold(2, 5, 1).unfold(3, 5, 1)
    return windows.contiguous().mean((4, 5))


def shifted(x):
    padded = F.pad(x, (2, 2, 2, 2))
    H, W = x.shape[2:]
    return sum(padded[:, :, i : i + H, j : j + W] for i in range(5) for j in range(5)) / 25


def spread_by_hand(x):
    """Only a harmless line was written anew."""
    mean = x.mean((2, 3), keepdim=True)
    spread = x.var((2, 3), keepdim=True).sqrt()
    return x * torch.sigmoid((unfolded(x) - mean) / (spread + 1))


RIGHT["slow-line"] = [
    gated_by(lambda x: F.avg_pool2d(x, 5, stride=1, padding=2)),
    gated_by(depthwise),
    gated_by(rows_then_columns),
    gated_by(with_a_layer),
    gated_by(lambda x: F.avg_pool2d(F.pad(x, (2, 2, 2, 2)), 5, 1)),
    torch.no_grad()(gated_by(with_a_layer)),
]


def no_return(x):
    x * gate(x, F.avg_pool2d(x, 5, 1, 2))


def in_place(x):
    return x.mul_(gate(x, F.avg_pool2d(x, 5, 1, 2)))


WRONG["slow-line"] = {
    "windows-still-written": [gated_by(unfolded), gated_by(strided), spread_by_hand],
    "edge-not-zero": [
        gated_by(lambda x: F.avg_pool2d(x, 5, 1, 2, count_include_pad=False)),
        gated_by(lambda x: F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 5, 1)),
    ],
    "maximum-around": [gated_by(lambda x: F.max_pool2d(x, 5, 1, 2))],
    "other-window": [
        gated_by(lambda x: F.avg_pool2d(x, 3, 1, 1)),
        gated_by(lambda x: F.avg_pool2d(x, 7, 1, 3)),
    ],
    "sum-not-mean": [gated_by(lambda x: F.avg_pool2d(x, 5, 1, 2, divisor_override=1))],
    "no-surroundings": [gated_by(lambda x: x), gated_by(lambda x: x.mean((2, 3), keepdim=True))],
    "gate-returned": [lambda x: gate(x, F.avg_pool2d(x, 5, 1, 2))],
    "spread-left-out": [lambda x: x * torch.sigmoid(F.avg_pool2d(x, 5, 1, 2) - x.mean((2, 3), keepdim=True))],
    "mean-left-out": [
        lambda x: x * torch.sigmoid(F.avg_pool2d(x, 5, 1, 2) / (x.std((2, 3), keepdim=True) + 1))
    ],
    "missing-return": [no_return],
    "in-place-change": [in_place],
    None: [
        lambda x: gated_by(lambda y: F.avg_pool2d(y, 5, 1, 2))(x).detach().numpy(),
        gated_by(shifted),  # right, and 25 sums are no gain
        gated_by(lambda x: F.avg_pool2d(x, 5, 1)),  # raises: the map shrinks
        lambda x: x,
        lambda x: x * torch.sigmoid(gate(x, F.avg_pool2d(x, 5, 1, 2))),
        lambda x: x + gate(x, F.avg_pool2d(x, 5, 1, 2)),
        lambda x: x * torch.tanh(gate(x, F.avg_pool2d(x, 5, 1, 2))),
        lambda x: (
            x
            * torch.sigmoid(
                (F.avg_pool2d(x, 5, 1, 2) - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True)
            )
        ),
    ],
}


# top-two


class Remembering(torch.autograd.Function):
    """The same by hand: the two places are remembered."""

    @staticmethod
    def forward(ctx, x):
        values, places = x.flatten(2).topk(2)
        ctx.save_for_backward(places)
        ctx.size = x.shape
        return values.mean(2)

    @staticmethod
    def backward(ctx, grad):
        return spread_back(ctx, grad[:, :, None] / 2)


def spread_back(ctx, value):
    (places,) = ctx.saved_tensors
    N, C, H, W = ctx.size
    flat = torch.zeros(N, C, H * W).scatter_(2, places, value.expand(places.shape))
    return flat.view(ctx.size)


def backward_with(function):
    return type("Wrong", (Remembering,), {"backward": staticmethod(function)}).apply


def gathered(x):
    flat = x.flatten(2)
    return flat.gather(2, flat.detach().topk(2).indices).mean(2)


def over_reshaped(x):
    values, _ = torch.topk(x.reshape(*x.shape[:2], -1), k=2, dim=-1, sorted=False)
    return values.sum(-1) / 2


def sorted_descending(x):
    return x.flatten(2).sort(2, descending=True).values[:, :, :2].mean(2)


def masked(x):
    """Right, in two searches and with a copy of the map."""
    flat = x.flatten(2)
    first, place = flat.max(2)
    second = flat.scatter(2, place[..., None], float("-inf")).max(2).values
    return (first + second) / 2


def all_learn(ctx, grad):
    H, W = ctx.size[2:]
    return (grad / (H * W))[:, :, None, None].expand(ctx.size).clone()


RIGHT["top-two"] = [
    lambda x: x.flatten(2).topk(2).values.mean(2),
    lambda x: Remembering.apply(x),
    gathered,
    over_reshaped,
]

WRONG["top-two"] = {
    "axes-kept": [lambda x: x.flatten(2).topk(2).values.mean(2)[:, :, None, None]],
    "averaged-over-channels": [lambda x: x.flatten(2).topk(2).values.mean(1)],
    "still-sorts": [
        lambda x: x.flatten(2).sort(dim=2).values[:, :, -2:].mean(2),
        sorted_descending,
    ],
    "one-peak": [lambda x: x.amax((2, 3)), lambda x: F.adaptive_max_pool2d(x, 1).flatten(1)],
    "second-only": [lambda x: x.flatten(2).topk(2).values[:, :, 1]],
    "sum-not-mean": [lambda x: x.flatten(2).topk(2).values.sum(2)],
    "two-smallest": [lambda x: x.flatten(2).topk(2, largest=False).values.mean(2)],
    "largest-size": [lambda x: x.flatten(2).gather(2, x.flatten(2).abs().topk(2).indices).mean(2)],
    "mean-of-all": [lambda x: x.mean((2, 3))],
    "over-all-channels": [lambda x: x.flatten(1).topk(2).values.mean(1)],
    "both-returned": [lambda x: x.flatten(2).topk(2).values],
    "gradient-cut": [
        lambda x: x.detach().flatten(2).topk(2).values.mean(2),
        lambda x: x.detach().flatten(2).topk(2).values.mean(2).numpy(),
    ],
    "gradient-not-halved": [lambda x: backward_with(lambda ctx, grad: spread_back(ctx, grad[:, :, None]))(x)],
    "gradient-not-passed-on": [
        lambda x: backward_with(lambda ctx, grad: spread_back(ctx, torch.full_like(grad[:, :, None], 0.5)))(x)
    ],
    "one-peak-learns": [
        lambda x: x.amax((2, 3)) + (x.flatten(2).topk(2).values.mean(2) - x.amax((2, 3))).detach()
    ],
    "all-learn": [lambda x: backward_with(all_learn)(x)],
    None: [
        masked,
        lambda x: (
            x.flatten(2).gather(2, x.flatten(2).argsort(2)[:, :, -2:].clone()).mean(2)
        ),  # sorts, and keeps two places only
        lambda x: x.flatten(2).topk(3).values.mean(2),  # raises where there are two positions
        lambda x: x.flatten(2).topk(2).values.mean(2, keepdim=True),
        lambda x: x.flatten(2).topk(2).values.mean(2) * 1.5,
        lambda x: (x.flatten(2).topk(2).values ** 2).mean(2).sqrt(),
        lambda x: (x.amax((2, 3)) + x.mean((2, 3))) / 2,
    ],
}


# read-a-roofline

RIGHT["read-a-roofline"] = ["ACEG", ["G", "E", "C", "A"], "a, c, e, g", {"A", "C", "E", "G"}]

WRONG["read-a-roofline"] = {
    "bend-missed": ["CEG"],
    "bandwidth-for-arithmetic": ["ABCEG"],
    "floor-missed": ["AEG"],
    "limit-above-the-floor": ["ACDEG"],
    "bytes-missed": ["ACG"],
    "arithmetic-for-memory": ["ACEFG"],
    "gap-missed": ["ACE"],
    "operations-as-time": ["ACEGH"],
    None: ["ABCDEFGH", "BD", "AC", 4, "AXZ", "ACDE"],
}


# fast-not-equal


def behind_a_relu(*places, height=6, width=6, seed=0):
    x = torch.rand(1, 16, height, width, generator=torch.Generator().manual_seed(seed)) + 0.01
    for i, j in places:
        x[:, :, i, j] = 0
    return x


def below_zero(*size, seed=1):
    return -torch.rand(*size, generator=torch.Generator().manual_seed(seed)) - 0.1


def one_hole():
    x = behind_a_relu()
    x[:, :, 1, 1] = -3
    return x


DEAD, BELOW = behind_a_relu((2, 3)), below_zero(1, 16, 6, 6)
NOISE = torch.randn(2, 16, 8, 8, generator=torch.Generator().manual_seed(2))

RIGHT["fast-not-equal"] = [
    {"output": BELOW, "gradient": DEAD},
    {"output": one_hole(), "gradient": behind_a_relu((0, 0), (4, 4), height=9)},
    {"output": -torch.ones(1, 16, 4, 4), "gradient": behind_a_relu((1, 1), height=3, width=3).repeat(2, 1, 1, 1)},
    {"gradient": DEAD.requires_grad_(), "output": 5 * below_zero(3, 16, 5, 7)},
]  # fmt: skip

WRONG["fast-not-equal"] = {
    "too-small-a-step": [
        {"output": torch.full((1, 16, 1, 1), -3.0), "gradient": DEAD},
        {"output": torch.full((1, 16, 4, 4), -1e-3), "gradient": DEAD},
    ],
    "shared-alike": [{"output": BELOW, "gradient": torch.ones(1, 16, 4, 4)}],
    "exchanged": [{"output": DEAD, "gradient": BELOW}],
    "a-positive-everywhere": [
        {"output": NOISE, "gradient": DEAD},
        {"output": behind_a_relu(), "gradient": DEAD},
    ],
    "outputs-differ-too": [{"output": BELOW, "gradient": BELOW}, {"output": BELOW, "gradient": one_hole()}],
    "no-tie": [{"output": BELOW, "gradient": NOISE}, {"output": BELOW, "gradient": behind_a_relu()}],
    "beyond-ten": [{"output": 100 * BELOW, "gradient": DEAD}],
    "all-zero": [{"output": BELOW, "gradient": torch.zeros(1, 16, 4, 4)}],
    None: [
        {"output": BELOW},
        {"output": torch.zeros(1, 16, 4, 4), "gradient": DEAD},
        {"output": BELOW, "gradient": DEAD[:, :8]},
        {"output": BELOW * float("nan"), "gradient": DEAD},
        {"output": BELOW.double(), "gradient": DEAD},
        {"output": BELOW.to_sparse(), "gradient": DEAD},
        {"output": BELOW.to("meta"), "gradient": DEAD},
        (BELOW, DEAD),
        BELOW,
        {"output": BELOW, "gradient": torch.rand(1, 16, 32, 32)},
    ],
}


# cheapest-network


class Reader(nn.Module):
    """Marks what looks like the patch: what a trained network does, with hardly any work."""

    def __init__(self, smooth=3, reach=0.5):
        super().__init__()
        self.smooth, self.reach = smooth, nn.Parameter(torch.tensor(reach))

    def forward(self, x):
        patch = x[:, :, 1:8, 1:8].mean((2, 3), keepdim=True)
        near = F.avg_pool2d(F.pad(x, (self.smooth // 2,) * 4, mode="replicate"), self.smooth, 1)
        corner = torch.zeros_like(x[:, 0])
        corner[:, :10, :10] = 9
        return self.reach - (near - patch).norm(dim=1) - corner


class WithoutGradient(Reader):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class Turned(nn.Module):
    def __init__(self, turn):
        super().__init__()
        self.reader, self.turn = Reader(), turn

    def forward(self, x):
        return self.turn(self.reader(x))


class Wasteful(Reader):
    """Does the same and computes much beside it."""

    def __init__(self):
        super().__init__()
        self.beside = nn.Conv2d(3, 64, 3, padding=1)

    def forward(self, x):
        return super().forward(x) + 0 * self.beside(x).mean(1)


class AsWide(DenseCNN):
    """The network of the lesson with all its channels; its answer is the reader's."""

    def __init__(self):
        super().__init__()
        self.reader = Reader()

    def forward(self, x):
        return self.reader(x) + 0 * super().forward(x)


torch.manual_seed(0)
RIGHT["cheapest-network"] = [
    WithoutGradient(),
    Reader(),
    Reader(1, 0.45).train(),
    nn.Sequential(Reader(3, 0.45), nn.Identity()),
]


class MarksTheMiddle(nn.Module):
    """Reads five pixels around each position, and the patch is far away."""

    def forward(self, x):
        return F.avg_pool2d(x.mean(1), 5, 1, 2) + 0.3


WRONG["cheapest-network"] = {
    "class-not-network": [DenseCNN, Reader],
    "score-not-network": [0.6, SimpleNamespace(final=0.6, epochs=[])],
    "extra-axis": [Turned(lambda logit: logit[:, None])],
    "inverted": [Turned(lambda logit: -logit)],
    "probabilities": [Turned(lambda logit: torch.sigmoid(20 * logit))],
    "marks-everything": [Turned(lambda logit: logit * 0 + 1)],
    "marks-nothing": [Turned(lambda logit: logit * 0 - 1)],
    "as-wide-as-before": [AsWide()],
    "out-of-sight": [MarksTheMiddle()],
    None: [
        Wasteful(),
        Turned(lambda logit: logit[:, :24]),
        "a network",
        Turned(lambda logit: logit > 0),
        nn.Identity(),
        Turned(lambda logit: logit.flip(2)),
    ],
}
