"""Answers to the tasks of lesson 02: right ones written differently, wrong ones under their mistakes."""

from functools import cache
from pathlib import Path

import numpy
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from cbam_course.attention import ChannelAttention, SqueezeExcitation
from cbam_course.data.scenes import make_scenes
from cbam_course.training.fit import fit
from cbam_course.training.metrics import mean_iou

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


def stacked(x):
    return torch.stack([torch.stack([channel.mean() for channel in image]) for image in x])


def one_after_the_other(x):
    return x.mean(3).mean(2)


RIGHT["squeeze"] = [
    lambda x: x.mean(dim=(2, 3)),
    reshaped,
    pooled,
    summed_and_divided,
    einsum,
    stacked,
    one_after_the_other,
    lambda x: F.avg_pool2d(x, x.shape[2:])[..., 0, 0],
    lambda x: torch.linalg.vecdot(x.flatten(2), torch.ones(x[0, 0].numel())) / x[0, 0].numel(),
]

WRONG["squeeze"] = {
    "one-number-for-an-image": [lambda x: x.mean((1, 2, 3)), lambda x: x.flatten(1).mean(1)],
    "axes-one-too-low": [lambda x: x.mean((1, 2))],
    "one-long-row": [lambda x: torch.stack([channel.mean() for image in x for channel in image])],
    "transposed": [lambda x: x.mean((2, 3)).T],
    "median": [lambda x: x.flatten(2).median(2).values],
    "positive-values-only": [lambda x: x.clamp(min=0).mean((2, 3))],
    "pooled-over-channels": [lambda x: x.mean(1), lambda x: x.mean(dim=1, keepdim=True)],
    "pooled-over-batch": [lambda x: x.mean((0, 2, 3)), lambda x: x.mean(), lambda x: x.mean(0)],
    "one-axis-only": [lambda x: x.mean(2), lambda x: x.mean(-1)],
    "kept-dimensions": [lambda x: x.mean((2, 3), keepdim=True), lambda x: F.adaptive_avg_pool2d(x, 1)],
    "maximum": [lambda x: x.amax((2, 3)), lambda x: x.flatten(2).max(-1).values],
    "sum-not-mean": [lambda x: x.sum((2, 3)), lambda x: torch.einsum("nchw->nc", x)],
    "fixed-size": [
        lambda x: x.sum((2, 3)) / 20,
        lambda x: F.avg_pool2d(x, (4, 5)).flatten(1),
        lambda x: F.avg_pool2d(x, 4).flatten(1),
    ],
    "squeezed-batch": [lambda x: x.mean((2, 3)).squeeze(0)],
    "in-place-change": [lambda x: x.div_(x.shape[2] * x.shape[3]).sum((2, 3))],
    "missing-return": [lambda x: None],
    None: [
        lambda x: x.amin((2, 3)),
        lambda x: x.abs().mean((2, 3)),
        lambda x: (x.amax((2, 3)) + x.amin((2, 3))) / 2,
        lambda x: x.std((2, 3)),
        lambda x: x.mean((2, 3)).round(decimals=1),
    ],
}


# excite-by-hand

RIGHT["excite-by-hand"] = [
    (0.88, 0.27),
    [0.8808, 0.2689],
    torch.sigmoid(torch.tensor([2.0, -1.0])),
    torch.tensor([[0.88], [0.27]]),
    numpy.array([0.881, 0.269]),
]

WRONG["excite-by-hand"] = {
    "hidden": [(1, 0)],
    "logit": [(2, -1)],
    "no-relu": [(0.5, 0.05), (0.5, 0.0474)],
    "softmax": [(0.95, 0.05)],
    "scaled": [(2.64, 0.27)],
    "second-logit-positive": [(0.88, 0.73)],
    "sigmoid-between": [(0.83, 0.35)],
    "averages-exchanged": [(0.88, 0.88)],
    "transposed": [(0.98, 0.88)],
    "relu-last": [(0.88, 0.5)],
    "swapped-channels": [(0.27, 0.88)],
    None: [0.88, (0.12, 0.73), (0.5, 0.5), (0.88, 0.27, 0), "0.88, 0.27", (0.9, 0.3), (3, 1)],
}


# se-parameters

RIGHT["se-parameters"] = [8192, 8192.0, torch.tensor(8192), 2 * 256 * 16, numpy.array(8192)]

