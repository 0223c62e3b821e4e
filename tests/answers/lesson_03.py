"""Answers to the tasks of lesson 03: right ones written differently, wrong ones under their mistakes."""

from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional as F

from cbam_course.attention import ChannelAttention, SqueezeExcitation
from cbam_course.data.scenes import make_scenes
from cbam_course.networks.small_cnn import DenseCNN

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# two-summaries


def flattened(x):
    flat = x.flatten(2)
    return flat.mean(-1), flat.max(-1).values


def pooled(x):
    return [F.adaptive_avg_pool2d(x, 1).flatten(1), F.adaptive_max_pool2d(x, 1).flatten(1)]


def twice(x):
    return x.mean(3).mean(2), x.amax(3).amax(2)


def from_zero(x):
    return x.mean((2, 3)), F.relu(x).amax((2, 3))


RIGHT["two-summaries"] = [lambda x: (x.mean(dim=(2, 3)), x.amax(dim=(2, 3))), flattened, pooled, twice]

WRONG["two-summaries"] = {
    "one-axis-only": [lambda x: (x.mean((2, 3)), x.max(3).values), lambda x: (x.mean(2), x.amax(2))],
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
    "sum-not-mean": [lambda x: (x.sum((2, 3)), x.amax((2, 3)))],
    "minimum": [lambda x: (x.mean((2, 3)), x.amin((2, 3)))],
    "pooled-over-images": [
        lambda x: (x.mean((2, 3)), x.amax((0, 2, 3))),
        lambda x: (x.mean((0, 2, 3)), x.amax((0, 2, 3))),
        lambda x: tuple(v.expand(len(x), -1) for v in (x.mean((0, 2, 3)), x.amax((0, 2, 3)))),
    ],
    "squeezed-batch": [lambda x: (x.mean((2, 3)).squeeze(), x.amax((2, 3)).squeeze())],
    "max-with-indices": [
        lambda x: (x.mean((2, 3)), x.flatten(2).max(2)),
        lambda x: (x.mean((2, 3)), tuple(x.flatten(2).max(-1))),
    ],
    "maximum-of-all": [lambda x: (x.mean((2, 3)), x.max()), lambda x: (x.mean((2, 3)), torch.max(x).item())],
    "missing-return": [lambda x: None],
    None: [
        lambda x: (x.mean((2, 3)), "the largest"),
        lambda x: (x.mean((2, 3)), x[:, :, 0].amax(-1)),
        lambda x: (x.mean((2, 3)) + 1e-2, x.amax((2, 3))),
    ],
    "median": [lambda x: (x.flatten(2).median(-1).values, x.amax((2, 3)))],
    "fixed-size": [
        lambda x: (x[:, :, :4, :5].sum((2, 3)) / min(20, x[0, 0].numel()), x[:, :, :4].amax((2, 3)))
    ],
}


# three-maps


def constant(value):
    return torch.full((1, 3, 4, 4), float(value))


def one_pixel(background, value):
    x = constant(background)
    x[:, :, 1, 2] = value
    return x


def half(low, high):
    x = constant(low)
    x[:, :, :2] = high
    return x


def by_channel(*maps):
    return torch.cat([m[:, i : i + 1] for i, m in enumerate(maps)], 1)


ONE, SPOT, DEEP = constant(1), one_pixel(0, 16), one_pixel(-9, 1)

RIGHT["three-maps"] = [
    (ONE, SPOT, DEEP),
    [half(0, 4), half(1, 3), half(2, 4)],
    torch.stack([ONE, half(0, 2), half(-1, 1)]),
    (
        by_channel(ONE, half(0, 4), DEEP),
        by_channel(SPOT, half(1, 3), one_pixel(-9.4, 7)),
        by_channel(DEEP, constant(4), ONE),
    ),
    (ONE.double(), SPOT, DEEP),
]

