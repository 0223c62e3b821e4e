"""How an answer to the task receptive-field is examined; the words stand in receptive_field.toml beside it."""

from ..values import as_numbers, show

_WRONG = {
    (7, 7): "gate-only",
    (7, 14): "gate-only",
    (13, 13): "added-kernels",
    (13, 15): "added-kernels",
    (13, 25): "added-kernels",
    (13, 26): "added-kernels",
    (63, 63): "multiplied",
    (63, 126): "multiplied",
    (11, 11): "pooling-ignored",
    (11, 12): "stride-ignored",
    (11, 22): "everything-doubled",
    (11, 19): "pooling-adds-nothing",
}


def examine(answer, find):
    """1 + 2 + 2 + 6 = 11 and 1 + 2 + 1 + 2·2 + 2·6 = 20."""
    numbers = as_numbers(answer)
    two = numbers is not None and len(numbers) == 2 and all(n.is_integer() for n in numbers)
    yield find("number", two, got=show(answer))
    if two:
        yield find("value", numbers == [11, 20], _WRONG.get(tuple(map(int, numbers))), got=show(answer))
