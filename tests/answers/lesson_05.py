"""Answers to the tasks of lesson 05: right ones written differently, wrong ones under their mistakes."""

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import capture, fit, make_scenes
from cbam_course.attention import CBAM, ChannelAttention
from cbam_course.networks.baselines import ConstantGate
from cbam_course.networks.small_cnn import DenseCNN
from cbam_course.training.fit import image_scores

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


class NormedWithoutWeights(Two):
    """The BatchNorm on the map has no weights of its own."""

    def __init__(self, in_channels, reduction_ratio=16, kernel_size=7):
        super().__init__(in_channels, reduction_ratio, kernel_size)
        self.norm = nn.BatchNorm2d(1, affine=False)
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        del self.second

    def forward(self, x):
        x = self.first(x)
        pools = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return x * torch.sigmoid(self.norm(self.conv(pools)))


RIGHT["cbam"] += [NormedWithoutWeights]


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


class WithEnds(OneClass):
    """What stands at the end of each gate can be replaced."""

    def channel_end(self, logit):
        return logit.sigmoid()

    def map_end(self, logit):
        return logit.sigmoid()

    def forward(self, x):
        logit = sum(self.up(self.down(p).relu()) for p in (x.mean((2, 3)), x.amax((2, 3))))
        y = x * self.channel_end(logit)[..., None, None]
        return y * self.map_end(self.conv(torch.stack([y.amax(1), y.mean(1)], 1)))


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
WRONG["cbam"]["no-sigmoid"] = [
    type("OpenMap", (WithEnds,), {"map_end": lambda self, logit: logit}),
    type("OpenChannels", (WithEnds,), {"channel_end": lambda self, logit: logit}),
    type(
        "Open", (WithEnds,), {"channel_end": lambda self, logit: logit, "map_end": lambda self, logit: logit}
    ),
]
for _slug in [
    "minimum",
    "pools-added",
    "padding-missing",
    "dilated",
    "off-centre",
    "not-linear",
    "blind-to-negative-averages",
]:
    WRONG["cbam"][_slug] = [change(place=lesson_04.WRONG["spatial-attention"][_slug][0])]
WRONG["cbam"]["average-only"].append(change(place=lesson_04.WRONG["spatial-attention"]["average-only"][0]))


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


def changed_by_the_first(x, c, s):
    x *= c(x)
    return x * s(x), (x * s(x)) * c(x * s(x)), x * c(x) * s(x)


def named_anew_each_time(x, c, s):
    x = x * c(x)
    first = x = x * s(x)
    x = x * s(x)
    second = x = x * c(x)
    return first, second, x * c(x) * s(x)


RIGHT["order-matters"] = [in_steps, as_list, gates_first, lambda x, c, s: torch.stack(in_steps(x, c, s))]


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
WRONG["order-matters"]["gates-of-x"] += [
    lambda x, c, s: (x * c(x) * s(x), *in_steps(x, c, s)[1:]),
    lambda x, c, s: (in_steps(x, c, s)[0], x * s(x) * c(x), x * c(x) * s(x)),
]
WRONG["order-matters"]["first-gate-lost"] += [
    lambda x, c, s: (x * s(x * c(x)), *in_steps(x, c, s)[1:]),
]
WRONG["order-matters"]["parallel-in-sequence"] += [
    _with_third(lambda x, c, s: x * s(x) * c(x * s(x))),
]
WRONG["order-matters"] |= {
    "same-order-twice": [lambda x, c, s: [in_steps(x, c, s)[n] for n in (0, 0, 2)]],
    "another-order": [lambda x, c, s: [in_steps(x, c, s)[n] for n in (2, 0, 1)]],
    "extra-residual": [lambda x, c, s: [x + y for y in in_steps(x, c, s)]],
    "missing-return": [lambda x, c, s: None],
    "in-place-change": [lambda x, c, s: (*in_steps(x, c, s)[:2], x.mul_(c(x) * s(x)))],
    None: [
        lambda x, c, s: in_steps(x, c, s)[:2],
        lambda x, c, s: [2 * y for y in in_steps(x, c, s)],
        lambda x, c, s: (*in_steps(x, c, s)[:2], x * c(x)),
    ],
    "x-overwritten": [changed_by_the_first, named_anew_each_time],
    "one-gate-only": [lambda x, c, s: (x * c(x), x * s(x), x * c(x) * s(x))],
    "argument-ignored": [lambda x, c, s: in_steps(x, lambda y: torch.sigmoid(y.mean((2, 3), True)), s)],
}


# inside-the-box


