"""How an answer to the task sound-comparisons is examined; the words stand in sound_comparisons.toml beside it."""

from ..values import show

_VERDICTS = ("sound", "seeds", "test-set", "best-of-n", "training", "size", "many")
_RIGHT = dict(
    zip(
        "ABCDEFGH",
        ("sound", "seeds", "test-set", "best-of-n", "training", "size", "sound", "many"),
        strict=True,
    )
)
_MISTAKES = {
    "A": "sound-refused",
    "B": "different-seeds",
    "C": "chosen-on-the-test-set",
    "D": "best-against-mean",
    "E": "unequal-training",
    "F": "more-parameters",
    "G": "null-refused",
    "H": "one-of-twenty",
}


def examine(answer, find):
    """A verdict on each of eight comparisons; the first one that is wrong is explained."""
    verdicts = _verdicts(answer)
    yield find("verdicts", verdicts is not None, got=show(answer, 300))
    if verdicts is None:
        return
    wrong = [letter for letter in _RIGHT if verdicts[letter] != _RIGHT[letter]]
    for slug, letters in (("sound-kept", "AG"), ("flaws-named", "BCDEFH")):
        here = [letter for letter in wrong if letter in letters]
        got = ", ".join(f"{letter}: {verdicts[letter]}" for letter in here)
        yield find(slug, not here, _MISTAKES[here[0]] if here else None, got=got)


def _verdicts(answer) -> dict[str, str] | None:
    """Read {"A": "sound", "b": "Test set" …}: one known word for each letter."""
    if not isinstance(answer, dict) or not all(isinstance(w, str) for pair in answer.items() for w in pair):
        return None
    read = {letter.strip().upper(): _word(word) for letter, word in answer.items()}
    complete = set(read) == set(_RIGHT) and set(read.values()) <= set(_VERDICTS)
    return read if complete else None


def _word(text: str) -> str:
    return "-".join(text.lower().replace("-", " ").replace("_", " ").split())