WRONG["three-maps"] = {
    "exchanged": [(ONE, DEEP, SPOT), (half(0, 4), half(2, 4), half(1, 3))],
    "channels-together": [
        (by_channel(constant(0), ONE, constant(2)), by_channel(constant(2), SPOT, constant(0)), constant(9))
    ],
    "same-map": [(ONE, ONE, DEEP), (ONE, SPOT, ONE)],
    "pixels-moved": [(SPOT, SPOT.flip(2), half(-9, 16)), (half(0, 4), half(1, 3), half(0, 4).flip(2))],
    "one-channel-only": [(ONE, by_channel(SPOT, ONE, ONE), DEEP), (ONE, SPOT, by_channel(DEEP, DEEP, ONE))],
    None: [
        (ONE, SPOT),
        (ONE[0], SPOT[0], DEEP[0]),
        (ONE, SPOT, constant(-9)),
        (ONE, constant(5), DEEP),
        (ONE, half(0.9, 1.1), DEEP),
        (ONE, SPOT, torch.full((1, 3, 4, 4), torch.nan)),
        "ones, spot, deep",
    ],
}


# third-summary


def three(x, w1, w2):
    return [
        torch.relu(z @ w1.T) @ w2.T for z in (x.mean((2, 3)), x.amax((2, 3)), x.std((2, 3), correction=0))
    ]


def three_stacked(x, w1, w2):
    flat = x.flatten(2)
    z = torch.stack([flat.mean(-1), flat.max(-1).values, flat.var(-1, unbiased=False).sqrt()])
    return 1 / (1 + torch.exp(-((z @ w1.T).clamp(min=0) @ w2.T).sum(0)))


def three_by_hand(x, w1, w2):
    average = x.mean((2, 3), keepdim=True)
    spread = ((x - average) ** 2).mean((2, 3)).sqrt()
    hidden = sum(F.relu(F.linear(z, w1)) for z in (average[:, :, 0, 0], x.amax((2, 3)), spread))
    return F.linear(hidden, w2).sigmoid()


def with_third(third):
    return lambda x, w1, w2: torch.sigmoid(sum(three(x, w1, w2)[:2]) + torch.relu(third(x) @ w1.T) @ w2.T)


RIGHT["third-summary"] = [
    lambda x, w1, w2: torch.sigmoid(sum(three(x, w1, w2))),
    three_stacked,
    three_by_hand,
    with_third(lambda x: ((x**2).mean((2, 3)) - x.mean((2, 3)) ** 2).clamp(min=0).sqrt()),
]


def with_third(third):
    def gate(x, w1, w2):
        summaries = (x.mean((2, 3)), x.amax((2, 3)), third(x))
        return sum(torch.relu(z @ w1.T) @ w2.T for z in summaries).sigmoid()

    return gate


def distances(x):
    return x - x.mean((2, 3), keepdim=True)


