"""Read, compare and show the values that learners hand in."""

import math
from collections.abc import Mapping
from numbers import Real

import numpy
import torch


def as_number(value: object) -> float | None:
    """Return the value as a number, or None if it is not one. True and False are no numbers here.

    Tensors and arrays of one element and numpy's own numbers are numbers.
    """
    try:
        if isinstance(value, (torch.Tensor, numpy.ndarray)) and math.prod(value.shape) == 1:
            value = value.item()
        if isinstance(value, (bool, numpy.bool_)) or not isinstance(value, Real):
            return None
        return float(value)
    except (OverflowError, RuntimeError, NotImplementedError):  # 10**400; a tensor without values
        return None


def as_numbers(values: object) -> list[float] | None:
    """Return a list, tuple, tensor or array of numbers as a list, or None if it is something else."""
    if isinstance(values, (torch.Tensor, numpy.ndarray)):
        try:
            values = values.flatten().tolist()
        except (RuntimeError, NotImplementedError):
            return None
    if not isinstance(values, (list, tuple)):
        return None
    numbers = [as_number(value) for value in values]
    return None if any(number is None for number in numbers) else numbers


def examine_whole_number(answer: object, find, right: int, wrong: Mapping[int, str]) -> bool:
    """Find ``number`` and ``value`` of a task whose answer is one whole number.

    Args:
        answer: what was handed in.
        find: as the examiner of a task gets it.
        right: the answer.
        wrong: known wrong answer -> the name of its mistake.
    """
    number = as_number(answer)
    whole = number is not None and number.is_integer()
    if not find("number", whole, got=answer):
        return False
    return find("value", number == right, wrong.get(int(number)), got=answer)


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
    thing = "a tensor"
    if isinstance(value, numpy.ndarray) and value.dtype.kind in "fiub":
        thing, value = "an array", torch.as_tensor(value.copy())
    if isinstance(value, torch.Tensor):
        if value.numel() > 12 or value.is_meta or value.layout is not torch.strided:
            kind = "" if value.is_floating_point() else f" of {str(value.dtype).removeprefix('torch.')}"
            return f"{thing} of the shape {tuple(value.shape)}{kind}"
        kind = bool if value.dtype is torch.bool else float
        return f"{_rounded(value.detach().cpu().tolist(), kind)}, shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)) and any(
        isinstance(part, (torch.Tensor, numpy.ndarray)) for part in value
    ):
        value = ", ".join(show(part, limit) for part in value)
        return f"({value})"
    if type(value) in (tuple, list) and value and all(isinstance(part, float) for part in value):
        value = type(value)(float(f"{part:.5g}") for part in value)
    try:
        text = value if isinstance(value, str) else " ".join(repr(value).split())
    except Exception:  # a learner's object may fail to describe itself
        text = f"an object of type {type(value).__name__}"
    text = " ".join(text.split()) if "\n" in text else text  # of a module or a table
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _rounded(values, kind=float):
    if isinstance(values, list):
        return [_rounded(value, kind) for value in values]
    if kind is bool or isinstance(values, complex):
        return values
    return round(values, 4) if not isinstance(values, float) or values % 1 else int(values)


def wording(value: object) -> object:
    """Return what fills a brace of a text: numbers, strings and shapes as they are, anything else written out."""
    plain = isinstance(value, (str, bool, int, float)) or (
        type(value) is tuple and all(isinstance(part, int) for part in value)
    )
    return value if plain else show(value)


def difference(got: object, expected: object) -> str:
    """Say how two values differ whose texts are the same."""
    from .tasks import say

    try:
        one, other = torch.as_tensor(got).double(), torch.as_tensor(expected).double()
        if one.shape == other.shape:
            return say("values_differ", most=f"{float((one - other).abs().max()):.3g}")
    except (TypeError, ValueError, RuntimeError):
        pass
    return say("looks_alike")
