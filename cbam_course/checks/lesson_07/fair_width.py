"""How an answer to the task fair-width is examined; the words stand in fair_width.toml beside it."""

import torch

from ...networks.small_cnn import SmallCNN
from ..values import as_numbers, show

_PLAIN = (16, 32, 64)
_WITH_CBAM = 27_003  # SmallCNN(5) with CBAM(C, 4) in every block
_MOST = 27_813  # 3 % more
_CLASSES = 5


def examine(answer, find):
    """Build the network with these widths and count."""
    widths = _widths(answer)
    yield find("widths", widths is not None, got=show(answer))
    if widths is None:
        return
    count = _parameters(widths)
    mistake = _mistake(widths, count)
    yield find("enough", count >= _WITH_CBAM, mistake, got=f"{count:,} parameters")
    yield find("not-too-many", count <= _MOST, mistake, got=f"{count:,} parameters")
    growth = [width / before for width, before in zip(widths, _PLAIN, strict=True)]
    even = all(1 <= ratio <= 1.13 for ratio in growth)
    yield find("even", even, mistake, got=", ".join(f"{ratio:.2f}" for ratio in growth))


def _widths(answer) -> tuple[int, ...] | None:
    """Three whole numbers that make a network of a sensible size."""
    numbers = as_numbers(list(answer) if isinstance(answer, torch.Size) else answer)
    if numbers is None or len(numbers) != 3 or not all(n.is_integer() and 1 <= n <= 1024 for n in numbers):
        return None
    return tuple(map(int, numbers))


def _parameters(widths: tuple[int, ...]) -> int:
    return sum(p.numel() for p in SmallCNN(_CLASSES, widths=widths).parameters())


def _mistake(widths: tuple[int, ...], count: int) -> str | None:
    if widths == _PLAIN:
        return "unchanged"
    if widths == (18, 36, 72):
        return "scaled-like-the-count"
    if any(not 1 <= width / before <= 1.13 for width, before in zip(widths, _PLAIN, strict=True)):
        return "lopsided" if count < 1.2 * _WITH_CBAM else "too-many"
    if count > _MOST:
        return "too-many"
    return "too-few" if count < _WITH_CBAM else None
