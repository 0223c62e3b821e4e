"""How the answers of lesson 00 are examined; the words stand in lesson_00.toml beside it."""

import torch
from torch import Tensor

from ..checks.behaviour import name_function, one_of
from ..checks.report import Find
from ..checks.values import examine_whole_number

# warm-up


def _mean(images: Tensor) -> Tensor:
    return images.mean((1, 2, 3))


def _batch(seed: int, *shape: int) -> tuple[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    level = torch.rand(shape[0], 1, 1, 1, generator=generator)  # images that differ in brightness
    return (torch.rand(shape, generator=generator) + level - 0.8,)  # of both signs, as a network gets them


_SHAPES = [(3, 2, 4, 5), (1, 3, 4, 4), (2, 3, 3, 3), (4, 4, 2, 4), (2, 1, 3, 2)]
_BATCHES = [_batch(seed, *shape) for seed, shape in enumerate(_SHAPES)]
_BATCHES += [(images - 1,) for (images,) in _BATCHES[:2]]  # scaled to -1 … 1, as networks like it
_BRIGHTNESSES = {
    "one-number-for-all": one_of(
        lambda images: images.mean(),
        lambda images: images.mean().view(1),
        lambda images: images.mean().expand(len(images)),
    ),
    "first-image-only": one_of(
        lambda images: images[0].mean(),
        lambda images: images[0].mean().expand(len(images)),
        lambda images: images[0].mean().view(1),
    ),
    "kept-channels": one_of(
        lambda images: images.mean((2, 3)), lambda images: images.mean((2, 3), keepdim=True)
    ),
    "kept-positions": one_of(lambda images: images.mean(1), lambda images: images.mean(1, keepdim=True)),
    "one-axis-only": one_of(lambda images: images.mean(3), lambda images: images.mean(2)),
    "one-channel-only": one_of(
        lambda images: images[:, 0].mean((1, 2)), lambda images: images[:, -1].mean((1, 2))
    ),
    "channels-added": lambda images: images.mean((2, 3)).sum(1),
    "pooled-over-batch": one_of(
        lambda images: images.mean(0),
        lambda images: images.mean((0, 2, 3)),
        lambda images: images.mean((0, 1)),
        lambda images: images.mean((0, 1, 2)),
    ),
    "kept-dimensions": one_of(
        lambda images: images.mean((1, 2, 3), keepdim=True), lambda images: _mean(images)[:, None]
    ),
    "sum-not-mean": lambda images: images.sum((1, 2, 3)),
    "maximum": lambda images: images.amax((1, 2, 3)),
    "median": lambda images: images.flatten(1).median(1).values,
    "divided-by-255": lambda images: _mean(images) / 255,
    "absolute-values": one_of(lambda images: _mean(images.abs()), lambda images: _mean(images).abs()),
}


def warm_up(answer: object, find: Find) -> None:
    """Batches whose axes have other lengths, one of a single image, and some with equal lengths."""
    images = _BATCHES[0][0]
    got = answer(images.clone())
    if find(
        "shape",
        tuple(getattr(got, "shape", ())) == (3,),
        lambda: name_function(answer, _mean, _BRIGHTNESSES, _BATCHES),
        input=tuple(images.shape),
        expected=(3,),
        got=got,
    ):
        find.agrees("value", answer, _mean, _BATCHES, _BRIGHTNESSES)
    else:
        find.smallest(answer, _mean, _BATCHES)


# count-the-numbers

_RIGHT = 8 * 3 * 48 * 48
_WRONG = {
    8 * 48 * 48: "no-channels",
    3 * 48 * 48: "one-image",
    48 * 48: "pixels-of-one-channel",
    8 * 3 * 48: "one-side-only",
    8 * 4 * 48 * 48: "four-channels",
    8 + 3 + 48 + 48: "added",
    4 * _RIGHT: "bytes",
}


def count_the_numbers(answer: object, find: Find) -> None:
    """Compare with 8 · 3 · 48 · 48 = 55,296 and with what comes out when a factor is forgotten."""
    examine_whole_number(answer, find, _RIGHT, _WRONG)
