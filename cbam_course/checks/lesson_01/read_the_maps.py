"""How an answer to the task read-the-maps is examined; the words stand in read_the_maps.toml beside it."""

from ..values import as_numbers, show


def examine(answer, find):
    """Channel 0 holds a small bright square, channel 1 noise, channel 2 a raised level."""
    numbers = as_numbers(answer)
    pair = numbers is not None and len(numbers) == 2 and all(n in (0, 1, 2, 3) for n in numbers)
    one_based = pair and numbers == [1, 3]
    valid = pair and 3 not in numbers and numbers[0] != numbers[1]
    yield find("numbers", valid, "counted-from-one" if one_based else None, got=show(answer))
    if valid:
        mistake = "noise-taken-for-signal" if 1 in numbers else "swapped"
        yield find("value", numbers == [0, 2], mistake, got=show(answer))
