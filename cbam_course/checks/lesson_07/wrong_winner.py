"""How an answer to the task wrong-winner is examined; the words stand in wrong_winner.toml beside it."""

from itertools import product

from ..values import as_number, close, show

# Sixteenths are exact in binary, so that ties are ties. The better model is once the first, once the second.
_SECOND_BETTER = [2 / 16, 11 / 16, 5 / 16, 3 / 16], [9 / 16, 5 / 16, 7 / 16, 4 / 16]
_FIRST_BETTER = [10 / 16, 6 / 16, 13 / 16], [4 / 16, 6 / 16, 3 / 16, 14 / 16, 1 / 16]


def examine(wrong_winner, find):
    """Two pairs of lists with ties, the second with lists of different lengths."""
    handed_in = wrong_winner(*map(list, _SECOND_BETTER))
    got = as_number(handed_in)
    yield find("number", got is not None, got=show(handed_in))
    if got is None:
        return
    mistake = _mistake(got, *_SECOND_BETTER)
    yield find("share", close(got, _share(*_SECOND_BETTER)), mistake, got=show(got))
    swapped = as_number(wrong_winner(*map(list, reversed(_SECOND_BETTER))))
    yield find("either", close(swapped, _share(*_SECOND_BETTER)), "fixed-direction", got=show(swapped))
    uneven = as_number(wrong_winner(*map(list, _FIRST_BETTER)))
    expected = _share(*_FIRST_BETTER)
    yield find("uneven", close(uneven, expected), _mistake(uneven, *_FIRST_BETTER), got=show(uneven))


def _share(a, b, tie=0.5, pairs=None) -> float:
    """The share of pairs in which the model with the lower mean wins; a tie counts ``tie``."""
    worse, better = sorted((a, b), key=lambda scores: sum(scores) / len(scores))
    pairs = list(pairs(worse, better) if pairs else product(worse, better))
    return sum(1.0 if low > high else tie if low == high else 0.0 for low, high in pairs) / len(pairs)


def _mistake(got, a, b) -> str | None:
    """Compare with other readings of the task."""
    right = _share(a, b)
    wrong = {
        "tie-forgotten": _share(a, b, tie=0.0),
        "tie-counted-whole": _share(a, b, tie=1.0),
        "right-winner": 1 - right,
        "paired-only": _share(a, b, pairs=zip),
        "paired-only without ties": _share(a, b, tie=0.0, pairs=zip),
        "not-divided": right * len(a) * len(b),
        "not-divided without ties": _share(a, b, tie=0.0) * len(a) * len(b),
    }
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    if found is None and got is not None and 0 < abs(got - right) < 0.03:
        return "drawn-at-random"
    return found.split()[0] if found else None