WRONG["se-parameters"] = {
    "one-layer": [4096],
    "with-bias": [8464],
    "no-reduction": [131072, 65536],
    "convolution": [589824],
    "every-position": [8192 * 28 * 28],
    "hidden-units": [16],
    None: [8192.5, 512, 272, "8192", 0, -8192],
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


class AtEachPosition(nn.Module):
    def __init__(self, c, r):
        super().__init__()
        hidden = max(1, c // r)
        self.layers = nn.Sequential(nn.Conv2d(c, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, c, 1), nn.Sigmoid())

    def forward(self, x):
        return x * self.layers(x)


class PooledLast(AtEachPosition):
    def forward(self, x):
        return x * self.layers(x).mean((2, 3), keepdim=True)


class ThreeLayers(Linear):
    def __init__(self, c, r):
        super().__init__(c, r)
        hidden = max(1, c // r)
        self.middle = nn.Linear(hidden, hidden)

    def mlp(self, z):
        return self.up(self.middle(self.down(z).relu()).relu())


WRONG["squeeze-excitation"] = {
    "not-squeezed": [AtEachPosition],
    "pooled-last": [PooledLast],
    "third-layer": [ThreeLayers],
    "one-factor-for-an-image": [
        forward(lambda self, x: x * self.gate(x).mean(1)[:, None, None, None]),
        change(mlp=lambda self, z: Linear.mlp(self, z).mean(1, keepdim=True).expand_as(z)),
    ],
    "pooled-with-channels": [change(pool=lambda self, x: x.mean((1, 2, 3))[:, None].expand(x.shape[:2]))],
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
    "clipped-activation": [
        change(mlp=lambda self, z, f=f: self.up(f(self.down(z))))
        for f in (F.relu6, lambda h: h.clamp(0, 20), lambda h: h.relu().clamp(max=2))
    ],
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
    lambda x, logit: (x.permute(2, 3, 0, 1) * logit.sigmoid()).permute(2, 3, 0, 1),
    lambda x, logit: x * (logit[..., None, None].div(2).tanh() + 1) / 2,
]

WRONG["se-scale-bug"] = {
    "last-axis": [
        lambda x, logit: x * torch.softmax(logit, 1)[:, None, None],
        lambda x, logit: x * torch.sigmoid(logit)[:, None, None],
    ],
    "rows": [lambda x, logit: x * torch.sigmoid(logit)[:, None, :, None]],
    "softmax": [lambda x, logit: x * torch.softmax(logit, 1)[:, :, None, None]],
    "no-sigmoid": [lambda x, logit: x * logit[:, :, None, None]],
    "tanh": [lambda x, logit: x * torch.tanh(logit)[:, :, None, None]],
    "sigmoid-again": [lambda x, logit: x * logit.sigmoid().sigmoid()[:, :, None, None]],
    "input-added": [lambda x, logit: x + x * logit.sigmoid()[:, :, None, None]],
    "batch-axis": [
        lambda x, logit: x * torch.sigmoid(logit)[0][None, :, None, None],
        lambda x, logit: x * torch.sigmoid(logit.mean(0))[None, :, None, None],
    ],
    "mask-returned": [
        lambda x, logit: torch.sigmoid(logit)[:, :, None, None],
        lambda x, logit: torch.sigmoid(logit),
    ],
    "in-place-change": [lambda x, logit: x.mul_(torch.sigmoid(logit)[:, :, None, None])],
    None: [lambda x, logit: x + logit[:, :, None, None]],
    "images-compete": [lambda x, logit: x * torch.softmax(logit, 0)[:, :, None, None]],
    "complement": [lambda x, logit: x * torch.sigmoid(-logit)[:, :, None, None]],
    "relu-gate": [lambda x, logit: x * logit.relu()[:, :, None, None]],
    "hard-sigmoid": [lambda x, logit: x * F.hardsigmoid(logit)[:, :, None, None]],
    "one-factor-for-an-image": [lambda x, logit: x * logit.sigmoid().mean(1)[:, None, None, None]],
}


# fool-se


def deviations(x):
    mean = x.mean((2, 3), keepdim=True)
    return mean + 2 * (x - mean)


def flattened(x):
    return x.mean((2, 3), keepdim=True).expand_as(x).clone()


def mirrored(x):
    return 2 * x.mean((2, 3), keepdim=True) - x - 3 * (x - x.mean((2, 3), keepdim=True))


def one_up_one_down(x):
    flat = x.flatten(2).clone()
    order = flat.argsort(2)
    flat.scatter_add_(2, order[..., -1:], torch.ones_like(flat[..., :1]))
    flat.scatter_add_(2, order[..., :1], -torch.ones_like(flat[..., :1]))
    return flat.view_as(x)


def all_at_one_position(x):
    y = torch.zeros_like(x)
    y[:, :, 0, 0] = x.sum((2, 3)) + 0
    return torch.where(((y.amax((2, 3)) - x.amax((2, 3))).abs() > 0.2)[..., None, None], y, deviations(x))


def looped_over_channels(x):
    return torch.stack([torch.stack([3 * (c - c.mean()) + c.mean() for c in image]) for image in x])


def the_first_two_pixels(x):
    y, enough = x.clone(), 1 + x.amax((2, 3)) - x.amin((2, 3))
    y[:, :, 0, 0] += enough
    y[:, :, 0, 1] -= enough
    return y


RIGHT["fool-se"] = [
    deviations,
    the_first_two_pixels,
    flattened,
    mirrored,
    one_up_one_down,
    all_at_one_position,
    looped_over_channels,
    lambda x: x + 0.5 * (x - F.adaptive_avg_pool2d(x, 1)),
]


def shuffled(x):
    return x.flatten(2).flip(2).view_as(x)


def first_channel_only(x):
    y = x.clone()
    y[:, 0] = deviations(x)[:, 0]
    return y


def first_image_only(x):
    return torch.cat([deviations(x)[:1], x[1:]])


def one_pixel(x):
    y = x.clone()
    y[:, :, 0, 0] += 5
    return y


def two_pixels(x):
    y = x.clone()
    y[..., 0, 0] += 1
    y[..., -1, -1] -= 1
    return y


WRONG["fool-se"] = {
    "too-little": [
        lambda x: x.mean((2, 3), keepdim=True) + 1.1 * (x - x.mean((2, 3), keepdim=True)),
        lambda x: x.mean((2, 3), keepdim=True) + 1.01 * (x - x.mean((2, 3), keepdim=True)),
    ],
    "mirrored": [lambda x: 2 * x.mean((2, 3), keepdim=True) - x],
    "unchanged": [lambda x: x, lambda x: x.clone()],
    "some-left": [first_channel_only],
    "shuffled": [shuffled, lambda x: x.flip((2, 3))],
    "shifted": [lambda x: x + 1, lambda x: x - x.mean((2, 3), keepdim=True)],
    "scaled": [lambda x: 2 * x, lambda x: -x],
    "one-value": [one_pixel],
    "average-of-all": [
        lambda x: x.mean() + 2 * (x - x.mean()),
        lambda x: x.mean((1, 2, 3), keepdim=True).expand_as(x).clone(),
    ],
    "channels-swapped": [lambda x: x.flip(1)],
    "in-place-change": [lambda x: x.add_(x - x.mean((2, 3), keepdim=True))],
    "missing-return": [lambda x: None],
    None: [
        lambda x: x > x.mean((2, 3), keepdim=True),
        lambda x: 2 * x - x.mean(3, keepdim=True),
        lambda x: 2 * x - x.mean(2, keepdim=True),
        lambda x: torch.randn_like(x),
        lambda x: x.relu(),
        lambda x: x.abs(),
        lambda x: x.mean((2, 3), keepdim=True),
        lambda x: x**2,
        lambda x: x.transpose(2, 3).contiguous(),
    ],
}
WRONG["fool-se"]["some-left"].append(first_image_only)
WRONG["fool-se"][None].append(two_pixels)


# se-in-a-network

# The weights of a network trained as the exercise trains it, kept so that no test has to; its score is 0.54.
# ``python tests/answers/lesson_02.py`` makes the file again.
_TRAINED = Path(__file__).with_suffix(".safetensors")
_PLACES = ((11, 48), (8, 32), (4, 16))


def made():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 48, 3, padding=1), nn.BatchNorm2d(48), nn.ReLU(),
        nn.Conv2d(48, 1, 1), nn.Upsample(scale_factor=4, mode="bilinear"), nn.Flatten(1, 2),
    )  # fmt: skip


def with_gates(gate=SqueezeExcitation, places=_PLACES):
    network = made()
    for place, width in places:
        network.insert(place, gate(width, 4))
    return network


def trained():
    network = with_gates()
    network.load_state_dict({key: value.float() for key, value in load_file(_TRAINED).items()})
    return network


class Wrapped(nn.Module):
    """The same layers, called one by one in a class of the learner's own."""

    def __init__(self, network):
        super().__init__()
        self.layers = nn.ModuleList(network)

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class Boxed(nn.Module):
    """The same network in three blocks and the rest."""

    def __init__(self, network):
        super().__init__()
        layers = list(network)
        self.blocks = nn.Sequential(
            nn.Sequential(*layers[:5]), nn.Sequential(*layers[5:10]), nn.Sequential(*layers[10:14])
        )
        self.last = nn.Sequential(*layers[14:])

    def forward(self, x):
        return self.last(self.blocks(x))


class OfTorchvision(nn.Module):
    """An SE block made of 1×1 convolutions, with the weights of the lesson's."""

    def __init__(self, block):
        super().__init__()
        first, _, second = block.mlp
        self.scale = torchvision.ops.SqueezeExcitation(first.in_features, first.out_features)
        with torch.no_grad():
            for layer, source in ((self.scale.fc1, first), (self.scale.fc2, second)):
                layer.weight.copy_(source.weight[:, :, None, None])
                layer.bias.zero_()

    def forward(self, x):
        return self.scale(x)


def of_torchvision():
    layers = [OfTorchvision(layer) if isinstance(layer, SqueezeExcitation) else layer for layer in trained()]
    return nn.Sequential(*layers)


@cache
def _scenes():
    scenes = make_scenes(300, task="what", seed=13)
    return scenes.inputs(), scenes.masks


def score(network):
    images, masks = _scenes()
    with torch.no_grad():
        return float(mean_iou(network.eval()(images), masks).mean())


class ConstantFactors(nn.Module):
    def __init__(self, channels, ratio):
        super().__init__()
        self.logit = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x):
        return x * torch.sigmoid(self.logit)


