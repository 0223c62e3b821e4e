"""How an answer to the task squeeze is examined; the words stand in squeeze.toml beside it."""

import torch

from ..values import close, show


def examine(squeeze, find):
    """Averages of a batch of two images whose every axis has another length."""
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    x[0, 0] += 3  # so that sums, maxima and averages over other axes are told apart
    got, mean = squeeze(x.clone()), x.mean(dim=(2, 3))
    shape = tuple(getattr(got, "shape", ()))
    right_shape = shape == (2, 3)
    yield find(
        "shape", right_shape, _squeeze_shape(shape), input=(2, 3, 4, 5), expected=(2, 3), got=show(got)
    )
    if not right_shape:
        return
    hand = torch.tensor([[[[1.0, 3.0], [5.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]]]])
    by_hand = squeeze(hand.clone())
    holds = close(got, mean) and close(by_hand, hand.mean((2, 3)))
    values = "1, 3, 5, 7 and 0, 0, 0, 8"
    mistake = _squeeze_value(by_hand, hand) or ("fixed-size" if close(by_hand, hand.mean((2, 3))) else None)
    yield find("value", holds, mistake, values=values, expected=show(hand.mean((2, 3))), got=show(by_hand))
    for height, width in ((1, 1), (9, 2), (8, 8)):
        x = torch.randn(1, 2, height, width, generator=torch.Generator().manual_seed(2)) + 1
        got = _or_error(squeeze, x)
        if not close(got, x.mean((2, 3))):
            yield find("sizes", False, "fixed-size", height=height, width=width, got=show(got))
            return
    yield find("sizes", True)


def _or_error(function, x):
    """A window of a fixed size raises on a smaller map; that is an outcome here, not a crash."""
    try:
        return function(x.clone())
    except (RuntimeError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def _squeeze_shape(shape: tuple) -> str | None:
    mistakes = {
        (2, 3, 1, 1): "kept-dimensions",
        (2, 4, 5): "pooled-over-channels",
        (2, 1, 4, 5): "pooled-over-channels",
        (3,): "pooled-over-batch",
        (1, 3): "pooled-over-batch",
        (1, 3, 1, 1): "pooled-over-batch",
        (3, 4, 5): "pooled-over-batch",
        (1, 3, 4, 5): "pooled-over-batch",
        (2, 3, 4): "one-axis-only",
        (2, 3, 5): "one-axis-only",
        (2, 3, 4, 1): "one-axis-only",
        (2, 3, 1, 5): "one-axis-only",
        (): "pooled-over-batch",
        (2,): "pooled-over-channels",
    }
    return mistakes.get(shape)


def _squeeze_value(got, x) -> str | None:
    others = {"maximum": x.amax((2, 3)), "sum-not-mean": x.sum((2, 3))}
    return next((slug for slug, value in others.items() if close(got, value)), None)
