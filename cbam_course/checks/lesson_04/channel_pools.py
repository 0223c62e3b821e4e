"""How an answer to the task channel-pools is examined; the words stand in channel_pools.toml beside it."""

import torch

from ..values import close, show

_HAND = torch.tensor([[[[1.0, 5.0]], [[3.0, -9.0]]]])


def examine(pools, find):
    """A batch whose every axis has another length, a pair of pixels by hand, and one image alone."""
    x = torch.randn(3, 4, 5, 6, generator=torch.Generator().manual_seed(1)) - 0.5
    got = pools(x.clone())
    shape = tuple(getattr(got, "shape", ()))
    right = shape == (3, 2, 5, 6)
    yield find("shape", right, _shape(shape, got), input=(3, 4, 5, 6), expected=(3, 2, 5, 6), got=show(got))
    if not right:
        return
    mistake = _values(got, x)
    by_hand = pools(_HAND.clone())
    for number, (slug, hand, expected) in enumerate(
        [("mean", _HAND.mean(1), x.mean(1)), ("maximum", _HAND.amax(1), x.amax(1))]
    ):
        holds = close(by_hand[:, number], hand) and close(got[:, number], expected)
        yield find(slug, holds, mistake, expected=show(hand), got=show(by_hand[:, number]))
    for channels in (1, 4):
        alone = pools(x[1:2, :channels].clone())
        expected = torch.stack([x[1:2, :channels].mean(1), x[1:2, :channels].amax(1)], dim=1)
        if not close(alone, expected):
            yield find("images", False, None, channels=channels, got=show(alone))
            return
    yield find("images", True)


def _shape(shape: tuple, got) -> str | None:
    mistakes = {
        (3, 4): "pooled-over-space",
        (3, 8): "pooled-over-space",
        (3, 2, 4): "pooled-over-space",
        (3, 8, 1, 1): "pooled-over-space",
        (3, 4, 1, 1): "pooled-over-space",
        (3, 1, 5, 6): "one-map",
        (3, 5, 6): "one-map",
        (6, 1, 5, 6): "wrong-axis",
        (6, 5, 6): "wrong-axis",
        (3, 1, 10, 6): "wrong-axis",
        (3, 10, 6): "wrong-axis",
        (3, 1, 5, 12): "wrong-axis",
        (3, 5, 12): "wrong-axis",
        (3, 5, 6, 2): "wrong-axis",
        (2, 3, 5, 6): "wrong-axis",
        (2, 3, 1, 5, 6): "extra-axis",
        (3, 2, 1, 5, 6): "extra-axis",
        (3, 1, 2, 5, 6): "extra-axis",
    }
    pair = isinstance(got, (tuple, list)) and len(got) == 2
    return "one-map" if pair else mistakes.get(shape)


def _values(got, x) -> str | None:
    """Compare the two maps with what comes out when one of them is something else."""
    mean, maximum = x.mean(1), x.amax(1)
    wrong = {
        "swapped-order": (maximum, mean),
        "absolute": (mean, x.abs().amax(1)),
        "batch-leak": (x.mean((0, 1)).expand(3, 5, 6), x.amax((0, 1)).expand(3, 5, 6)),
    }
    for slug, maps in wrong.items():
        if close(got, torch.stack(maps, dim=1)):
            return slug
    return "twice-the-same" if close(got[:, 0], got[:, 1]) else None
