"""Answers to the tasks of lesson 00: right ones written differently, wrong ones under their mistakes."""

import numpy as np
import torch

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# warm-up


def looped(images):
    return torch.stack([image.mean() for image in images])


def summed_and_divided(images):
    total = torch.zeros(len(images))
    for number, image in enumerate(images):
        for channel in image:
            total[number] += channel.sum()
    return total / images[0].numel()


def scaled_in_place(images):
    images.mul_(1 / images[0].numel())
    return images.sum((1, 2, 3))


def overwritten(images):
    for number in range(len(images)):
        images[number] = images[number].mean()
    return images[:, 0, 0, 0]


def printed(images):
    images.mean(dim=(1, 2, 3))


def early_return(images):
    for image in images:
        return image.mean()


RIGHT["warm-up"] = [
    lambda images: images.mean(dim=(1, 2, 3)),
    lambda images: images.flatten(1).mean(-1),
    looped,
    lambda images: torch.einsum("nchw->n", images) / images[0].numel(),
    lambda images: images.mean(3).mean(2).mean(1),
    summed_and_divided,
]

WRONG["warm-up"] = {
    "one-number-for-all": [
        lambda images: images.mean(),
        lambda images: images.mean().expand(len(images)),
        lambda images: torch.tensor([images.mean()]),
    ],
    "first-image-only": [lambda images: images[0].mean(), early_return],
    "kept-channels": [lambda images: images.mean((2, 3)), lambda images: images.flatten(2).mean(2)],
    "kept-positions": [lambda images: images.mean(1)],
    "one-axis-only": [lambda images: images.mean(-1), lambda images: images.mean(2)],
    "one-channel-only": [lambda images: images[:, 0].mean((1, 2))],
    "channels-added": [lambda images: images.mean((2, 3)).sum(1)],
    "pooled-over-batch": [lambda images: images.mean((0, 2, 3)), lambda images: images.mean(0)],
    "kept-dimensions": [
        lambda images: images.mean((1, 2, 3), keepdim=True),
        lambda images: images.flatten(1).mean(1, keepdim=True),
    ],
    "sum-not-mean": [lambda images: images.sum((1, 2, 3))],
    "maximum": [lambda images: images.amax((1, 2, 3)), lambda images: images.flatten(1).max(1).values],
    "median": [lambda images: images.flatten(1).median(1).values],
    "in-place-change": [scaled_in_place, overwritten],
    "missing-return": [printed],
    "list-not-tensor": [lambda images: [float(image.mean()) for image in images]],
    "squeezed-batch": [lambda images: images.mean((1, 2, 3)).squeeze()],
    "divided-by-255": [
        lambda images: images.mean((1, 2, 3)) / 255,
        lambda images: (images / 255).mean((1, 2, 3)),
    ],
    "absolute-values": [lambda images: images.abs().mean((1, 2, 3))],
    None: [
        lambda images: (images.amax((1, 2, 3)) + images.amin((1, 2, 3))) / 2,
        lambda images: images.mean((1, 2, 3)).round(),
        lambda images: images.mean((2, 3)).amax(1),
        lambda images: images.sum((1, 2, 3)) / (3 * 48 * 48),
        lambda images: images.std((1, 2, 3)),
        lambda images: images.amin((1, 2, 3)),
        lambda images: images,
        lambda images: images.mean(dim=(1, 2)),
    ],
}


# count-the-numbers

RIGHT["count-the-numbers"] = [55296, 55296.0, torch.tensor(55296), np.int64(55296), 8 * 3 * 48**2]

WRONG["count-the-numbers"] = {
    "no-channels": [18432],
    "one-image": [6912],
    "pixels-of-one-channel": [2304],
    "one-side-only": [1152],
    "four-channels": [73728],
    "added": [107],
    "bytes": [221184],
    None: [(8, 3, 48, 48), "55296", [55296], 8 * 55296, 55296.5, True, 384, 165888],
}