def _measure(box, channels, kernel):
    """Shift of the convolution, input, refined map and spatial gate, all from outside."""
    small = (box(torch.full((1, channels, 9, 9), 1e-4)) / 1e-4)[0, 0, 4, 4]
    x = torch.full((1, channels, 31, 31), 1e-4)
    x[:, :, 10:21, 10:21] = torch.randn(1, channels, 11, 11, generator=torch.Generator().manual_seed(3)) + 0.5
    factor = box(x) / x
    channel = factor[:, :, :1, :1] / (2 * small)
    return torch.logit(2 * small), x, x * channel, (factor / channel)[:, :1]


def _nearest(box, channels, kernel, with_shift=True):
    shift, x, refined, measured = _measure(box, channels, kernel)
    errors = {}
    for source, seen in (("refined", refined), ("x", x)):
        pools = {"mean": seen.mean(1, keepdim=True), "max": seen.amax(1, keepdim=True)}
        for first, second in (("mean", "max"), ("max", "mean")):
            logit = F.conv2d(torch.cat([pools[first], pools[second]], 1), kernel, padding="same")
            gate = torch.sigmoid(logit + (shift if with_shift else 0))
            errors[source, first] = (gate - measured)[:, :, 10:21, 10:21].abs().mean().item()
    return *min(errors, key=errors.get), abs(shift.item()) > 0.2


def by_logits(box, channels, kernel):
    """Compares logits, in double precision, and gives the truth value as a tensor."""
    x = torch.full((2, channels, 25, 25), 1e-6, dtype=torch.float64)
    x[0, :, 9:16, 9:16] = torch.rand(channels, 7, 7, generator=torch.Generator().manual_seed(1)).double()
    factor = box(x) / x
    shift = torch.logit(2 * factor[1, 0, 12, 12])
    channel = factor[:1, :, :1, :1] / torch.sigmoid(shift)
    logit = torch.logit((factor[:1] / channel)[0, 0]) - shift
    best, found = None, None
    for source in ("x", "refined"):
        seen = x[:1] if source == "x" else x[:1] * channel
        for first in ("mean", "max"):
            pools = [seen.mean(1), seen.amax(1)]
            maps = torch.stack(pools if first == "mean" else pools[::-1], 1)
            off = (F.conv2d(maps, kernel.double(), padding="same")[0, 0] - logit)[9:16, 9:16].abs().max()
            if best is None or off < best:
                best, found = off, (source, first)
    return [*found, shift.abs() > 0.25]


