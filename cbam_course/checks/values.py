"""Read and compare the values that learners hand in."""

from collections.abc import Iterator, Mapping
from numbers import Real

import numpy
import torch


def as_number(value: object) -> float | None:
    """Return the value as a number, or None if it is not one. True and False are no numbers here."""
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    return float(value)


def examine_whole_number(answer: object, find, right: int, wrong: Mapping[int, str]) -> Iterator:
    """Yield the findings ``number`` and ``value`` of a task whose answer is one whole number.

    Args:
        answer: what was handed in.
        find: as the examiner of a task gets it.
        right: the answer.
        wrong: known wrong answer -> the name of its mistake.
    """
    number = as_number(answer)
    whole = number is not None and number.is_integer()
    yield find("number", whole, got=show(answer))
    if whole:
        yield find("value", number == right, wrong.get(int(number)), got=show(answer))


def as_numbers(values: object) -> list[float] | None:
    """Return a list, tuple, tensor or array of numbers as a list, or None if it is something else."""
    if isinstance(values, (torch.Tensor, numpy.ndarray)):
        values = values.flatten().tolist()
    if not isinstance(values, (list, tuple)):
        return None
    numbers = [as_number(value) for value in values]
    return None if any(number is None for number in numbers) else numbers


def as_letters(answer: object, known: str) -> frozenset[str] | None:
    """Read "BE", "b, e", ["B", "E"] or {"B", "E"} as a set of letters out of ``known``, else return None."""
    if isinstance(answer, (list, tuple, set, frozenset)):
        answer = " ".join(part if isinstance(part, str) else "?" for part in answer)
    if not isinstance(answer, str):
        return None
    letters = [letter for letter in answer.upper() if letter not in " ,;+/&"]
    return frozenset(letters) if letters and set(letters) <= set(known) else None


def close(got: object, expected: object, tolerance: float = 1e-4) -> bool:
    """Whether two values or tensors have the same shape and agree within an absolute tolerance."""
    try:
        got, expected = torch.as_tensor(got).double(), torch.as_tensor(expected).double()
    except (TypeError, ValueError, RuntimeError):
        return False
    return got.shape == expected.shape and bool(((got - expected).abs() <= tolerance).all())


def show(value: object, limit: int = 120) -> str:
    """Return a short text for what was handed in: a small tensor in full, a larger one by its shape."""
    if isinstance(value, torch.Tensor):
        if value.numel() > 12:
            return f"a tensor of the shape {tuple(value.shape)}"
        return f"{_rounded(value.detach().double().tolist())}, shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _rounded(values):
    if isinstance(values, list):
        return [_rounded(value) for value in values]
    return round(values, 4)
