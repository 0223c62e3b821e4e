"""How an answer to the task how-many-false is examined; the words stand in how_many_false.toml beside it."""

from ..values import as_numbers, close, show

_TESTS, _LEVEL = 12, 0.05
_EXPECTED = _TESTS * _LEVEL
_AT_LEAST_ONE = 1 - (1 - _LEVEL) ** _TESTS
_WRONG_EXPECTED = {
    _LEVEL: "one-comparison",
    _LEVEL / _TESTS: "divided",
    _TESTS * (1 - _LEVEL): "counts-the-others",
    1.0: "rounded",
    60.0: "in-percent",
    _AT_LEAST_ONE: "exchanged",
}
_WRONG_PROBABILITY = {
    _EXPECTED: "added-up",
    _LEVEL: "one-comparison",
    1 - _AT_LEAST_ONE: "none-at-all",
    _TESTS * _LEVEL * (1 - _LEVEL) ** (_TESTS - 1): "exactly-one",
    _LEVEL**_TESTS: "all-of-them",
    100 * _AT_LEAST_ONE: "in-percent",
}


def examine(answer, find):
    """12 · 0.05 = 0.6 and 1 − 0.95¹² = 0.46."""
    numbers = as_numbers(answer)
    two = numbers is not None and len(numbers) == 2
    yield find("two", two, got=show(answer))
    if not two:
        return
    expected, probability = numbers
    mistake = _nearest(expected, _WRONG_EXPECTED)
    yield find("expected", close(expected, _EXPECTED, 0.005), mistake, got=show(expected))
    mistake = _nearest(probability, _WRONG_PROBABILITY)
    yield find("probability", close(probability, _AT_LEAST_ONE, 0.006), mistake, got=show(probability))


def _nearest(number: float, wrong: dict[float, str]) -> str | None:
    """The mistake whose value this is, within one percent or as people round."""
    return next(
        (slug for value, slug in wrong.items() if close(number, value, max(0.01 * value, 1e-4))), None
    )
