"""How an answer to the task warm-up is examined; the words stand in warm_up.toml beside it."""

import torch

from ..values import close, show


def examine(brightness, find):
    """Three images whose axes all have other lengths, so that every wrong axis shows in the shape."""
    images = torch.rand(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    images[1] += 1
    handed = images.clone()
    got = brightness(handed)
    shape = tuple(getattr(got, "shape", ()))
    yield find("shape", shape == (3,), _wrong_shape(shape), input=(3, 2, 4, 5), expected=(3,), got=show(got))
    if shape != (3,):
        return
    mean = images.mean((1, 2, 3))
    yield find("value", close(got, mean), _wrong_value(got, images), expected=show(mean), got=show(got))
    yield find("untouched", bool((handed == images).all()), "in-place")


def _wrong_shape(shape: tuple) -> str | None:
    if shape in ((), (1,)):
        return "one-number-for-all"
    if shape == (3, 2) or shape == (3, 2, 1, 1):
        return "kept-channels"
    if shape in ((3, 1, 1, 1), (3, 1)):
        return "kept-dimensions"
    return "pooled-over-batch" if shape[0] != 3 else None


def _wrong_value(got, images) -> str | None:
    others = {"sum-not-mean": images.sum((1, 2, 3)), "maximum": images.amax((1, 2, 3))}
    others["one-number-for-all"] = images.mean().expand(3)
    return next((slug for slug, value in others.items() if close(got, value)), None)
