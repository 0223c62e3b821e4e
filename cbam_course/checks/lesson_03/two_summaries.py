"""How an answer to the task two-summaries is examined; the words stand in two_summaries.toml beside it."""

import torch

from ..values import close, show


def examine(summaries, find):
    """Two images, three channels, all axes of different lengths, values below 0 as well."""
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(3)) - 3
    got, expected = summaries(x.clone()), (x.mean((2, 3)), x.amax((2, 3)))
    pair = isinstance(got, (tuple, list)) and len(got) == 2
    yield find("pair", pair, _one_tensor(got), got=show(got))
    if not pair:
        return
    shapes = [tuple(getattr(part, "shape", ())) for part in got]
    yield find("shape", shapes == [(2, 3)] * 2, _wrong_shape(shapes), got=shapes)
    if shapes != [(2, 3)] * 2:
        return
    hand = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]], [[-4.0, -2.0], [-3.0, -3.0]]]])
    by_hand = summaries(hand.clone())
    words = {"values": "1, 3, 5, 7, then 0, 0, 0, 8, then −4, −2, −3, −3"}
    for name, part, right, mine in zip(("average", "maximum"), got, expected, by_hand, strict=True):
        value = hand.mean((2, 3)) if name == "average" else hand.amax((2, 3))
        holds = close(part, right) and close(mine, value)
        yield find(name, holds, _wrong_value(got, x), **words, expected=show(value), got=show(mine))
    yield find("sizes", *_sizes(summaries))


def _sizes(summaries):
    for height, width in ((1, 1), (9, 2), (7, 8)):
        x = torch.randn(1, 2, height, width, generator=torch.Generator().manual_seed(4)) - 1
        try:
            got = summaries(x.clone())
        except (RuntimeError, ValueError):
            return False, "fixed-size"
        if not (close(got[0], x.mean((2, 3))) and close(got[1], x.amax((2, 3)))):
            return False, "fixed-size"
    return True, None


def _one_tensor(got) -> str | None:
    joined = isinstance(got, torch.Tensor) and tuple(got.shape) in ((2, 3), (2, 6), (2, 2, 3))
    return "one-tensor" if joined else None


def _wrong_shape(shapes) -> str | None:
    if (2, 3, 1, 1) in shapes:
        return "kept-dimensions"
    return "pooled-over-channels" if (2, 4, 5) in shapes or (2, 1, 4, 5) in shapes else None


def _wrong_value(got, x) -> str | None:
    average, maximum = x.mean((2, 3)), x.amax((2, 3))
    others = {
        "swapped": (maximum, average),
        "same-twice": (average, average),
        "maximum-of-zero": (average, maximum.clamp(min=0)),
        "absolute-maximum": (average, x.abs().amax((2, 3))),
    }
    wrong = next((s for s, v in others.items() if all(map(close, got, v))), None)
    return "same-twice" if all(close(part, maximum) for part in got) else wrong
