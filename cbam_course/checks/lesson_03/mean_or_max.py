"""How an answer to the task mean-or-max is examined; the words stand in mean_or_max.toml beside it."""

from ..values import show

_RIGHT = ("neither", "mean", "max", "both")
_NAMES = {"average": "mean", "maximum": "max", "none": "neither"}
_MISTAKES = ("position-matters", "small-change-moves-the-maximum", "same-total", "mean-stands-still")


def examine(answer, find):
    """One word for each pair of maps: which summary changes?"""
    words = _words(answer)
    yield find("words", words is not None, got=show(answer))
    if words is None:
        return
    for letter, word, right, mistake in zip("ABCD", words, _RIGHT, _MISTAKES, strict=True):
        yield find(f"pair_{letter.lower()}", word == right, mistake, got=word)


def _words(answer) -> list[str] | None:
    if (
        not isinstance(answer, (tuple, list))
        or len(answer) != 4
        or not all(isinstance(w, str) for w in answer)
    ):
        return None
    words = [_NAMES.get(w.strip().lower(), w.strip().lower()) for w in answer]
    return words if set(words) <= set(_RIGHT) else None
