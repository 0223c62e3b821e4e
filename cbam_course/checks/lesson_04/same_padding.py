"""How an answer to the task same-padding is examined; the words stand in same_padding.toml beside it."""

from ..values import as_numbers, show

_RIGHT = [18, 24, 25]
_WRONG = {
    (17, 23, 24): "forgot-the-one",
    (18, 22, 23): "one-sided-padding",
    (24, 24, 24): "always-the-same",
    (18, 24, 24): "even-like-odd",
    (18, 24, 23): "even-like-odd",
    (24, 24, 25): "padding-everywhere",
}


def examine(answer, find):
    """n + 2p − k + 1 for n = 24 and (k, p) = (7, 0), (5, 2), (4, 2)."""
    numbers = as_numbers(answer)
    three = numbers is not None and len(numbers) == 3 and all(n.is_integer() for n in numbers)
    yield find("number", three, got=show(answer))
    if three:
        yield find("value", numbers == _RIGHT, _WRONG.get(tuple(map(int, numbers))), got=show(answer))
