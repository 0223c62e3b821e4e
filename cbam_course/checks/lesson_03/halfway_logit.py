"""How an answer to the task halfway-logit is examined; the words stand in halfway_logit.toml beside it."""

from ..values import as_number, close, show

_WRONG = {
    "counted-twice": 2.0,
    "gate-not-logit": 0.731,
    "averaged-gates": 0.611,
    "one-image-only": 3.0,
    "difference": 4.0,
}


def examine(answer, find):
    """f(a) = 3 / 2 and f(b) = −1 / 2, so f(a) + f(b) = 1."""
    number = as_number(answer)
    yield find("number", number is not None, got=show(answer))
    if number is not None:
        yield find("value", close(number, 1.0, 0.006), _mistake(number), got=show(answer))


def _mistake(number: float) -> str | None:
    if number in (-1.0, 1.5, -0.5):
        return "one-image-only"
    if close(number, -2.0):
        return "difference"
    return next((slug for slug, value in _WRONG.items() if close(number, value, 0.006)), None)
