"""The prediction ledger: *Predict, then run* gets a place to write, and a reader sees how sure to be.

Predictions are optional. They are lines of JSON beside the progress; nothing depends on them.
"""

from dataclasses import dataclass
from numbers import Real

import numpy
import torch

from .behaviour import same
from .progress import append, read_entries
from .tasks import say
from .values import as_number, show

_FILE = "predictions.jsonl"
_GOOD_MATCH = 0.1  # shares that differ by less are called a good match


@dataclass(frozen=True)
class Note:
    """One sentence or two; in Jupyter it shows itself."""

    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .html import note_html

        return note_html(self)


def predict(prediction_id: str, value: object, sure: float | None = None) -> Note:
    """Note what you expect before you run the next cell. Optional, and it never raises.

    Args:
        prediction_id: the name that the lesson gives to this prediction.
        value: a number, a shape such as (2, 3), a word, or True or False; None for no prediction.
        sure: how sure you are, from 0 to 1.

    Returns:
        A note that says what was kept.
    """
    if value is None:
        return Note(say("no_prediction"))
    plain = _plain(value)
    if plain is None:
        return Note(say("prediction_kind", got=show(value)))
    share = as_number(sure)
    valid = share is not None and 0 <= share <= 1
    sentence = (
        say("predicted_sure", value=_words(plain), sure=100 * share)
        if valid
        else say("predicted", value=_words(plain))
    )
    refused = [] if sure is None or valid else [say("prediction_sure", sure=show(sure))]
    kept = append({"prediction": str(prediction_id), "value": plain, "sure": share if valid else None}, _FILE)
    return Note(" ".join([sentence, *refused, *kept]))


def reveal(prediction_id: str, outcome: object, tolerance: float = 0.0) -> Note:
    """Show the outcome beside what was predicted, and keep whether it was right. It never raises.

    The first outcome counts, for the prediction made last before it: whoever runs a notebook again is not judged
    by what they know by then.

    Args:
        prediction_id: as in :func:`predict`.
        outcome: what came out.
        tolerance: how far a predicted number may lie from the outcome.
    """
    plain = _plain(outcome)
    entries = [entry for entry in read_entries(_FILE)[0] if entry.get("prediction") == str(prediction_id)]
    made = [entry for entry in entries if "value" in entry]
    if not made or plain is None:
        return Note(say("revealed", outcome=show(outcome) if plain is None else _words(plain)))
    value = made[-1]["value"]
    right = same(value, plain, tolerance)
    kept = ()
    if not any("right" in entry for entry in entries):
        kept = append({"prediction": str(prediction_id), "outcome": plain, "right": right}, _FILE)
    sentence = say(
        "revealed_right" if right else "revealed_wrong", value=_words(value), outcome=_words(plain)
    )
    return Note(" ".join([sentence, *kept]))


def calibration() -> tuple[str, ...]:
    """Return sentences on how often predictions were right and how sure they were; none without predictions."""
    latest, results = {}, {}
    for entry in read_entries(_FILE)[0]:
        name = entry.get("prediction")
        if isinstance(entry.get("right"), bool):
            results.setdefault(name, (entry["right"], latest.get(name)))
        elif "value" in entry:
            latest[name] = as_number(entry.get("sure"))
    if not latest:
        return ()
    if not results:
        return (say("calibration_open", count=len(latest)),)
    right = [outcome for outcome, _ in results.values()]
    count = {"count": len(latest), "known": len(right), "right": sum(right)}
    told = say("calibration", **count, share=100 * sum(right) / len(right))
    return (told, *_sureness([(outcome, sure) for outcome, sure in results.values() if sure is not None]))


def _sureness(judged: list[tuple[bool, float]]) -> tuple[str, ...]:
    if not judged:
        return ()
    share, sure = (sum(values) / len(judged) for values in zip(*judged, strict=True))
    verdict = "calibration_over" if sure > share else "calibration_under"
    if abs(sure - share) < _GOOD_MATCH:
        verdict = "calibration_good"
    return (say("calibration_sure", sure=100 * sure, share=100 * share, verdict=say(verdict)),)


def _plain(value: object) -> object:
    """Return the value as JSON can hold it: a number, a list of numbers, a word, a truth value; else None."""
    if isinstance(value, (bool, numpy.bool_)):
        return bool(value)
    if isinstance(value, str):
        return " ".join(value.casefold().split()) or None
    number = as_number(value)
    if number is not None:
        whole = (
            isinstance(value, Real) and number == int(number)
            if number == number and abs(number) < 1e15
            else False
        )
        return int(number) if whole else number
    if isinstance(value, (torch.Tensor, numpy.ndarray)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        parts = [_plain(part) for part in value]
        return None if None in parts or not parts else parts
    return None


def _words(plain: object) -> str:
    return f"({', '.join(map(_words, plain))})" if isinstance(plain, list) else str(plain)
