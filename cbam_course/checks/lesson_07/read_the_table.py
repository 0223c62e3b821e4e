"""How an answer to the task read-the-table is examined; the words stand in read_the_table.toml beside it."""

from ..values import as_letters, show

_FOLLOW = frozenset("ACD")
_MISSED = {"A": "missed-difference", "C": "missed-order", "D": "missed-depth"}
_EXTRA = {"B": "claims-a-winner", "E": "claims-a-spread", "F": "claims-any-recipe", "G": "claims-a-trend"}


def examine(answer, find):
    """Letters in any form; each one that is missing or too many has a text of its own."""
    letters = as_letters(answer, "ABCDEFG")
    yield find("letters", letters is not None, got=show(answer))
    if letters is None:
        return
    extra, missed = sorted(letters - _FOLLOW), sorted(_FOLLOW - letters)
    given = ", ".join(sorted(letters))
    yield find("none-extra", not extra, _EXTRA[extra[0]] if extra else None, got=given)
    yield find("none-missed", not missed, _MISSED[missed[0]] if missed else None, got=given)
