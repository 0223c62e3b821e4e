"""How an answer to the task which-differ is examined; the words stand in which_differ.toml beside it."""

from ..values import as_letters, show

_RIGHT = frozenset("BEG")
_MISSED = {"B": "missed-order", "E": "missed-batchnorm", "G": "missed-source"}
_EXTRA = {"A": "layer-kind", "C": "both-exchanged", "D": "pooling-call", "F": "zero-bias", "H": "same-width"}


def examine(answer, find):
    """Letters in any form; each one that is missing or too many has a text of its own."""
    letters = as_letters(answer, "ABCDEFGH")
    yield find("letters", letters is not None, got=show(answer))
    if letters is None:
        return
    missed = sorted(_RIGHT - letters)
    extra = sorted(letters - _RIGHT)
    given = ", ".join(sorted(letters))
    yield find("none-missed", not missed, _MISSED[missed[0]] if missed else None, got=given)
    yield find("none-extra", not extra, _EXTRA[extra[0]] if extra else None, got=given)
