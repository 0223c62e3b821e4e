"""Answers to the tasks of lesson 04: right ones written differently, wrong ones under their mistakes."""

import torch
from torch import nn
from torch.nn import functional as F

from cbam_course.attention import SpatialAttention

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# channel-pools


def stacked(x):
    return torch.stack((x.mean(1), x.max(1).values), dim=1)


def filled(x):
    y = x.new_empty(x.shape[0], 2, *x.shape[2:])
    y[:, 0], y[:, 1] = x.sum(1) / x.shape[1], torch.amax(x, 1)
    return y


def channel_pools_looped(x):
    maps = [torch.stack([sum(image) / len(image), image.max(dim=0)[0]]) for image in x]
    return torch.stack(maps)


RIGHT["channel-pools"] = [
    lambda x: torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1),
    stacked,
    filled,
    channel_pools_looped,
]

WRONG["channel-pools"] = {
    "pooled-over-space": [
        lambda x: torch.cat([x.mean((2, 3)), x.amax((2, 3))], dim=1),
        lambda x: torch.cat([x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)], dim=1),
        lambda x: torch.stack([x.mean((2, 3)), x.amax((2, 3))], dim=1),
    ],
    "swapped-order": [lambda x: torch.stack([x.amax(1), x.mean(1)], 1)],
    "one-map": [
        lambda x: x.mean(1, keepdim=True),
        lambda x: x.mean(1, keepdim=True) + x.amax(1, keepdim=True),
        lambda x: (x.mean(1), x.amax(1)),
    ],
    "twice-the-same": [
        lambda x: torch.stack([x.mean(1)] * 2, 1),
        lambda x: torch.stack([x.amax(1)] * 2, 1),
    ],
    "wrong-axis": [
        lambda x: torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=0),
        lambda x: torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=2),
        lambda x: torch.stack([x.mean(1), x.amax(1)]),
        lambda x: torch.cat([x.mean(1), x.amax(1)], dim=1),
    ],
    "extra-axis": [lambda x: torch.stack([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], dim=1)],
    "absolute": [lambda x: torch.stack([x.mean(1), x.abs().amax(1)], 1)],
    "batch-leak": [lambda x: torch.stack([x.mean((0, 1)), x.amax((0, 1))]).expand(len(x), -1, -1, -1)],
}


# same-padding

FORMULA = tuple(24 + 2 * padding - kernel + 1 for kernel, padding in ((7, 0), (5, 2), (4, 2)))

RIGHT["same-padding"] = [(18, 24, 25), [18, 24.0, 25], torch.tensor([18, 24, 25]), FORMULA]

WRONG["same-padding"] = {
    "forgot-the-one": [(17, 23, 24)],
    "one-sided-padding": [(18, 22, 23)],
    "always-the-same": [(24, 24, 24)],
    "even-like-odd": [(18, 24, 24), (18, 24, 23)],
    "padding-everywhere": [[24, 24, 25]],
}


# spatial-attention


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


RIGHT["spatial-attention"] = [
    Plain,
    Same,
    Normed,
    Functional,
    Unfolded,
    PlaneByPlane,
    Lazy,
    Reflected,
    Inherited,
]


def change(**steps):
    """The base with some steps replaced."""
    return type("Answer", (Plain,), steps)


def convolution(function):
    return change(convolution=lambda self, k: function(k))


def spatial_attention_pools(first, second):
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