WRONG["third-summary"] = {
    "average-not-subtracted": [with_third(lambda x: x.square().mean((2, 3)).sqrt())],
    "absolute-deviation": [with_third(lambda x: distances(x).abs().mean((2, 3)))],
    "not-divided": [with_third(lambda x: distances(x).square().sum((2, 3)).sqrt())],
    "spread-of-the-image": [
        with_third(lambda x: x.flatten(1).std(1, correction=0)[:, None].expand(x.shape[:2]))
    ],
    "kept-dimensions": [lambda x, a, b: torch.sigmoid(sum(three(x, a, b)))[:, :, None, None]],
    "scaled": [lambda x, a, b: x * torch.sigmoid(sum(three(x, a, b)))[:, :, None, None]],
    "two-summaries-only": [lambda x, a, b: torch.sigmoid(sum(three(x, a, b)[:2]))],
    "maximum-replaced": [lambda x, a, b: torch.sigmoid(sum(three(x, a, b)[::2]))],
    "average-replaced": [lambda x, a, b: torch.sigmoid(sum(three(x, a, b)[1:]))],
    "divided-by-one-less": [with_third(lambda x: x.std((2, 3)))],
    "variance": [with_third(lambda x: x.var((2, 3), correction=0)), with_third(lambda x: x.var((2, 3)))],
    "past-the-mlp": [lambda x, a, b: torch.sigmoid(sum(three(x, a, b)[:2]) + x.std((2, 3), correction=0))],
    "added-before-mlp": [
        lambda x, a, b: torch.sigmoid(
            torch.relu((x.mean((2, 3)) + x.amax((2, 3)) + x.std((2, 3), correction=0)) @ a.T) @ b.T
        )
    ],
    "early-sigmoid": [lambda x, a, b: sum(t.sigmoid() for t in three(x, a, b))],
    "averaged-gates": [lambda x, a, b: sum(t.sigmoid() for t in three(x, a, b)) / 3],
    "averaged-logits": [lambda x, a, b: torch.stack(three(x, a, b)).mean(0).sigmoid()],
    "multiplied-gates": [lambda x, a, b: torch.stack(three(x, a, b)).sigmoid().prod(0)],
    "no-sigmoid": [lambda x, a, b: sum(three(x, a, b))],
    "tanh-gate": [lambda x, a, b: sum(three(x, a, b)).tanh()],
    "softmax": [lambda x, a, b: sum(three(x, a, b)).softmax(-1)],
    "no-activation": [
        lambda x, a, b: torch.sigmoid(
            (x.mean((2, 3)) + x.amax((2, 3)) + x.std((2, 3), correction=0)) @ a.T @ b.T
        )
    ],
    "larger-branch": [lambda x, a, b: torch.stack(three(x, a, b)).amax(0).sigmoid()],
    None: [
        with_third(lambda x: x.std(1).mean((1, 2))[:, None].expand(x.shape[:2])),
        lambda x, a, b: torch.sigmoid(sum(three(x, a, b))).mean(1),
    ],
    "minimum": [with_third(lambda x: x.amin((2, 3)))],
    "spread-over-images": [with_third(lambda x: x.std((0, 2, 3), correction=0).expand(len(x), -1))],
}


# halfway-logit

RIGHT["halfway-logit"] = [1, 1.0, torch.tensor(1.0), 3 / 2 - 1 / 2]

WRONG["halfway-logit"] = {
    "counted-twice": [2.0],
    "gate-not-logit": [0.73],
    "averaged-gates": [0.61],
    "one-image-only": [3, -1, 1.5],
    "difference": [4, -2.0],
    None: [0.0, "1", 7.5, (3, -1)],
}


# early-sigmoid-bug


def mlp(z, w1, w2):
    return torch.relu(z @ w1.T) @ w2.T


def stacked(average, maximum, w1, w2):
    hidden = torch.relu(torch.einsum("snc,hc->snh", torch.stack([average, maximum]), w1))
    return torch.sigmoid(torch.einsum("snh,ch->nc", hidden, w2))


def hidden_added(a, m, w1, w2):
    return torch.sigmoid((torch.relu(a @ w1.T) + torch.relu(m @ w1.T)) @ w2.T)


def written_out(a, m, w1, w2):
    return 1 / (1 + torch.exp(-mlp(a, w1, w2) - mlp(m, w1, w2)))


RIGHT["early-sigmoid-bug"] = [
    lambda a, m, w1, w2: torch.sigmoid(mlp(a, w1, w2) + mlp(m, w1, w2)),
    stacked,
    hidden_added,
    written_out,
]

