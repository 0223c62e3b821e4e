"""How an answer to the task which-differ is examined; the words stand in which_differ.toml beside it."""

from ..values import show

_RIGHT = frozenset("BEG")
_MISSED = {"B": "missed-order", "E": "missed-batchnorm", "G": "missed-source"}
_EXTRA = {"A": "layer-kind", "C": "both-exchanged", "D": "pooling-call", "F": "zero-bias", "H": "same-width"}


def examine(answer, find):
    """Letters in any form; each one that is missing or too many has a text of its own."""
    letters = _letters(answer)
    yield find("letters", letters is not None, got=show(answer))
    if letters is None:
        return
    missed = sorted(_RIGHT - letters)
    extra = sorted(letters - _RIGHT)
    given = ", ".join(sorted(letters))
    yield find("none-missed", not missed, _MISSED[missed[0]] if missed else None, got=given)
    yield find("none-extra", not extra, _EXTRA[extra[0]] if extra else None, got=given)


def _letters(answer) -> frozenset[str] | None:
    """Read "BE", "b, e", ["B", "E"] or {"B", "E"} as a set of letters from A to H."""
    if isinstance(answer, (list, tuple, set, frozenset)):
        answer = " ".join(part if isinstance(part, str) else "?" for part in answer)
    if not isinstance(answer, str):
        return None
    letters = [letter for letter in answer.upper() if letter not in " ,;+/&"]
    known = letters and all(letter in "ABCDEFGH" for letter in letters)
    return frozenset(letters) if known else None