def by_slopes(box, channels, kernel):
    """One spot is moved a little: what the mean does to the map tells the plane, by correlation."""
    shift, x, refined, measured = _measure(box, channels, kernel)
    logit = torch.logit(measured.clamp(1e-6, 1 - 1e-6))[..., 10:21, 10:21].flatten() - shift
    scores = {}
    for source, seen in {"x": x, "refined": refined}.items():
        for first, planes in {"mean": (0, 1), "max": (1, 0)}.items():
            pools = torch.cat([seen.mean(1, True), seen.amax(1, True)], 1)[:, list(planes)]
            guess = F.conv2d(pools, kernel, padding=kernel.shape[-1] // 2)[..., 10:21, 10:21].flatten()
            scores[source.upper() if source == "x" else source, first] = (
                -(guess - logit).square().sum().item()
            )
    source, first = max(scores, key=scores.get)
    return source, first.title(), bool(shift.abs() > 0.2)


def _other(word, pair):
    return pair[1 - pair.index(word)]


def _changed(place, change):
    def answer(box, channels, kernel):
        told = list(_nearest(box, channels, kernel))
        told[place] = change(told[place])
        return tuple(told)

    return answer


def sees_positive_ones(box, channels, kernel):
    small = torch.full((1, channels, 20, 20), 1e-5)
    return *_nearest(box, channels, kernel)[:2], bool((box(small) / small).max() > 0.28)


def only_seven(box, channels, kernel):
    told = _nearest(box, channels, kernel)
    return told if kernel.shape[-1] == 7 else (_other(told[0], ("x", "refined")), *told[1:])


def positive_bias_alone(box, channels, kernel):
    shift, *_ = _measure(box, channels, kernel)
    return (*_nearest(box, channels, kernel)[:2], bool(shift > 0.2))


def at_random(box, channels, kernel):
    told = _nearest(box, channels, kernel)
    odd = int(kernel.abs().sum() * 1000) % 3 == 0
    return (_other(told[0], ("x", "refined")) if odd else told[0], *told[1:])


RIGHT["inside-the-box"] = [_nearest, by_logits, by_slopes]
WRONG["inside-the-box"] = {
    "same-for-all": [
        lambda box, channels, kernel: ("refined", "mean", False),
        _changed(0, lambda word: "refined"),
        _changed(1, lambda word: "max"),
        _changed(2, lambda bias: True),
    ],
    "source-reversed": [_changed(0, lambda word: _other(word, ("x", "refined")))],
    "first-reversed": [_changed(1, lambda word: _other(word, ("mean", "max")))],
    "bias-reversed": [_changed(2, lambda bias: not bias)],
    "one-kernel-size": [only_seven],
    "negative-bias-missed": [sees_positive_ones, positive_bias_alone],
    "bias-in-the-way": [lambda box, channels, kernel: _nearest(box, channels, kernel, with_shift=False)],
    "missing-return": [lambda box, channels, kernel: None],
    "parts-exchanged": [
        lambda box, channels, kernel: [_nearest(box, channels, kernel)[n] for n in (1, 0, 2)],
        lambda box, channels, kernel: _nearest(box, channels, kernel)[::-1],
    ],
    None: [
        at_random,
        lambda box, channels, kernel: _nearest(box, channels, kernel)[:2],
        lambda box, channels, kernel: "refined, mean, False",
        lambda box, channels, kernel: (*_nearest(box, channels, kernel)[:2], "no"),
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
    "unchanged": [lambda weight: weight, lambda weight: weight.clone(), lambda weight: weight.flip(0)],
    "turned-round": [
        lambda weight: weight.flip(2, 3),
        lambda weight: weight.flip(1, 2, 3),
        lambda weight: weight.flip(-1),
    ],
    "transposed": [lambda weight: weight.transpose(2, 3), lambda weight: weight.transpose(0, 1)],
    "overwritten": [swap_the_planes_overwritten],
    "negated": [lambda weight: -weight, lambda weight: -weight.flip(1)],
    "averaged": [lambda weight: weight.mean(1, keepdim=True).repeat(1, 2, 1, 1)],
    "in-place-change": [in_place],
    "missing-return": [lambda weight: None],
    None: [lambda weight: weight[:, [1]], lambda weight: weight.flip(1) * 2],
}


# which-differ

RIGHT["which-differ"] = ["BEG", "b, e, g", ["B", "E", "G"], {"G", "E", "B"}, ("e", "b", "g"), "G E B"]

WRONG["which-differ"] = {
    "missed-order": ["EG", ["G", "E"]],
    "missed-batchnorm": ["BG"],
    "missed-source": [["B", "E"], "b e"],
    "layer-kind": ["ABEG"],
    "both-exchanged": ["BCEG"],
    "pooling-call": ["BDEG"],
    "zero-bias": ["B, E, F, G"],
    "same-width": [["B", "E", "G", "H"]],
    "those-that-stay": ["ACDFH"],
    None: ["ACE", "ABCDEFGH", "B E F", "B", "ADH", "BEX", 3],
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


def through_numpy(make_block, x, blocks):
    y = x
    for block in [make_block() for _ in range(blocks)]:
        y = block(y)
    return y.detach().numpy().std() / x.numpy().std()


def by_steps(make_block, x, blocks):
    """The product of what each block leaves."""
    left = 1.0
    for _ in range(blocks):
        y = make_block()(x)
        left, x = left * (y.std() / x.std()), y
    return left


def x_renamed(make, x, n):
    for _ in range(n):
        x = make()(x)
    return (x.std() / x.std()).item()


def with_shortcuts(make, x, n):
    y = x
    for _ in range(n):
        y = y + make()(y)
    return (y.std() / x.std()).item()


RIGHT["feature-shrink"] = [looped, stacked, by_roots, through_numpy, by_steps]

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
    "one-too-many": [lambda make, x, n: looped(make, x, n + 1)],
    "one-too-few": [lambda make, x, n: looped(make, x, n - 1)],
    "largest": [lambda make, x, n: (stacked_output(make, x, n).max() / x.max()).item()],
    "averaged-spreads": [
        lambda make, x, n: (
            stacked_output(make, x, n).std((0, 2, 3)).mean() / x.std((0, 2, 3)).mean()
        ).item(),
        lambda make, x, n: (stacked_output(make, x, n).std((2, 3)) / x.std((2, 3))).mean().item(),
        lambda make, x, n: (stacked_output(make, x, n).std((0, 2, 3)) / x.std((0, 2, 3))).mean().item(),
    ],
    "missing-return": [lambda make, x, n: None],
    None: [
        lambda make, x, n: stacked_output(make, x, n) / x,
        lambda make, x, n: "a half",
        lambda make, x, n: looped(make, x, n) ** 0.5,
        lambda make, x, n: (
            stacked_output(make, x, n).aminmax().max.item() - stacked_output(make, x, n).min().item()
        ),
    ],
    "argument-ignored": [lambda make, x, n: 0.5**n],
    "compared-with-itself": [x_renamed],
    "shortcut-added": [with_shortcuts],
}


# who-does-the-work


class Late(Sequence):
    """Answers that are made when they are first asked for, because a network has to be trained for them."""

    def __init__(self, make):
        self.make, self.made = make, None

    def _all(self):
        if self.made is None:
            self.made = self.make()
        return self.made

    def __len__(self):
        return len(self._all())

    def __getitem__(self, place):
        return self._all()[place]


_TRAINED = {}


def trained():
    """A network that has learned the task, its gates on the test scenes, and these scenes."""
    if not _TRAINED:
        train, test = make_scenes(1000, task="what", seed=40), make_scenes(100, task="what", seed=41)
        torch.manual_seed(1)
        network = DenseCNN(widths=(8, 16, 24), attention=lambda width: CBAM(width, 4))
        options = {"epochs": 6, "batch_size": 20, "learning_rate": 0.02, "progress": False, "device": "cpu"}
        fit(network, train.dense, test.dense, **options)
        network.eval()
        with torch.no_grad(), capture(network) as record:
            network(test.inputs())
        _TRAINED.update(network=network, record=record, test=test)
    return _TRAINED["network"], _TRAINED["record"], _TRAINED["test"]


def averaged(*parts, average=lambda gate: gate.mean(0, keepdim=True), blocks=(0, 1, 2)):
    network, record, test = trained()
    changed = deepcopy(network)
    for number in blocks:
        for part in parts:
            gate = record[f"blocks.{number}.attention.{part}"][0]
            setattr(changed.blocks[number].attention, part, ConstantGate(average(gate)))
    return image_scores(changed, test.dense).mean().item()


def without_images(part):
    """The network itself, changed instead of a copy."""
    network, record, _ = trained()
    changed = deepcopy(network)
    for number, block in enumerate(changed.blocks):
        gate = record[f"blocks.{number}.attention.{part}"][0]
        setattr(block.attention, part, ConstantGate(gate.mean(0, keepdim=True)))
    return changed


def both(**change):
    return averaged("channel", **change), averaged("spatial", **change)


def right_works():
    network, (channel, spatial) = trained()[0], both()
    return [
        (network, channel, spatial, "channel"),
        [network, torch.tensor(channel), round(spatial, 2), "Channel "],
        (deepcopy(network).double(), channel, spatial, "channel"),
    ]


def works(*numbers, word="channel"):
    return (trained()[0], *numbers, word)


def as_trained():
    network, _, test = trained()
    return image_scores(network, test.dense).mean().item()


def fresh_network():
    torch.manual_seed(2)
    return DenseCNN(widths=(8, 16, 24), attention=lambda width: CBAM(width, 4))


def without_spatial():
    return DenseCNN(widths=(8, 16, 24), attention=lambda width: ChannelAttention(width, 4))


RIGHT["who-does-the-work"] = Late(right_works)
WRONG["who-does-the-work"] = {
    "not-trained": Late(lambda: [(fresh_network(), *both(), "channel")]),
    "exchanged": Late(lambda: [works(*both()[::-1]), works(*both()[::-1], word="spatial")]),
    "nothing-replaced": Late(lambda: [works(as_trained(), as_trained())]),
    "network-changed": Late(lambda: [(without_images("channel"), *both(), "channel")]),
    "percent": Late(lambda: [works(*(100 * score for score in both()))]),
    "both-replaced": Late(lambda: [works(both()[0], averaged("channel", "spatial"))]),
    "what-is-lost": Late(lambda: [works(*(as_trained() - score for score in both()))]),
    "gates-of-one": Late(lambda: [works(*both(average=lambda gate: torch.ones(1)))]),
    "gates-of-zero": Late(lambda: [works(*both(average=lambda gate: torch.zeros(1)))]),
    "one-image": Late(lambda: [works(*both(average=lambda gate: gate[:1]))]),
    "one-block": Late(lambda: [works(*both(blocks=(0,)))]),
    "one-number-a-gate": Late(lambda: [works(*both(average=lambda gate: gate.mean()))]),
    "other-way-round": Late(lambda: [works(*both(), word="spatial")]),
    None: Late(
        lambda: [
            (without_spatial(), *both(), "channel"),
            (nn.Flatten(), *both(), "channel"),
            works(*both(), word="both"),
            (*both(), "channel", trained()[0]),
            trained()[0],
            works(0.9, 0.9),
        ]
    ),
}
