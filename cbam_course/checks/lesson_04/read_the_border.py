"""How an answer to the task read-the-border is examined; the words stand in read_the_border.toml beside it."""

from ..values import as_number, show

_WRONG = {2: "frame-width", 4: "no-middle", 6: "constant-part", 7: "default-kernel", 3: "one-row-missed"}


def examine(answer, find):
    """A frame of 2 pixels is the padding of a kernel of 5; the map has 10 × 10 pixels."""
    number = as_number(answer)
    whole = number is not None and float(number).is_integer()
    yield find("number", whole, got=show(answer))
    if whole:
        yield find("value", number == 5, _WRONG.get(int(number)), got=show(answer))
