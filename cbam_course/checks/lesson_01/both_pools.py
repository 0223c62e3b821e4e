"""How an answer to the task both-pools is examined; the words stand in both_pools.toml beside it."""

import torch

from ..values import close, show


def examine(both_pools, find):
    """A batch whose axes all differ in length, with values of both signs."""
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(3))
    got = both_pools(x.clone())
    pair = isinstance(got, (tuple, list)) and len(got) == 2
    indices = pair and isinstance(got[1], tuple)
    yield find("pair", pair and not indices, "max-with-indices" if indices else None, got=show(got))
    if not pair or indices:
        return
    first, second = got
    space, channels = x.mean((2, 3)), x.amax(1)
    mistake = _mistake(first, second, x)
    yield find("space", close(first, space), mistake, expected=show(space), got=show(first))
    yield find("channels", close(second, channels), mistake, expected=show(channels), got=show(second))


def _mistake(first, second, x) -> str | None:
    space, channels = x.mean((2, 3)), x.amax(1)
    if close(first, channels) and close(second, space):
        return "swapped"
    if _same_values(first, space) and _same_values(second, channels):
        return "kept-dimensions"
    if close(first, x.amax((2, 3))) or close(second, x.mean(1)):
        return "statistic-exchanged"
    if any(close(first, x.mean(a)) for a in (1, (0, 1))) or close(second, x.amax((2, 3))):
        return "axes-exchanged"
    return None


def _same_values(got, expected) -> bool:
    return (
        isinstance(got, torch.Tensor)
        and got.numel() == expected.numel()
        and close(got.flatten(), expected.flatten())
    )
