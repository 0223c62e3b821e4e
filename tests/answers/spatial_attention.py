"""Answers to the task spatial-attention: right ones written differently, wrong ones under their mistakes."""

import torch
from torch import nn
from torch.nn import functional as F

from cbam_course.attention import SpatialAttention


class Plain(nn.Module):
    """The base of most answers: steps that the others replace one at a time."""

    def __init__(self, kernel_size=7):
        super().__init__()
        self.conv = self.convolution(kernel_size)

    def convolution(self, k):
        return nn.Conv2d(2, 1, k, padding=k // 2)

    def pools(self, x):
        return torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)

    def logit(self, x):
        return self.conv(self.pools(x))

    def gate(self, x):
        return torch.sigmoid(self.logit(x))

    def forward(self, x):
        return x * self.gate(x)


class Same(Plain):
    def convolution(self, k):
        return nn.Conv2d(2, 1, k, padding="same", bias=False)


class Normed(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, k, padding=(k - 1) // 2, bias=False)
        self.bn = nn.BatchNorm2d(1)

    def forward(self, x):
        maximum, _ = torch.max(x, dim=1)
        return F.sigmoid(self.bn(self.conv(torch.stack([maximum, x.mean(1)], 1)))).expand_as(x) * x


class Functional(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(1, 2, size, size) / size)

    def forward(self, x):
        maps = torch.stack((torch.einsum("nchw->nhw", x) / x.shape[1], x.max(1)[0]), 1)
        logit = F.conv2d(maps, self.kernel, padding=self.kernel.shape[-1] // 2)
        return torch.einsum("nchw,nhw->nchw", x, 1 / (1 + (-logit[:, 0]).exp()))


class Unfolded(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.k, self.weigh = k, nn.Linear(2 * k * k, 1)

    def forward(self, x):
        maps = torch.cat([x.amax(1, True), x.mean(1, True)], 1)
        patches = F.unfold(maps, self.k, padding=self.k // 2).transpose(1, 2)
        return x * self.weigh(patches).sigmoid().view(len(x), 1, *x.shape[2:])


class PlaneByPlane(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.a, self.b = (nn.Conv2d(1, 1, k, padding=k // 2, bias=False) for _ in range(2))

    def forward(self, x):
        return x * torch.sigmoid(self.a(x.mean(1, True)) + self.b(x.amax(1, True)))


class Lazy(nn.Sequential):
    def __init__(self, k):
        super().__init__(nn.ZeroPad2d(k // 2), nn.LazyConv2d(1, k), nn.Sigmoid())

    def forward(self, x):
        return super().forward(torch.cat([x.mean(1, True), x.amax(1, True)], 1)).mul(x)


class Reflected(Plain):
    def convolution(self, k):
        return nn.Conv2d(2, 1, k, padding=k // 2, padding_mode="reflect")


class Inherited(SpatialAttention):
    pass


RIGHT = [Plain, Same, Normed, Functional, Unfolded, PlaneByPlane, Lazy, Reflected, Inherited]


def change(**steps):
    """The base with some steps replaced."""
    return type("Answer", (Plain,), steps)


def convolution(function):
    return change(convolution=lambda self, k: function(k))


def pools(first, second):
    return change(pools=lambda self, x: torch.cat([first(x), second(x)], 1))


def mean(x):
    return x.mean(1, keepdim=True)


def peak(x):
    return x.amax(1, keepdim=True)


def low(x):
    return x.amin(1, keepdim=True)


class Added(Plain):
    def convolution(self, k):
        return nn.Conv2d(1, 1, k, padding=k // 2)

    def pools(self, x):
        return mean(x) + peak(x)


class Stretched(Plain):
    def convolution(self, k):
        return nn.Conv2d(2, 1, k)

    def logit(self, x):
        return F.interpolate(self.conv(F.pad(self.pools(x), (1, 1, 1, 1))), x.shape[2:], mode="bilinear")


class TwoConvolutions(Plain):
    def convolution(self, k):
        return nn.Sequential(nn.Conv2d(2, 4, k, padding=k // 2), nn.ReLU(), nn.Conv2d(4, 1, 1))


class OverSpace(Plain):
    def pools(self, x):
        return torch.cat([x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)], 1)


WRONG = {
    "mask-returned": [
        change(forward=lambda self, x: self.gate(x)),
        change(forward=lambda self, x: self.gate(x).expand_as(x)),
    ],
    "nothing-returned": [change(forward=lambda self, x: None)],
    "in-place": [change(forward=lambda self, x: x.mul_(self.gate(x)))],
    "gate-added": [change(forward=lambda self, x: x + self.gate(x))],
    "extra-residual": [change(forward=lambda self, x: x + x * self.gate(x))],
    "no-sigmoid": [change(gate=lambda self, x: self.logit(x))],
    "tanh-gate": [change(gate=lambda self, x: self.logit(x).tanh())],
    "softmax": [change(gate=lambda self, x: self.logit(x).flatten(2).softmax(-1).view_as(x[:, :1]))],
    "sigmoid-twice": [change(gate=lambda self, x: self.logit(x).sigmoid().sigmoid())],
    "activation-last": [change(gate=lambda self, x: self.logit(x).relu().sigmoid())],
    "average-only": [pools(mean, mean)],
    "maximum-only": [pools(peak, peak)],
    "minimum": [pools(mean, low)],
    "other-pool": [
        pools(lambda x: x.std(1, keepdim=True), peak),
        pools(lambda x: x[:, :1], lambda x: x[:, 1:2]),
    ],
    "sum-not-mean": [pools(lambda x: x.sum(1, keepdim=True), peak)],
    "pools-added": [Added],
    "pooled-over-space": [OverSpace],
    "padding-missing": [convolution(lambda k: nn.Conv2d(2, 1, k))],
    "stretched-back": [Stretched],
    "wraps-around": [convolution(lambda k: nn.Conv2d(2, 1, k, padding=k // 2, padding_mode="circular"))],
    "not-linear": [TwoConvolutions],
    "kernel-ignored": [
        convolution(lambda k: nn.Conv2d(2, 1, 7, padding=3)),
        convolution(lambda k: nn.Conv2d(2, 1, 3, padding=1)),
    ],
    "dilated": [convolution(lambda k: nn.Conv2d(2, 1, k, padding=2 * (k // 2), dilation=2))],
    "off-centre": [
        convolution(lambda k: nn.Sequential(nn.ZeroPad2d((k - 1, 0, k // 2, k // 2)), nn.Conv2d(2, 1, k)))
    ],
    "reaches-too-far": [
        convolution(lambda k: nn.Conv2d(2, 1, k + 2, padding=k // 2 + 1)),
        convolution(
            lambda k: nn.Sequential(
                nn.Conv2d(2, 1, k, padding=k // 2, bias=False), nn.Conv2d(1, 1, k, padding=k // 2)
            )
        ),
    ],
    "wrong-kernel": [convolution(lambda k: nn.Conv2d(2, 1, (k, 1), padding=(k // 2, 0)))],
    "batch-mixed": [change(pools=lambda self, x: Plain.pools(self, x).mean(0, keepdim=True))],
    "random": [change(logit=lambda self, x: nn.Conv2d(2, 1, 7, padding=3)(self.pools(x)))],
    "detached-gate": [change(forward=lambda self, x: x * self.gate(x.detach()))],
    "constant-gate": [change(logit=lambda self, x: 0 * Plain.logit(self, x))],
}
