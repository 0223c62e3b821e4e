"""Answers to the tasks of lesson 04: right ones written differently, wrong ones under their mistakes."""

from functools import cache

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from cbam_course import fit, make_scenes
from cbam_course.attention import SpatialAttention
from cbam_course.inspection.mystery import mystery_maps
from cbam_course.inspection.pointing import pointing_rate

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# three-pools


def three(
    x, weight, share=lambda x: (x > 0).to(x.dtype).mean(1, keepdim=True), padding=None, order=(0, 1, 2)
):
    planes = [x.mean(1, keepdim=True), x.amax(1, keepdim=True), share(x)]
    pad = weight.shape[-1] // 2 if padding is None else padding
    return torch.sigmoid(F.conv2d(torch.cat([planes[i] for i in order], 1), weight, padding=pad))


def three_by_count(x, weight):
    count = torch.stack([(channel > 0).float() for channel in x.unbind(1)]).sum(0)
    planes = torch.stack([x.sum(1) / x.shape[1], x.max(1).values, count / x.shape[1]], 1)
    return 1 / (1 + torch.exp(-F.conv2d(planes, weight, padding="same")))


def three_as_sum(x, weight):
    planes = (x.mean(1, True), x.amax(1, True), x.sign().relu().mean(1, True))
    logit = sum(F.conv2d(p, weight[:, i : i + 1], padding=weight.shape[2] // 2) for i, p in enumerate(planes))
    return logit.sigmoid()


def three_one_by_one(x, weight):
    return torch.cat([three(image[None], weight) for image in x])


RIGHT["three-pools"] = [three, three_by_count, three_as_sum, three_one_by_one]


def planes_gate(*planes):
    """The gate of three planes, each a function (N, C, H, W) -> (N, H, W)."""
    return lambda x, weight: F.conv2d(
        torch.stack([plane(x) for plane in planes], 1), weight, padding=weight.shape[-1] // 2
    ).sigmoid()


def share_of(x):
    return (x > 0).float().mean(1)


WRONG["three-pools"] = {
    "any-not-share": [
        planes_gate(lambda x: x.mean(1), lambda x: x.amax(1), lambda x: (x > 0).any(1).float())
    ],
    "pooled-over-positions": [
        planes_gate(
            lambda x: x.mean(1), lambda x: x.amax((1, 2, 3))[:, None, None].expand_as(x[:, 0]), share_of
        ),
        planes_gate(
            lambda x: x.mean((1, 2, 3))[:, None, None].expand_as(x[:, 0]), lambda x: x.amax(1), share_of
        ),
    ],
    "batch-leak": [
        lambda x, weight: F.conv2d(
            torch.stack([x.mean(1), x.amax(1), (x > 0).float().mean(1)], 1)
            .mean(0, keepdim=True)
            .expand(len(x), -1, -1, -1),
            weight,
            padding="same",
        ).sigmoid()
    ],
    "sum-not-mean": [
        lambda x, weight: three(x, weight, lambda x: (x > 0).float().sum(1, keepdim=True)),
        lambda x, weight: F.conv2d(
            torch.stack([x.sum(1), x.amax(1), (x > 0).float().mean(1)], 1), weight, padding="same"
        ).sigmoid(),
    ],
    "zeros-counted": [lambda x, weight: three(x, weight, lambda x: (x >= 0).float().mean(1, True))],
    "negatives-counted": [
        lambda x, weight: three(x, weight, lambda x: x.count_nonzero(1)[:, None] / x.shape[1])
    ],
    "rectified": [lambda x, weight: three(x, weight, lambda x: x.relu().mean(1, True))],
    "swapped-order": [
        lambda x, weight: three(x, weight, order=(1, 0, 2)),
        lambda x, weight: three(x, weight, order=(2, 0, 1)),
    ],
    "absolute": [
        lambda x, weight: F.conv2d(
            torch.stack([x.mean(1), x.abs().amax(1), (x > 0).float().mean(1)], 1), weight, padding="same"
        ).sigmoid()
    ],
    "no-sigmoid": [
        lambda x, weight: F.conv2d(
            torch.stack([x.mean(1), x.amax(1), (x > 0).float().mean(1)], 1), weight, padding="same"
        )
    ],
    "product-returned": [lambda x, weight: x * three(x, weight)],
    "not-padded": [lambda x, weight: three(x, weight, padding=0)],
    "fixed-padding": [
        lambda x, weight: three(x, weight, padding=1),
        lambda x, weight: three(x, weight, padding=3),
    ],
    "no-channel-axis": [lambda x, weight: three(x, weight).squeeze(1)],
    "flipped": [lambda x, weight: three(x, weight.flip(2, 3))],
    "missing-return": [lambda x, weight: None],
    None: [
        lambda x, weight: three(x, weight, lambda x: x.amin(1, True)),
        lambda x, weight: three(x, weight, lambda x: x.std(1, True)),
        lambda x, weight: three(x, weight).tanh(),
        lambda x, weight: three(x.mean((2, 3), keepdim=True), weight),
    ],
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


def over_all(pool):
    return lambda x: pool(x, (1, 2, 3)).expand(-1, 1, *x.shape[2:])


WRONG["spatial-attention"] = {
    "padding-fixed": [convolution(lambda k: nn.Conv2d(2, 1, k, padding=3))],
    "hard-sigmoid": [change(gate=lambda self, x: F.hardsigmoid(self.logit(x)))],
    "pooled-over-all": [
        spatial_attention_pools(
            over_all(lambda x, axes: x.mean(axes, keepdim=True)),
            over_all(lambda x, axes: x.amax(axes, keepdim=True)),
        ),
        spatial_attention_pools(mean, over_all(lambda x, axes: x.amax(axes, keepdim=True))),
    ],
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
    "blind-to-negative-averages": [change(pools=lambda self, x: Plain.pools(self, x).relu())],
    "kernel-ignored": [
        convolution(lambda k: nn.Conv2d(2, 1, 7, padding=3)),
        convolution(lambda k: nn.Conv2d(2, 1, 3, padding=1)),
        convolution(lambda k: nn.Conv2d(2, 1, 1, bias=False)),
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
    None: [
        convolution(lambda k: nn.Sequential(nn.Conv2d(2, 1, k, padding=k // 2), nn.InstanceNorm2d(1))),
        convolution(lambda k: nn.Sequential(nn.Conv2d(2, 1, k, padding=k // 2), nn.GroupNorm(1, 1))),
    ],
}


# receptive-field

RIGHT["receptive-field"] = [(17, 32), [17.0, 32.0], torch.tensor([17, 32]), numpy.array([17, 32])]

WRONG["receptive-field"] = {
    "gate-only": [(7, 7), (7, 14)],
    "gate-left-out": [(11, 20), (17, 20), (11, 32)],
    "gates-left-out": [(5, 8)],
    "exchanged": [(32, 17)],
    "one-side": [(8, 16)],
    "pooled-pixels": [(17, 16)],
    "added-kernels": [(20, 20), (20, 22), (20, 39)],
    "multiplied": [(441, 441), (441, 882)],
    "pooling-ignored": [(17, 17)],
    "stride-ignored": [(17, 18)],
    "everything-doubled": [(17, 34)],
    "pooling-adds-nothing": [(17, 31)],
    "first-gate-not-doubled": [(17, 26)],
    None: [(16, 31), (17, 30), (20, 32), (0, 0), (17, 64), (17.5, 32), 17, "17, 32"],
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
    "absolute-values": [
        lambda x, weight: x.abs() * padded(x, weight),
        lambda x, weight: x * padded(x.abs(), weight),
    ],
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
    "sum-not-mean": [
        lambda x, weight: (
            x
            * F.conv2d(
                torch.cat([x.sum(1, True), x.amax(1, True)], 1), weight, padding=weight.shape[-1] // 2
            ).sigmoid()
        )
    ],
    "product-added": [lambda x, weight: x + x * gate(x, weight)],
    "pools-divided": [
        lambda x, weight: (
            x
            * F.conv2d(
                spatial_bug_pools(x) / spatial_bug_pools(x).max(), weight, padding=weight.shape[-1] // 2
            ).sigmoid()
        )
    ],
    None: [
        lambda x, weight: gate(x, weight).expand_as(x) > 0.5,
        lambda x, weight: x * gate(x, weight).mean(0, keepdim=True),
        lambda x, weight: x * (gate(x, weight) - gate(x, weight).min()),
        lambda x, weight: x * F.conv2d(spatial_bug_pools(x), weight, padding="same").softmax(-1),
        lambda x, weight: x * gate(x, weight) ** 2,
        lambda x, weight: F.pad(F.conv2d(x[:, :2], weight), [weight.shape[-1] // 2] * 4),
    ],
}


# read-the-border

RIGHT["read-the-border"] = [5, 5.0, torch.tensor(5), numpy.int64(5)]

WRONG["read-the-border"] = {
    "frame-width": [2],
    "no-middle": [4],
    "constant-part": [6],
    "default-kernel": [7],
    "one-row-missed": [3],
    "area-not-side": [25],
    "map-not-kernel": [10],
    None: [1, 9, -5, 2.5],
}


# twin-map


def twin_averaged(x):
    top = x.amax(1, keepdim=True)
    return torch.where(x == top, x, (x.sum(1, keepdim=True) - top) / (x.shape[1] - 1))


def twin_sorted(x):
    y = x.sort(1, descending=True).values
    half = (y[:, 1] - y[:, 2]) / 3
    return torch.cat([y[:, :1], (y[:, 1] - half)[:, None], (y[:, 2] + half)[:, None], y[:, 3:]], 1)


def twin_looped(x):
    y = x.clone()
    for n, i, j in [(n, i, j) for n in range(len(x)) for i in range(x.shape[2]) for j in range(x.shape[3])]:
        lowest, second = x[n, :, i, j].argsort()[:2]
        step = (x[n, second, i, j] - x[n, lowest, i, j]) / 4
        y[n, lowest, i, j] += step
        y[n, second, i, j] -= step
    return y


def twin_halfway(x):
    """The second largest goes halfway to the largest, and the smallest pays for it."""
    y = x.sort(1, descending=True).values
    gap = (y[:, 0] - y[:, 1]) / 2
    y[:, 1] += gap
    y[:, -1] -= gap
    return y


RIGHT["twin-map"] = [twin_halfway, twin_averaged, twin_sorted, lambda x: twin_sorted(x).flip(1), twin_looped]

WRONG["twin-map"] = {
    "unchanged": [lambda x: x.clone(), lambda x: x],
    "reordered": [lambda x: x.flip(1), lambda x: x.roll(1, 1), lambda x: x.sort(1).values],
    "flattened": [lambda x: x.mean(1, keepdim=True).expand_as(x)],
    "shifted": [lambda x: x + 1, lambda x: x - x.mean(1, keepdim=True)],
    "negated": [lambda x: -x],
    "positions-exchanged": [lambda x: x.flatten(2).flip(2).view_as(x)],
    "missing-return": [lambda x: None],
    None: [
        lambda x: x == x.amax(1, keepdim=True),
        lambda x: x - (x > 0).amax(1, keepdim=True).mean(1, keepdim=True),  # torch refuses: no stub
        lambda x: 2 * x,
        lambda x: torch.rand_like(x),
        lambda x: x.abs(),
        lambda x: torch.cat([twin_averaged(x)[..., :1], x[..., 1:]], -1),
        lambda x: x[:, :2],
    ],
    "maximum-only": [
        lambda x: x.amax(1, keepdim=True).expand_as(x),
        lambda x: torch.where(x == x.amax(1, keepdim=True), x, x - 0.1),
    ],
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
    lambda maps, masks: (
        torch.stack([k[m == m.max()].any() for m, k in zip(maps, masks, strict=True)]).float().mean()
    ),
]


def divided_by_height(maps, masks):
    best = maps.flatten(1).argmax(1)
    return masks[torch.arange(len(maps)), best // maps.shape[1], best % maps.shape[1]].float().mean()


WRONG["pointing-rate"] = {
    "zero-on-top": [
        lambda maps, masks: ((maps * masks).amax((1, 2)) == maps.amax((1, 2))).float().mean(),
        lambda maps, masks: indexed(maps.clamp(min=0), masks),
    ],
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
    "absolute": [lambda maps, masks: indexed(maps.abs(), masks)],
    "argument-ignored": [lambda maps, masks: 0.6],
    "one-less": [lambda maps, masks: 1 - indexed(maps, masks)],
    "per-image": [lambda maps, masks: masks.flatten(1)[torch.arange(len(maps)), maps.flatten(1).argmax(1)]],
    None: [
        lambda maps, masks: indexed(maps.round(), masks),
        lambda maps, masks: indexed(maps.clamp(max=1), masks),
        lambda maps, masks: (maps[masks].mean() > maps[~masks].mean()).float(),
        lambda maps, masks: indexed(maps, masks) ** 2,
        lambda maps, masks: indexed(maps[:, :2], masks[:, :2]),
    ],
}


# mystery-gates

HABITS = ("centre", "border", "image")


@cache
def rates():
    maps, masks = mystery_maps()
    own = tuple(pointing_rate(m, masks) for m in maps.values())
    return own, tuple(pointing_rate(m.roll(1, 0), masks) for m in maps.values())


OWN, OTHER = rates()
GAINS = tuple(a - b for a, b in zip(OWN, OTHER, strict=True))

RIGHT["mystery-gates"] = [
    (HABITS, GAINS),
    (list(HABITS), [round(g, 2) for g in GAINS]),
    [("Center", "Border", "Image"), torch.tensor(GAINS)],
    (numpy.array(HABITS), numpy.array(GAINS)),
]

MOVED = tuple(
    pointing_rate(m, mystery_maps()[1]) - pointing_rate(m.roll(1), mystery_maps()[1])
    for m in mystery_maps()[0].values()
)

WRONG["mystery-gates"] = {
    "moved-not-exchanged": [(HABITS, MOVED)],
    "own-rates": [(HABITS, OWN)],
    "controls-only": [(HABITS, OTHER)],
    "wrong-sign": [(HABITS, tuple(-g for g in GAINS))],
    "highest-rate": [(("image", "border", "centre"), GAINS), (("image", "centre", "border"), GAINS)],
    None: [
        (("centre", "image", "border"), GAINS),
        (("border", "centre", "image"), GAINS),
        (HABITS, (0.0, 0.0, 0.0)),
        (("centre", "centre", "image"), GAINS),
        (HABITS, GAINS[:2]),
        HABITS,
        (HABITS, tuple(reversed(GAINS))),
    ],
}


# find-the-red


class Finder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.attention = SpatialAttention(7)

    def forward(self, x):
        gate = self.attention.gate(torch.relu(self.conv(x)))
        return torch.logit(gate, eps=1e-6)[:, 0]


@cache
def trained(images=600, epochs=5, learning_rate=0.03):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        finder = Finder()
    train, validation = make_scenes(images, seed=1), make_scenes(20, seed=2)
    options = {"epochs": epochs, "batch_size": 32, "learning_rate": learning_rate}
    fit(finder, train.dense, validation.dense, device="cpu", progress=False, **options)
    return finder


def redness(x):
    red = x[:, 0] - x[:, 1:].amax(1)
    return F.avg_pool2d(red[:, None], 3, stride=1, padding=1)[:, 0] - 0.45


RIGHT["find-the-red"] = [
    trained(),
    trained(learning_rate=0.1),
    redness,
    lambda x: 3 * redness(x),
    lambda x: trained()(x).detach(),
]

WRONG["find-the-red"] = {
    "hardly-marked": [lambda x: redness(x) - 3, lambda x: x.mean(1) - 5],
    "constant-map": [lambda x: torch.zeros(len(x), 48, 48), lambda x: redness(x * 0)],
    "upside-down": [lambda x: -redness(x), lambda x: -trained()(x)],
    "gate-not-logit": [lambda x: torch.sigmoid(8 * redness(x)), lambda x: trained()(x).sigmoid()],
    None: [
        trained(images=64, epochs=1, learning_rate=1e-5),
        lambda x: x[:, 2] - x[:, :2].amax(1) - 0.3,
        lambda x: redness(x)[:, None],
        lambda x: redness(x.roll(1, 0)),
        lambda x: redness(x).mean((1, 2)),
        lambda x: redness(x).transpose(1, 2),
        lambda x: x.mean(1),
    ],
    "not-a-number": [lambda x: redness(x) / (0 * redness(x))],
}
