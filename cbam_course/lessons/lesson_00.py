"""How the answers of lesson 00 are examined; the words stand in lesson_00.toml beside it."""

import torch

from ..checks.report import Find
from ..checks.values import close, examine_whole_number, show

# warm-up


def warm_up(answer: object, find: Find) -> None:
    """Three images whose axes all have other lengths, so that every wrong axis shows in the shape."""
    images = torch.rand(3, 2, 4, 5, generator=torch.Generator().manual_seed(0))
    images[1] += 1
    handed = images.clone()
    got = answer(handed)
    shape = tuple(getattr(got, "shape", ()))
    find("shape", shape == (3,), _wrong_shape(shape), input=(3, 2, 4, 5), expected=(3,), got=show(got))
    if shape != (3,):
        return
    mean = images.mean((1, 2, 3))
    find("value", close(got, mean), _wrong_value(got, images), expected=show(mean), got=show(got))
    find("untouched", bool((handed == images).all()), "in-place-change")


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


# count-the-numbers

_RIGHT = 8 * 3 * 48 * 48
_WRONG = {8 * 48 * 48: "no-channels", 3 * 48 * 48: "one-image", 48 * 48: "pixels-of-one-channel"}


def count_the_numbers(answer: object, find: Find) -> None:
    """Compare with 8 · 3 · 48 · 48 = 55,296 and with what comes out when a factor is forgotten."""
    examine_whole_number(answer, find, _RIGHT, _WRONG)
