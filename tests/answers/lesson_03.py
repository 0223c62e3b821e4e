"""Answers to the tasks of lesson 03: right ones written differently, wrong ones under their mistakes."""

import torch
from torch import nn
from torch.nn import functional as F

from cbam_course.attention import ChannelAttention

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


# shared-mlp-parameters

RIGHT["shared-mlp-parameters"] = [4096, 4096.0, torch.tensor(4096), 2 * 128 * (128 // 8)]

WRONG["shared-mlp-parameters"] = {
    "unshared": [8192, 8480],
    "one-layer": [2048],
    "with-bias": [4240],
    "concatenated": [6144],
    "no-reduction": [32768, 16384],
}


# mean-or-max

RIGHT["mean-or-max"] = [
    ("neither", "mean", "max", "both"),
    ["neither", "mean", "max", "both"],
    ("None", "Average", "Maximum", "Both"),
]

WRONG["mean-or-max"] = {
    "position-matters": [("both", "mean", "max", "both"), ("max", "mean", "max", "both")],
    "small-change-moves-the-maximum": [("neither", "both", "max", "both")],
    "same-total": [("neither", "mean", "both", "both")],
    "mean-stands-still": [("neither", "mean", "max", "max")],
}


# halfway-logit

RIGHT["halfway-logit"] = [1, 1.0, torch.tensor(1.0), 3 / 2 - 1 / 2]

WRONG["halfway-logit"] = {
    "counted-twice": [2.0],
    "gate-not-logit": [0.73],
    "averaged-gates": [0.61],
    "one-image-only": [3, -1, 1.5],
    "difference": [4, -2.0],
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
    "early-sigmoid": [lambda a, m, w1, w2: mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()],
    "averaged-gates": [lambda a, m, w1, w2: (mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()) / 2],
    "clamped": [lambda a, m, w1, w2: (mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()).clamp(0, 1)],
    "multiplied-gates": [lambda a, m, w1, w2: mlp(a, w1, w2).sigmoid() * mlp(m, w1, w2).sigmoid()],
    "sigmoid-twice": [lambda a, m, w1, w2: (mlp(a, w1, w2).sigmoid() + mlp(m, w1, w2).sigmoid()).sigmoid()],
    "halved-logit": [lambda a, m, w1, w2: ((mlp(a, w1, w2) + mlp(m, w1, w2)) / 2).sigmoid()],
    "added-before-mlp": [lambda a, m, w1, w2: mlp(a + m, w1, w2).sigmoid()],
    "no-sigmoid": [lambda a, m, w1, w2: mlp(a, w1, w2) + mlp(m, w1, w2)],
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


RIGHT["channel-attention"] = [
    Linear,
    Convolution,
    OwnParameters,
    Stacked,
    TwoMaxima,
    HiddenSum,
    Sequential,
    Inherited,
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
    "wrong-axis": [change(forward=lambda self, x: x * self.gate(x)[:, :, 0, 0][:, None, None])],
    "fixed-size": [Fixed],
    "gate-up-to-two": [
        branches(lambda a, b: a.sigmoid() + b.sigmoid()),
    ],
    "early-sigmoid": [branches(lambda a, b: (a.sigmoid() + b.sigmoid()) / 2)],
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
    "pools-joined": [Concatenated, change(logit=lambda self, mean, peak: self.mlp(mean * peak))],
    "no-mlp": [change(logit=lambda self, mean, peak: mean + peak)],
    "no-activation": [change(activation=nn.Identity)],
    "other-activation": [
        change(activation=nn.GELU),
        change(activation=nn.LeakyReLU),
        change(activation=nn.Sigmoid),
    ],
    "activation-first": [
        change(activation=nn.Identity, logit=lambda s, mean, peak: s.mlp(mean.relu()) + s.mlp(peak.relu()))
    ],
    "ratio-ignored": [change(width=lambda self, c, r: max(1, c // 16))],
    "hidden-width-zero": [change(width=lambda self, c, r: c // r)],
    "no-reduction": [change(width=lambda self, c, r: c)],
    "ratio-as-width": [change(width=lambda self, c, r: r)],
    "detached-gate": [change(forward=lambda self, x: x * self.gate(x).detach())],
}