WRONG["spatial-attention"] = {
    "mask-returned": [
        change(forward=lambda self, x: self.gate(x)),
        change(forward=lambda self, x: self.gate(x).expand_as(x)),
    ],
    "missing-return": [change(forward=lambda self, x: None)],
    "in-place-change": [change(forward=lambda self, x: x.mul_(self.gate(x)))],
    "gate-added": [change(forward=lambda self, x: x + self.gate(x))],
    "extra-residual": [change(forward=lambda self, x: x + x * self.gate(x))],
    "no-sigmoid": [change(gate=lambda self, x: self.logit(x))],
    "tanh-gate": [change(gate=lambda self, x: self.logit(x).tanh())],
    "softmax": [change(gate=lambda self, x: self.logit(x).flatten(2).softmax(-1).view_as(x[:, :1]))],
    "sigmoid-twice": [change(gate=lambda self, x: self.logit(x).sigmoid().sigmoid())],
    "activation-last": [change(gate=lambda self, x: self.logit(x).relu().sigmoid())],
    "average-only": [spatial_attention_pools(mean, mean)],
    "maximum-only": [spatial_attention_pools(peak, peak)],
    "minimum": [spatial_attention_pools(mean, low)],
    "other-pool": [
        spatial_attention_pools(lambda x: x.std(1, keepdim=True), peak),
        spatial_attention_pools(lambda x: x[:, :1], lambda x: x[:, 1:2]),
    ],
    "sum-not-mean": [spatial_attention_pools(lambda x: x.sum(1, keepdim=True), peak)],
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


# receptive-field

RIGHT["receptive-field"] = [(11, 20), [11.0, 20.0], torch.tensor([11, 20])]

WRONG["receptive-field"] = {
    "gate-only": [(7, 7), (7, 14)],
    "added-kernels": [(13, 13), (13, 15)],
    "multiplied": [(63, 63), (63, 126)],
    "pooling-ignored": [(11, 11)],
    "stride-ignored": [(11, 12)],
    "everything-doubled": [(11, 22)],
    "pooling-adds-nothing": [(11, 19)],
}


# spatial-bug


def spatial_bug_pools(x):
    return torch.cat([x.mean(dim=1, keepdim=True), x.amax(dim=1, keepdim=True)], dim=1)


def padded(x, weight, **how):
    return F.conv2d(F.pad(spatial_bug_pools(x), [weight.shape[-1] // 2] * 4, **how), weight).sigmoid()


def gate(x, weight):
    return padded(x, weight)


def as_module(x, weight):
    k = weight.shape[-1]
    conv = nn.Conv2d(2, 1, k, padding=(k - 1) // 2, bias=False)
    with torch.no_grad():
        conv.weight.copy_(weight)
        return x * torch.sigmoid(conv(spatial_bug_pools(x)))


def unfolded(x, weight):
    n, _, h, w = x.shape
    columns = F.unfold(spatial_bug_pools(x), weight.shape[-1], padding=weight.shape[-1] // 2)
    return x * (weight.flatten(1) @ columns).sigmoid().view(n, 1, h, w)


def stretched(x, weight, divided=False, **how):
    small = F.interpolate(torch.sigmoid(F.conv2d(spatial_bug_pools(x), weight)), size=x.shape[2:], **how)
    return x * (small / small.max() if divided else small)


RIGHT["spatial-bug"] = [
    lambda x, weight: (
        x * torch.sigmoid(F.conv2d(spatial_bug_pools(x), weight, padding=weight.shape[-1] // 2))
    ),
    lambda x, weight: x * F.conv2d(spatial_bug_pools(x), weight, padding="same").sigmoid(),
    as_module,
    unfolded,
]

WRONG["spatial-bug"] = {
    "still-stretched": [
        lambda x, weight: stretched(x, weight, divided=True, mode="bilinear"),
        lambda x, weight: stretched(x, weight, mode="bilinear"),
        lambda x, weight: stretched(x, weight),
        lambda x, weight: (
            x * F.interpolate(F.conv2d(spatial_bug_pools(x), weight), size=x.shape[2:]).sigmoid()
        ),
    ],
    "still-divided": [lambda x, weight: x * gate(x, weight) / gate(x, weight).max()],
    "divided-by-image": [lambda x, weight: x * gate(x, weight) / gate(x, weight).amax((2, 3), keepdim=True)],
    "no-sigmoid": [
        lambda x, weight: x * F.conv2d(spatial_bug_pools(x), weight, padding=weight.shape[-1] // 2)
    ],
    "mask-returned": [gate],
    "not-padded": [lambda x, weight: torch.sigmoid(F.conv2d(spatial_bug_pools(x), weight))],
    "fixed-padding": [lambda x, weight: x * F.conv2d(spatial_bug_pools(x), weight, padding=2).sigmoid()],
    "other-border": [
        lambda x, weight: x * padded(x, weight, mode="replicate"),
        lambda x, weight: x * padded(x, weight, mode="reflect"),
    ],
    "swapped-planes": [lambda x, weight: x * gate(x, weight.flip(1))],
    "flipped": [lambda x, weight: x * gate(x, weight.flip(2, 3))],
}


# read-the-border

RIGHT["read-the-border"] = [5, 5.0, torch.tensor(5)]

WRONG["read-the-border"] = {
    "frame-width": [2],
    "no-middle": [4],
    "constant-part": [6],
    "default-kernel": [7],
    "one-row-missed": [3],
}


# pointing-rate


def pointing_rate_looped(maps, masks):
    hits = 0
    for values, mask in zip(maps, masks, strict=True):
        row, column = divmod(int(values.argmax()), values.shape[1])
        hits += bool(mask[row, column])
    return hits / len(maps)


def by_maximum(maps, masks):
    inside = maps.masked_fill(~masks, -torch.inf).flatten(1).amax(1)
    return (inside == maps.flatten(1).amax(1)).double().mean().item()


def indexed(maps, masks):
    return masks.flatten(1)[torch.arange(len(maps)), maps.flatten(1).argmax(1)].float().mean()


def exchanged(maps, masks):
    best = maps.flatten(1).argmax(1)
    row, column = best // maps.shape[2], best % maps.shape[2]
    rows, columns = column.clamp(max=maps.shape[1] - 1), row.clamp(max=maps.shape[2] - 1)
    return masks[torch.arange(len(maps)), rows, columns].float().mean()


RIGHT["pointing-rate"] = [
    lambda maps, masks: (
        masks.flatten(1).gather(1, maps.flatten(1).argmax(1, keepdim=True)).float().mean().item()
    ),
    pointing_rate_looped,
    by_maximum,
    indexed,
]

WRONG["pointing-rate"] = {
    "one-for-all": [lambda maps, masks: masks.flatten()[maps.argmax()].float()],
    "average-inside": [lambda maps, masks: maps[masks].mean()],
    "counted": [lambda maps, masks: indexed(maps, masks) * len(maps)],
    "darkest": [lambda maps, masks: indexed(-maps, masks)],
    "share-of-brightness": [
        lambda maps, masks: (maps * masks).sum() / maps.sum(),
        lambda maps, masks: ((maps * masks).sum((1, 2)) / maps.sum((1, 2))).mean(),
    ],
    "rows-and-columns": [exchanged],
    "other-image": [lambda maps, masks: indexed(maps, masks.roll(1, 0))],
    "area": [lambda maps, masks: masks.float().mean()],
}