class Positions(nn.Module):
    def __init__(self, channels, ratio):
        super().__init__()

    def forward(self, x):
        return x * torch.sigmoid(x.mean(1, keepdim=True))


class NeverCalled(Wrapped):
    """The blocks are made and not used."""

    def __init__(self, network):
        super().__init__(network)
        self.gates = nn.ModuleList(SqueezeExcitation(width, 4) for _, width in _PLACES)


_plain, _with_se = made(), trained()
_p, _s = score(_plain), score(_with_se)
_fresh = with_gates()
_inside = with_gates(places=((9, 48), (5, 32), (1, 16)))
_sixteen = with_gates(lambda width, _: SqueezeExcitation(width, 16))
_two, _cbam = with_gates(places=_PLACES[1:]), with_gates(ChannelAttention)

RIGHT["se-in-a-network"] = [
    {"plain": (_plain, _p), "SE": (_with_se, _s)},
    {"SE": [Wrapped(_with_se), round(_s, 3)], "plain": [Wrapped(_plain), round(_p, 3)]},
    {"plain": (_plain, torch.tensor(_p)), "SE": (Boxed(_with_se), torch.tensor(_s))},
    {"plain": (_plain.train(), _p), "SE": (of_torchvision(), _s)},
]

WRONG["se-in-a-network"] = {
    "one-network": [{"plain": (_with_se, _s), "SE": (_with_se, _s)}],
    "exchanged": [{"plain": (_with_se, _s), "SE": (_plain, _p)}],
    "no-gate": [
        {"plain": (_plain, _p), "SE": (made(), _p)},
        {"plain": (_plain, _p), "SE": (made(), _s)},
        {"plain": (_plain, _p), "SE": (NeverCalled(made()), _p)},
    ],
    "blocks-left-out": [
        {"plain": (_plain, _p), "SE": (_two, score(_two))},
        {"plain": (_plain, _p), "SE": (with_gates(places=_PLACES[:1]), 0.5)},
    ],
    "other-attention": [{"plain": (_plain, _p), "SE": (_cbam, score(_cbam))}],
    "inside-the-block": [{"plain": (_plain, _p), "SE": (_inside, score(_inside))}],
    "other-ratio": [{"plain": (_plain, _p), "SE": (_sixteen, score(_sixteen))}],
    "not-trained": [
        {"plain": (_plain, _p), "SE": (_fresh, score(_fresh))},
        {"plain": (_plain, 0.21), "SE": (_with_se, _s)},
    ],
    "exchanged-scores": [{"plain": (_plain, _s), "SE": (_with_se, _p)}],
    "percent": [{"plain": (_plain, 100 * _p), "SE": (_with_se, 100 * _s)}],
    None: [
        {"plain": (_plain, _p), "SE": (_with_se, 0.9)},
        {"plain": (_plain, _p)},
        {"plain": _plain, "SE": _with_se},
        {"plain": (_p, _plain), "SE": (_s, _with_se)},
        {"plain": (_with_se, _s), "SE": (trained(), _s)},
        {"plain": (_plain, _p), "SE": (with_gates(ConstantFactors), 0.2)},
        {"plain": (_plain, _p), "SE": (with_gates(Positions), 0.2)},
        0.54,
    ],
}


def train_and_keep():
    """Train the network with SE as the exercise does, and keep its weights in half precision."""
    train, test = make_scenes(1000, task="what", seed=12), make_scenes(300, task="what", seed=13)
    network = with_gates()
    settings = {"epochs": 6, "batch_size": 16, "learning_rate": 0.03}
    print(fit(network, train.dense, test.dense, **settings).final)
    halves = {
        key: value.half().contiguous() if value.is_floating_point() else value
        for key, value in network.state_dict().items()
    }
    save_file(halves, _TRAINED)


if __name__ == "__main__":
    train_and_keep()
