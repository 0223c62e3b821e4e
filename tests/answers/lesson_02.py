"""Answers to the tasks of lesson 02: right ones written differently, wrong ones under their mistakes."""

import torch
from torch import nn
from torch.nn import functional as F

from cbam_course.attention import SqueezeExcitation

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# squeeze


def reshaped(x):
    return x.flatten(2).mean(dim=-1)


def pooled(x):
    return F.adaptive_avg_pool2d(x, 1).flatten(1)


def summed_and_divided(x):
    return x.sum((-2, -1)) / (x.shape[2] * x.shape[3])


def einsum(x):
    return torch.einsum("nchw->nc", x) / (x.size(2) * x.size(3))


RIGHT["squeeze"] = [lambda x: x.mean(dim=(2, 3)), reshaped, pooled, summed_and_divided, einsum]

WRONG["squeeze"] = {
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


# excite-by-hand

RIGHT["excite-by-hand"] = [(0.88, 0.27), [0.8808, 0.2689], torch.sigmoid(torch.tensor([2.0, -1.0]))]

WRONG["excite-by-hand"] = {
    "logit": [(2, -1)],
    "no-relu": [(0.5, 0.05), (0.5, 0.0474)],
    "softmax": [(0.95, 0.05)],
    "scaled": [(2.64, 0.27)],
    "transposed": [(0.98, 0.88)],
    "swapped-channels": [(0.27, 0.88)],
}


# se-parameters

RIGHT["se-parameters"] = [8192, 8192.0, torch.tensor(8192), 2 * 256 * 16]

WRONG["se-parameters"] = {
    "one-layer": [4096],
    "with-bias": [8464],
    "no-reduction": [131072, 65536],
}


# squeeze-excitation


class Linear(nn.Module):
    """The base of most answers: steps that the others replace one at a time."""

    bias = True

    def __init__(self, in_channels, reduction_ratio=16):
        super().__init__()
        hidden = self.width(in_channels, reduction_ratio)
        self.down = nn.Linear(in_channels, hidden, bias=self.bias)
        self.up = nn.Linear(hidden, in_channels, bias=self.bias)

    def width(self, channels, ratio):
        return max(1, channels // ratio)

    def pool(self, x):
        return x.mean((2, 3))

    def mlp(self, z):
        return self.up(F.relu(self.down(z)))

    def gate(self, x):
        return torch.sigmoid(self.mlp(self.pool(x)))

    def forward(self, x):
        return x * self.gate(x)[:, :, None, None]


class NoBias(Linear):
    bias = False


class Convolution(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        hidden = c // r or 1
        self.squeeze = nn.AdaptiveAvgPool2d(1)
        self.excite = nn.Sequential(
            nn.Conv2d(c, hidden, 1), nn.ReLU(inplace=True), nn.Conv2d(hidden, c, 1), nn.Sigmoid()
        )

    def forward(self, features):
        return self.excite(self.squeeze(features)) * features


class OwnParameters(nn.Module):
    def __init__(self, channels, ratio=4):
        super().__init__()
        h = max(channels // ratio, 1)
        self.w2 = nn.Parameter(torch.zeros(channels, h))
        self.w1 = nn.Parameter(torch.zeros(h, channels))

    def forward(self, x):
        n, c, _, _ = x.shape
        z = x.view(n, c, -1).sum(-1) / (x.shape[2] * x.shape[3])
        logit = torch.einsum("ch,nh->nc", self.w2, torch.einsum("hc,nc->nh", self.w1, z).clamp(min=0))
        return torch.einsum("nchw,nc->nchw", x, 1 / (1 + torch.exp(-logit)))


class Sequential(nn.Sequential):
    def __init__(self, c, r):
        h = max(1, c // r)
        super().__init__(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, h), nn.ReLU(), nn.Linear(h, c), nn.Sigmoid()
        )

    def forward(self, x):
        return x * super().forward(x).unflatten(1, (-1, 1, 1))


class Lazy(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        self.first, self.second = nn.LazyLinear(max(1, c // r)), nn.LazyLinear(c)

    def forward(self, x):
        gate = F.logsigmoid(self.second(self.first(x.mean([-1, -2])).relu_())).exp()
        return x.mul(gate[..., None, None])


class Float32Inside(Linear):
    def pool(self, x):
        return super().pool(x) + torch.zeros(x.shape[1], dtype=torch.float32)

    def forward(self, x):
        return (x.float() * self.gate(x.float())[:, :, None, None]).float()


class Inherited(SqueezeExcitation):
    pass


RIGHT["squeeze-excitation"] = [
    Linear,
    NoBias,
    Convolution,
    OwnParameters,
    Sequential,
    Lazy,
    Float32Inside,
    Inherited,
]


def change(**steps):
    """The base with some steps replaced."""
    return type("Answer", (Linear,), steps)


class WrongAxis(Linear):
    def forward(self, x):
        return x * self.gate(x)[:, None, None]


class Returned(Linear):
    def forward(self, x):
        return self.gate(x)[:, :, None, None]


class Fixed(Linear):
    def pool(self, x):
        return F.avg_pool2d(x, 8).flatten(1)


class Unused(Linear):
    def __init__(self, c, r):
        super().__init__(c, r)
        self.extra = nn.Linear(c, c)


class FreshLayers(Linear):
    def gate(self, x):
        return torch.sigmoid(nn.Linear(x.shape[1], x.shape[1])(self.pool(x)))


class SingleLayer(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        self.layer = nn.Linear(c, c)

    def forward(self, x):
        return x * torch.sigmoid(self.layer(x.mean((2, 3))))[:, :, None, None]


class Plain:
    def __init__(self, c, r):
        self.layer = nn.Linear(c, c)

    def forward(self, x):
        return x


class InList(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        h = max(1, c // r)
        self.layers = [nn.Linear(c, h), nn.Linear(h, c)]

    def forward(self, x):
        gate = torch.sigmoid(self.layers[1](torch.relu(self.layers[0](x.mean((2, 3))))))
        return x * gate[:, :, None, None]


def forward(function):
    return change(forward=function)


def g(self, x):
    return self.gate(x)[:, :, None, None]


WRONG["squeeze-excitation"] = {
    "not-a-module": [Plain],
    "missing-return": [forward(lambda self, x: None)],
    "not-a-tensor": [forward(lambda self, x: (x * g(self, x), g(self, x)))],
    "not-a-number": [change(mlp=lambda self, z: torch.log(Linear.mlp(self, z) - 1e3))],
    "mask-returned": [
        Returned,
        forward(lambda self, x: self.gate(x)),
        forward(lambda self, x: g(self, x).expand_as(x)),
    ],
    "gate-added": [forward(lambda self, x: x + g(self, x))],
    "in-place-change": [forward(lambda self, x: x.mul_(g(self, x)))],
    "random": [
        FreshLayers,
        change(mlp=lambda self, z: F.dropout(Linear.mlp(self, z), 0.5, training=True)),
    ],
    "batch-mixed": [
        change(pool=lambda self, x: x.mean((0, 2, 3))[None].expand(len(x), -1)),
        change(pool=lambda self, x: x.mean((2, 3)) - x.mean((0, 2, 3))),
        change(gate=lambda self, x: torch.softmax(self.mlp(self.pool(x)), 0)),
    ],
    "wrong-axis": [
        WrongAxis,
        forward(lambda self, x: x * self.gate(x)[:, None, :, None]),
        forward(lambda self, x: x * self.gate(x)),
    ],
    "fixed-size": [Fixed],
    "softmax": [change(gate=lambda self, x: torch.softmax(self.mlp(self.pool(x)), 1))],
    "extra-residual": [forward(lambda self, x: x + x * g(self, x))],
    "tanh-gate": [change(gate=lambda self, x: torch.tanh(self.mlp(self.pool(x))))],
    "no-sigmoid": [
        change(gate=lambda self, x: self.mlp(self.pool(x))),
        change(gate=lambda self, x: F.relu(self.mlp(self.pool(x)))),
    ],
    "sigmoid-twice": [change(mlp=lambda self, z: torch.sigmoid(Linear.mlp(self, z)))],
    "activation-last": [
        change(mlp=lambda self, z: F.relu(Linear.mlp(self, z))),
        change(mlp=lambda self, z: F.relu(self.up(self.down(z)))),
    ],
    "maximum-only": [change(pool=lambda self, x: x.amax((2, 3)))],
    "maximum-too": [change(pool=lambda self, x: x.mean((2, 3)) + x.amax((2, 3)))],
    "minimum": [change(pool=lambda self, x: x.amin((2, 3)))],
    "other-pool": [
        change(pool=lambda self, x: x.std((2, 3))),
        change(pool=lambda self, x: x.norm(dim=(2, 3))),
        change(pool=lambda self, x: x[:, :, 0, 0]),
        change(pool=lambda self, x: x[:, :, :2].mean((2, 3))),
    ],
    "sum-not-mean": [change(pool=lambda self, x: x.sum((2, 3)))],
    "no-mlp": [change(mlp=lambda self, z: z + 0 * self.up(self.down(z)))],
    "no-activation": [change(mlp=lambda self, z: self.up(self.down(z)))],
    "single-layer": [SingleLayer],
    "activation-first": [change(mlp=lambda self, z: self.up(self.down(F.relu(z))))],
    "other-activation": [
        change(mlp=lambda self, z, f=f: self.up(f(self.down(z))))
        for f in (F.gelu, F.silu, F.leaky_relu, torch.tanh, torch.sigmoid, F.elu, torch.abs, F.softplus)
    ]
    + [change(gate=lambda self, x: F.hardsigmoid(self.mlp(self.pool(x))))],
    "ratio-ignored": [change(width=lambda self, c, r: c // 16), change(width=lambda self, c, r: 5)],
    "hidden-width-zero": [change(width=lambda self, c, r: c // r), type("Conv0", (Convolution,), {})],
    "no-reduction": [change(width=lambda self, c, r: c)],
    "ratio-as-width": [change(width=lambda self, c, r: r)],
    "rounded-up": [change(width=lambda self, c, r: -(-c // r))],
    "rounded-half-up": [change(width=lambda self, c, r: max(1, int(c / r + 0.5)))],
    "minimum-width": [change(width=lambda self, c, r: max(8, c // r))],
    "wrong-width": [
        change(width=lambda self, c, r: max(1, c // r // 2)),
        change(width=lambda self, c, r: c - r),
    ],
    "detached-gate": [
        forward(lambda self, x: x * g(self, x).detach()),
        forward(lambda self, x: x * g(self, x.detach())),
        forward(torch.no_grad()(lambda self, x: x * g(self, x))),
    ],
    "unused-parameters": [Unused],
    "unregistered": [InList],
}


class ConvolutionWithoutLeast(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        self.excite = nn.Sequential(nn.Conv2d(c, c // r, 1), nn.ReLU(), nn.Conv2d(c // r, c, 1), nn.Sigmoid())

    def forward(self, x):
        return self.excite(x.mean((2, 3), keepdim=True)) * x


WRONG["squeeze-excitation"]["hidden-width-zero"][1] = ConvolutionWithoutLeast


# se-scale-bug


def looped(x, logit):
    y = torch.empty_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            y[n, c] = x[n, c] / (1 + torch.exp(-logit[n, c]))
    return y


RIGHT["se-scale-bug"] = [
    lambda x, logit: x * torch.sigmoid(logit)[:, :, None, None],
    lambda x, logit: x * logit.sigmoid().view(x.size(0), -1, 1, 1),
    lambda x, logit: torch.einsum("nchw,nc->nchw", x, logit.sigmoid()),
    looped,
]

WRONG["se-scale-bug"] = {
    "last-axis": [
        lambda x, logit: x * torch.softmax(logit, 1)[:, None, None],
        lambda x, logit: x * torch.sigmoid(logit)[:, None, None],
    ],
    "rows": [lambda x, logit: x * torch.sigmoid(logit)[:, None, :, None]],
    "softmax": [lambda x, logit: x * torch.softmax(logit, 1)[:, :, None, None]],
    "no-sigmoid": [lambda x, logit: x * logit[:, :, None, None]],
    "batch-axis": [
        lambda x, logit: x * torch.sigmoid(logit)[0][None, :, None, None],
        lambda x, logit: x * torch.sigmoid(logit.mean(0))[None, :, None, None],
    ],
    "mask-returned": [lambda x, logit: torch.sigmoid(logit)[:, :, None, None]],
}
