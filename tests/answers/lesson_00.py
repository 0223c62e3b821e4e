"""Answers to the tasks of lesson 00: right ones written differently, wrong ones under their mistakes."""

import torch

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# warm-up


def looped(images):
    return torch.stack([image.mean() for image in images])


def scaled_in_place(images):
    images.mul_(1 / images[0].numel())
    return images.sum((1, 2, 3))


RIGHT["warm-up"] = [
    lambda images: images.mean(dim=(1, 2, 3)),
    lambda images: images.flatten(1).mean(-1),
    looped,
    lambda images: torch.einsum("nchw->n", images) / images[0].numel(),
]

WRONG["warm-up"] = {
    "one-number-for-all": [lambda images: images.mean(), lambda images: images.mean().expand(len(images))],
    "kept-channels": [lambda images: images.mean((2, 3))],
    "pooled-over-batch": [lambda images: images.mean((0, 2, 3)), lambda images: images.mean(0)],
    "kept-dimensions": [lambda images: images.mean((1, 2, 3), keepdim=True)],
    "sum-not-mean": [lambda images: images.sum((1, 2, 3))],
    "maximum": [lambda images: images.amax((1, 2, 3))],
    "in-place-change": [scaled_in_place],
}


# count-the-numbers

RIGHT["count-the-numbers"] = [55296, 55296.0, torch.tensor(55296)]

WRONG["count-the-numbers"] = {"no-channels": [18432], "one-image": [6912], "pixels-of-one-channel": [2304]}
