"""Answers to the task cbam-bug."""

import torch
from torch import nn
from torch.nn import functional as F


def channel(x, w1, w2):
    logit = sum(torch.relu(z @ w1.T) @ w2.T for z in (x.mean((2, 3)), x.amax((2, 3))))
    return torch.sigmoid(logit)[:, :, None, None]


def spatial(x, kernel, order=("mean", "amax")):
    pools = torch.stack([getattr(x, pool)(1) for pool in order], dim=1)
    return torch.sigmoid(F.conv2d(pools, kernel, padding=kernel.shape[-1] // 2))


def corrected(x, w1, w2, kernel):
    refined = x * channel(x, w1, w2)
    return refined * spatial(refined, kernel)


def overwritten(x, w1, w2, kernel):
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


RIGHT = [corrected, overwritten, with_layers]

WRONG = {
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
