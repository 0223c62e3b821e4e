"""How an answer to the task which-axis is examined; the words stand in which_axis.toml beside it."""

from ..values import show

_RIGHT = ("columns", "error", "channels")
_WORDS = {"channels", "columns", "error"}


def examine(answer, find):
    """Compare word by word; the whole triple tells which rule was used."""
    words = _words(answer)
    yield find("words", words is not None, got=show(answer))
    if words is None:
        return
    mistakes = _mistakes(words)
    for slug, word, right, mistake in zip("cde", words, _RIGHT, mistakes, strict=True):
        yield find(slug, word == right, mistake, got=word)


def _words(answer) -> tuple[str, ...] | None:
    if (
        not isinstance(answer, (tuple, list))
        or len(answer) != 3
        or not all(isinstance(w, str) for w in answer)
    ):
        return None
    words = tuple(word.strip().lower() for word in answer)
    return words if set(words) <= _WORDS else None


def _mistakes(words: tuple[str, ...]) -> tuple[str | None, str | None, str | None]:
    """From the left, (8,) meets the 2 images and fails, (2, 8) fits, and (8, 1, 1) fails."""
    if words == ("error", "channels", "error"):
        return ("from-the-left",) * 3
    c = "vector-is-channels" if words[0] == "channels" else None
    return c, "equal-sizes-fit", "trailing-ones"
