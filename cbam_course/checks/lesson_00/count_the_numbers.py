"""How an answer to the task count-the-numbers is examined; the words stand in count_the_numbers.toml beside it."""

from ..values import examine_whole_number

_RIGHT = 8 * 3 * 48 * 48
_WRONG = {8 * 48 * 48: "no-channels", 3 * 48 * 48: "one-image", 48 * 48: "pixels-of-one-channel"}


def examine(answer, find):
    """Compare with 8 · 3 · 48 · 48 = 55,296 and with what comes out when a factor is forgotten."""
    yield from examine_whole_number(answer, find, _RIGHT, _WRONG)