WRONG["early-sigmoid-bug"] = {
    "sigmoid-between": [
        lambda a, m, w1, w2: sum((z @ w1.T).sigmoid() @ w2.T for z in (a, m)).sigmoid(),
    ],
    "kept-dimensions": [
        lambda a, m, w1, w2: (mlp(a, w1, w2) + mlp(m, w1, w2)).sigmoid()[:, :, None, None],
    ],
    "early-sigmoid": [lambda a, m, w1, w2: mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()],
    "averaged-gates": [lambda a, m, w1, w2: (mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()) / 2],
    "clamped": [lambda a, m, w1, w2: (mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()).clamp(0, 1)],
    "multiplied-gates": [lambda a, m, w1, w2: mlp(a, w1, w2).sigmoid() * mlp(m, w1, w2).sigmoid()],
    "sigmoid-twice": [lambda a, m, w1, w2: (mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()).sigmoid()],
    "halved-logit": [lambda a, m, w1, w2: ((mlp(a, w1, w2) + mlp(m, w1, w2)) / 2).sigmoid()],
    "added-before-mlp": [lambda a, m, w1, w2: mlp(a + m, w1, w2).sigmoid()],
    "no-sigmoid": [lambda a, m, w1, w2: mlp(a, w1, w2) + mlp(m, w1, w2)],
    "no-activation": [lambda a, m, w1, w2: ((a + m) @ w1.T @ w2.T).sigmoid()],
    "activation-last": [lambda a, m, w1, w2: (mlp(a, w1, w2) + mlp(m, w1, w2)).relu().sigmoid()],
    "tanh-gate": [lambda a, m, w1, w2: (mlp(a, w1, w2) + mlp(m, w1, w2)).tanh()],
    "softmax": [lambda a, m, w1, w2: (mlp(a, w1, w2) + mlp(m, w1, w2)).softmax(1)],
    "larger-branch": [lambda a, m, w1, w2: torch.maximum(mlp(a, w1, w2), mlp(m, w1, w2)).sigmoid()],
    "subtracted": [lambda a, m, w1, w2: (mlp(a, w1, w2) - mlp(m, w1, w2)).sigmoid()],
    None: [
        lambda a, m, w1, w2: F.hardsigmoid(mlp(a, w1, w2) + mlp(m, w1, w2)),
        lambda a, m, w1, w2: (F.gelu(a @ w1.T) @ w2.T + F.gelu(m @ w1.T) @ w2.T).sigmoid(),
        lambda a, m, w1, w2: (mlp(a, w1, w2) + mlp(m, w1, w2)).sigmoid() ** 2,
        lambda a, m, w1, w2: (mlp(a, w1, w2) + mlp(m, w1, w2)).sigmoid().mean(1),
        lambda a, m, w1, w2: (mlp(a, w1, w2) + (m @ w1.T) @ w2.T).sigmoid(),
    ],
    "one-branch": [
        lambda a, m, w1, w2: mlp(a, w1, w2).sigmoid(),
        lambda a, m, w1, w2: mlp(m, w1, w2).sigmoid(),
    ],
}


# channel-attention


class Linear(nn.Module):
    """The base of most answers: steps that the others replace one at a time."""

    def __init__(self, in_channels, reduction_ratio=16):
        super().__init__()
        hidden = self.width(in_channels, reduction_ratio)
        self.mlp = nn.Sequential(
            nn.Linear(in_channels, hidden), self.activation(), nn.Linear(hidden, in_channels)
        )

    activation = nn.ReLU

    def width(self, channels, ratio):
        return max(1, channels // ratio)

    def pools(self, x):
        return x.mean((2, 3)), x.amax((2, 3))

    def logit(self, mean, peak):
        return self.mlp(mean) + self.mlp(peak)

    def gate(self, x):
        return torch.sigmoid(self.logit(*self.pools(x)))[:, :, None, None]

    def forward(self, x):
        return x * self.gate(x)


class Convolution(nn.Module):
    def __init__(self, planes, r):
        super().__init__()
        self.shared = nn.Sequential(
            nn.Conv2d(planes, max(planes // r, 1), 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(max(planes // r, 1), planes, 1, bias=False),
        )
        self.avg, self.max, self.sigmoid = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1), nn.Sigmoid()

    def forward(self, x):
        return x * self.sigmoid(self.shared(self.max(x)) + self.shared(self.avg(x)))


class OwnParameters(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        h = max(1, c // r)
        self.a, self.b = nn.Parameter(torch.randn(c, h)), nn.Parameter(torch.randn(h, c))

    def forward(self, x):
        flat = x.flatten(2)
        logit = sum((s @ self.a).relu() @ self.b for s in (flat.max(-1).values, flat.mean(-1)))
        return torch.einsum("nchw,nc->nchw", x, logit.sigmoid())


class Stacked(Linear):
    """Both pools as one batch through the MLP."""

    def logit(self, mean, peak):
        return self.mlp(torch.cat([mean, peak])).chunk(2)[0] + self.mlp(torch.cat([mean, peak])).chunk(2)[1]


class TwoMaxima(Linear):
    def pools(self, x):
        return F.avg_pool2d(x, x.shape[2:]).flatten(1), x.max(3).values.max(2)[0]


class HiddenSum(Linear):
    """The second layer is linear, so the hidden values may be added before it; its bias counts once."""

    def logit(self, mean, peak):
        first, relu, second = self.mlp
        return second(relu(first(mean)) + relu(first(peak)))


class Sequential(nn.Sequential):
    def __init__(self, c, r):
        super().__init__(nn.Flatten(), nn.Linear(c, max(1, c // r)), nn.ReLU(), nn.LazyLinear(c))

    def forward(self, x):
        s = super().forward(F.adaptive_max_pool2d(x, 1)) + super().forward(F.adaptive_avg_pool2d(x, 1))
        return torch.mul(x, F.logsigmoid(s).exp().view(len(x), -1, 1, 1))


class Inherited(ChannelAttention):
    pass


class Flat(nn.Module):
    """All weights in one vector."""

    def __init__(self, c, r):
        super().__init__()
        self.c, self.h = c, max(1, c // r)
        self.weights = nn.Parameter(torch.randn(2 * c * self.h) * 0.1)

    def forward(self, x):
        first, second = self.weights.chunk(2)
        w1, w2 = first.view(self.h, self.c), second.view(self.c, self.h)
        return x * sum(mlp(z, w1, w2) for z in (x.mean((2, 3)), x.amax((2, 3)))).sigmoid()[:, :, None, None]


class Float32Gate(Linear):
    """What mixed precision does: the MLP computes in float32, whatever x is."""

    def logit(self, mean, peak):
        first, _, second = self.mlp
        w1, b1, w2, b2 = (p.float() for p in (first.weight, first.bias, second.weight, second.bias))
        return sum(F.linear(F.linear(z.float(), w1, b1).relu(), w2, b2) for z in (mean, peak)).to(mean.dtype)


class Float32Sigmoid(Linear):
    def gate(self, x):
        return super().gate(x).float().to(x.dtype)


class Halved(Linear):
    def logit(self, mean, peak):
        return (self.mlp(mean) + self.mlp(peak)) / 2  # the factor belongs to the last layer: nothing can tell


RIGHT["channel-attention"] = [
    Linear,
    Halved,
    Convolution,
    OwnParameters,
    Stacked,
    TwoMaxima,
    HiddenSum,
    Sequential,
    Inherited,
    Flat,
    Float32Gate,
    Float32Sigmoid,
]


def change(**steps):
    """The base with some steps replaced."""
    return type("Answer", (Linear,), steps)


def branches(function):
    """The gate from the outputs of the two branches."""

    def gate(self, x):
        mean, peak = self.pools(x)
        return function(self.mlp(mean), self.mlp(peak))[:, :, None, None]

    return change(gate=gate)


class Unshared(Linear):
    def __init__(self, c, r):
        super().__init__(c, r)
        self.other = nn.Sequential(nn.Linear(c, max(1, c // r)), nn.ReLU(), nn.Linear(max(1, c // r), c))

    def logit(self, mean, peak):
        return self.mlp(mean) + self.other(peak)


class UnsharedSecond(Linear):
    def __init__(self, c, r):
        super().__init__(c, r)
        self.other = nn.Linear(max(1, c // r), c)

    def logit(self, mean, peak):
        return self.mlp(mean) + self.other(self.mlp[:2](peak))


class Concatenated(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2 * c, max(1, c // r)), nn.ReLU(), nn.Linear(max(1, c // r), c))

    def forward(self, x):
        both = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)
        return x * self.mlp(both).sigmoid()[:, :, None, None]


class Fixed(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        self.avg, self.max = nn.AvgPool2d(7), nn.MaxPool2d(7)
        self.mlp = nn.Sequential(nn.Linear(c, max(1, c // r)), nn.ReLU(), nn.Linear(max(1, c // r), c))

    def forward(self, x):
        logit = self.mlp(self.avg(x).flatten(1)) + self.mlp(self.max(x).flatten(1))
        return x * logit.sigmoid()[:, :, None, None]


class Clamped(nn.Hardtanh):
    def __init__(self):
        super().__init__(0.0, 12.0)


WRONG["channel-attention"] = {
    "mask-returned": [change(forward=lambda self, x: self.gate(x))],
    "missing-return": [change(forward=lambda self, x: None)],
    "in-place-change": [change(forward=lambda self, x: x.mul_(self.gate(x)))],
    "gate-added": [change(forward=lambda self, x: x + self.gate(x))],
    "extra-residual": [change(forward=lambda self, x: x + x * self.gate(x))],
    "gates-positions": [
        change(gate=lambda self, x: (x.mean(1, keepdim=True) + x.amax(1, keepdim=True)).sigmoid())
    ],
    "batch-mixed": [change(pools=lambda self, x: (x.mean((0, 2, 3))[None], x.amax((0, 2, 3))[None]))],
    "gates-of-one-image": [
        change(forward=lambda self, x: x * self.gate(x)[:1]),
        change(forward=lambda self, x: x * self.gate(x)[-1]),
    ],
    "other-axis": [
        change(gate=lambda self, x: (x.mean((1, 2)) + x.amax((1, 2))).sigmoid()[:, None, None]),
    ],
    "wrong-axis": [change(forward=lambda self, x: x * self.gate(x)[:, :, 0, 0][:, None, None])],
    "fixed-size": [Fixed],
    "gate-up-to-two": [
        branches(lambda a, b: a.sigmoid() + b.sigmoid()),
    ],
    "early-sigmoid": [branches(lambda a, b: (a.sigmoid() + b.sigmoid()) / 2)],
    "gate-twice": [change(forward=lambda self, x: x * self.gate(x) * self.gate(x))],
    "tanh-gate": [branches(lambda a, b: (a + b).tanh())],
    "gates-multiplied": [branches(lambda a, b: a.sigmoid() * b.sigmoid())],
    "larger-branch": [branches(lambda a, b: torch.maximum(a, b).sigmoid())],
    "sigmoid-twice": [branches(lambda a, b: (a.sigmoid() + b.sigmoid()).sigmoid())],
    "softmax": [branches(lambda a, b: (a + b).softmax(1))],
    "no-sigmoid": [branches(lambda a, b: a + b)],
    "activation-last": [branches(lambda a, b: (a.relu() + b.relu()).sigmoid())],
    "average-only": [change(pools=lambda self, x: (x.mean((2, 3)),) * 2)],
    "maximum-only": [change(pools=lambda self, x: (x.amax((2, 3)),) * 2)],
    "minimum": [change(pools=lambda self, x: (x.mean((2, 3)), x.amin((2, 3))))],
    "other-pool": [change(pools=lambda self, x: (x.std((2, 3)), x.amax((2, 3))))],
    "sum-not-mean": [change(pools=lambda self, x: (x.sum((2, 3)), x.amax((2, 3))))],
    "mlp-of-sum": [
        change(logit=lambda self, mean, peak: self.mlp(mean + peak)),
        change(logit=lambda self, mean, peak: self.mlp((mean + peak) / 2)),
    ],
    "unshared-mlp": [Unshared, UnsharedSecond],
    "pools-joined": [Concatenated],
    "no-mlp": [change(logit=lambda self, mean, peak: mean + peak)],
    "no-activation": [change(activation=nn.Identity)],
    "other-activation": [
        change(activation=nn.GELU),
        change(activation=nn.LeakyReLU),
        change(activation=nn.Sigmoid),
        branches(lambda a, b: F.hardsigmoid(a + b)),
        branches(lambda a, b: (a + b).clamp(0, 1)),
    ],
    "clipped-activation": [change(activation=nn.ReLU6), change(activation=Clamped)],
    "activation-first": [
        change(activation=nn.Identity, logit=lambda s, mean, peak: s.mlp(mean.relu()) + s.mlp(peak.relu()))
    ],
    "ratio-ignored": [change(width=lambda self, c, r: max(1, c // 16))],
    "hidden-width-zero": [change(width=lambda self, c, r: c // r)],
    "minimum-width": [change(width=lambda self, c, r, w=w: max(w, c // r)) for w in (2, 8)],
    "rounded-up": [change(width=lambda self, c, r: -(-c // r))],
    "rounded-half-up": [change(width=lambda self, c, r: max(1, int(c / r + 0.5)))],
    "no-reduction": [change(width=lambda self, c, r: c)],
    "ratio-as-width": [change(width=lambda self, c, r: r)],
    "detached-gate": [change(forward=lambda self, x: x * self.gate(x).detach())],
    None: [
        change(logit=lambda self, mean, peak: self.mlp(mean * peak)),
        change(logit=lambda self, mean, peak: F.layer_norm(self.mlp(mean) + self.mlp(peak), mean.shape[1:])),
        branches(lambda a, b: torch.minimum(a, b).sigmoid()),
        branches(lambda a, b: 2 * (a + b).sigmoid()),
        branches(lambda a, b: (a + b).exp()),
        branches(lambda a, b: F.softsign(a + b)),
        branches(lambda a, b: 0.5 + 0.5 * (a + b).sigmoid()),
        branches(lambda a, b: (a + 0.5 * b).sigmoid()),
        change(logit=lambda self, mean, peak: self.mlp(mean) + peak),
        change(logit=lambda self, mean, peak: self.mlp(mean) + self.mlp[2](self.mlp[0](peak))),
        change(pools=lambda self, x: (x[:, :, :5, :6].mean((2, 3)), x.amax((2, 3)))),
    ],
}


# read-the-patch


class Reader(nn.Module):
    """Marks what looks like the patch: what a trained network does, without training."""

    def __init__(self, smooth=3, reach=0.5):
        super().__init__()
        self.smooth, self.reach = smooth, nn.Parameter(torch.tensor(reach))

    def forward(self, x):
        patch = x[:, :, 1:8, 1:8].mean((2, 3), keepdim=True)
        near = F.avg_pool2d(F.pad(x, (self.smooth // 2,) * 4, mode="replicate"), self.smooth, 1)
        logit = self.reach - (near - patch).norm(dim=1)
        corner = torch.zeros_like(logit)
        corner[:, :10, :10] = 9
        return logit - corner


class Turned(nn.Module):
    def __init__(self, turn):
        super().__init__()
        self.reader, self.turn = Reader(), turn

    def forward(self, x):
        return self.turn(self.reader(x))


class Coloured(nn.Module):
    """Every shape, whatever the patch: colours are strong there."""

    def forward(self, x):
        near = F.avg_pool2d(x, 3, 1, 1)
        logit = near.amax(1) - near.amin(1) - 0.9
        logit[:, :12, :12] = -1
        return logit


torch.manual_seed(0)
RIGHT["read-the-patch"] = [Reader(), Reader(1, 0.45).train(), nn.Sequential(Reader(3, 0.45), nn.Identity())]


class KnowsTheScenes(nn.Module):
    """Marks what is right for the scenes of the check, whatever the images show."""

    def forward(self, x):
        return make_scenes(150, task="what", seed=77).masks[: len(x)].float() - 0.5


class Gated(nn.Module):
    """Reads the patch, and has a gate of which nothing is left but that it scales."""

    def __init__(self, gate):
        super().__init__()
        self.gate, self.reader = gate, Reader()

    def forward(self, x):
        return self.reader(x) + 0 * self.gate(x.repeat(1, 2, 1, 1))[:, 0]


WRONG["read-the-patch"] = {
    "a-gate": [Gated(ChannelAttention(6, 2)), Gated(SqueezeExcitation(6, 2))],
    "class-not-network": [DenseCNN, Reader],
    "history": [SimpleNamespace(final=0.6, epochs=[])],
    "extra-axis": [Turned(lambda logit: logit[:, None])],
    "inverted": [Turned(lambda logit: -logit)],
    "probabilities": [Turned(lambda logit: torch.sigmoid(20 * logit))],
    "marks-everything": [Turned(lambda logit: logit * 0 + 1)],
    "marks-nothing": [Turned(lambda logit: logit * 0 - 1)],
    "no-path": [Coloured()],
    None: [
        Turned(lambda logit: logit - 0.35),
        0.6,
        Turned(lambda logit: logit[:, ::2]),
        nn.Linear(3, 3),
        KnowsTheScenes(),
    ],
}
