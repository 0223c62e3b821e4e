"""Where an answer and the right one part ways: the mistake that explains it, and the smallest input that shows it.

A name is given only where it alone explains everything; the input is found by shrinking a larger one.
"""

import copy
import inspect
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy
import torch
from torch import Tensor

from .report import Example
from .tasks import say, word
from .values import as_number, close

SECONDS = 0.5  # of processor time, to look for the smallest input
_VALUES = 24  # below so many numbers each is made simpler by itself
_VISIBLE = 0.02  # the reader is to see the difference; where none is so large, a smaller one will do


class Raised:
    """In place of a result: the call raised."""

    def __init__(self, error: Exception):
        self.error = error
        self.text = f"{type(error).__name__}: {error}".split("\n")[0][:120]

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Difference:
    """One input on which a learner's function and the right one part ways."""

    arguments: tuple
    got: object
    expected: object


class _OneOf(tuple):
    """Several values or functions under one name."""


def one_of(*alternatives: object) -> _OneOf:
    """Put several wrong values, or several wrong functions, under the name of one mistake."""
    return _OneOf(alternatives)


def name_value(
    got: object, wrong: Mapping[str, object], right: object = None, tolerance: float = 1e-4
) -> str | None:
    """Return the name of the one mistake whose value this is; None where none fits, or more than one.

    Args:
        got: what was handed in or computed.
        wrong: mistake -> the value that it leads to, or ``one_of(...)`` several.
        right: the right value; a mistake that leads to it as well is not named.
        tolerance: absolute, for numbers.
    """
    fitting = [
        slug
        for slug, values in wrong.items()
        if any(
            same(got, value, tolerance) and (right is None or not same(value, right, tolerance))
            for value in _alternatives(values)
        )
    ]
    return fitting[0] if len(fitting) == 1 else None


def name_function(
    answer: Callable,
    reference: Callable,
    wrong: Mapping[str, object],
    inputs: Sequence[tuple],
    tolerance: float = 1e-4,
) -> str | None:
    """Return the name of the one mistake that explains a function on every input.

    A name is given where the function gives the same as the wrong one on all inputs, raising where it raises,
    where the wrong one differs from the right one on some input, and where no other name fits as well. Without
    such a name the mistakes that every task shares are tried: a squeezed batch, a list in place of a tensor, an
    argument that makes no difference.

    Args:
        answer: the learner's function.
        reference: the right one.
        wrong: mistake -> a function that makes it, or ``one_of(...)`` several.
        inputs: tuples of arguments; the more they differ in shape and sign, the surer the name.
        tolerance: absolute, for numbers.
    """
    got = [outcome(answer, arguments) for arguments in inputs]
    right = [outcome(reference, arguments) for arguments in inputs]
    if _all_same(got, right, tolerance):
        return None
    fitting = [
        slug
        for slug, functions in wrong.items()
        if any(_explains(function, inputs, got, right, tolerance) for function in _alternatives(functions))
    ]
    if fitting:
        return fitting[0] if len(fitting) == 1 else None
    return _shared_mistake(answer, reference, inputs, got, right, tolerance)


def first_difference(
    answer: Callable, reference: Callable, inputs: Sequence[tuple], tolerance: float = 1e-4
) -> Difference | None:
    """Return the first input on which two functions differ; an error of the answer's is a difference."""
    for arguments in inputs:
        expected, got = reference(*copied(arguments)), outcome(answer, arguments)
        if not same(got, expected, tolerance):
            return Difference(arguments, got, expected)
    return None


def outcome(function: Callable, arguments: tuple) -> object:
    """Return what a function gives for a copy of these arguments, or a :class:`Raised`."""
    try:
        return function(*copied(arguments))
    except NotImplementedError:  # a stub is no answer
        raise
    except Exception as error:
        return Raised(error)


def copied(arguments: tuple) -> tuple:
    """Return arguments that a function may change."""
    return tuple(
        value.clone() if isinstance(value, torch.Tensor) else copy.deepcopy(value) for value in arguments
    )


def same(got: object, expected: object, tolerance: float = 1e-4) -> bool:
    """Whether two results are the same: tensors, numbers, words, and collections of them.

    A tuple and a list are the same, and so are a number and a tensor of one element; a tensor of two numbers and a
    list of two are not.
    """
    if isinstance(got, Raised) or isinstance(expected, Raised):
        return isinstance(got, Raised) and isinstance(expected, Raised)
    arrays = (torch.Tensor, numpy.ndarray)
    if isinstance(expected, arrays) and expected.ndim > 0:
        return isinstance(got, arrays) and close(got, expected, tolerance)
    if isinstance(expected, (list, tuple)):
        if isinstance(got, arrays) and got.ndim > 0:
            got = list(got)
        parts = isinstance(got, (list, tuple)) and len(got) == len(expected)
        return parts and all(same(one, other, tolerance) for one, other in zip(got, expected, strict=True))
    if isinstance(expected, Mapping):
        keys = isinstance(got, Mapping) and got.keys() == expected.keys()
        return keys and all(same(got[key], expected[key], tolerance) for key in expected)
    truths = [isinstance(value, (bool, numpy.bool_)) for value in (got, expected)]
    if any(truths):
        return all(truths) and bool(got) == bool(expected)
    number = as_number(expected)
    if number is not None:
        mine = as_number(got)
        return mine is not None and (abs(mine - number) <= tolerance or mine == number)
    return type(got) is type(expected) and bool(got == expected)


def _alternatives(values: object) -> tuple:
    return values if isinstance(values, _OneOf) else (values,)


def _all_same(ones: Sequence, others: Sequence, tolerance: float) -> bool:
    return all(same(one, other, tolerance) for one, other in zip(ones, others, strict=True))


def _explains(function: Callable, inputs, got: list, right: list, tolerance: float) -> bool:
    results = []
    for arguments, mine in zip(inputs, got, strict=True):
        results.append(outcome(function, arguments))
        if not same(mine, results[-1], tolerance):
            return False
    return not _all_same(results, right, tolerance)


def _shared_mistake(answer, reference, inputs, got: list, right: list, tolerance: float) -> str | None:
    if _all_same([_as_tensor(value) for value in got], right, tolerance):
        return "list-not-tensor"
    if _all_same(
        [_unsqueezed(value, like) for value, like in zip(got, right, strict=True)], right, tolerance
    ):
        return "squeezed-batch"
    return "argument-ignored" if _ignores_an_argument(answer, reference, inputs, tolerance) else None


def _as_tensor(value: object) -> object:
    try:
        return torch.tensor(value) if isinstance(value, (list, tuple)) else value
    except (TypeError, ValueError, RuntimeError):
        return value


def _unsqueezed(value: object, like: object) -> object:
    """Give back the batch axis, where all that is missing is the axis of a single image."""
    pair = isinstance(value, (list, tuple)) and isinstance(like, (list, tuple))
    if pair and len(value) == len(like):
        return tuple(_unsqueezed(one, other) for one, other in zip(value, like, strict=True))
    lost = isinstance(value, torch.Tensor) and isinstance(like, torch.Tensor) and like.shape[:1] == (1,)
    return value[None] if lost and value.ndim == like.ndim - 1 else value


def _ignores_an_argument(answer, reference, inputs, tolerance: float) -> bool:
    """Whether exchanging one argument for that of another input never changes the answer, though it should."""
    count = len(inputs[0])
    if count < 2 or any(len(arguments) != count for arguments in inputs):
        return False
    for place in range(count):
        moved = []
        for one in inputs:
            for other in inputs:
                mixed = (*one[:place], other[place], *one[place + 1 :])
                results = [outcome(reference, one), outcome(reference, mixed)]
                if any(isinstance(result, Raised) for result in results) or same(*results, tolerance):
                    continue
                mine = [outcome(answer, one), outcome(answer, mixed)]
                moved.append(any(isinstance(m, Raised) for m in mine) or not same(*mine, tolerance))
        if moved and not any(moved):
            return True
    return False


def smallest_difference(
    answer: Callable,
    reference: Callable,
    inputs: Sequence[tuple],
    tolerance: float = 1e-4,
    seconds: float = SECONDS,
) -> Example | None:
    """Return the smallest input found on which the two functions differ, with both results; None if they do not.

    Axes are cut first, those of one length together, then values are made small whole numbers. An input that the
    right function refuses, or has no number for, is never shown; an error is not exchanged for a wrong value, nor the
    reverse.

    Args:
        answer: the learner's function.
        reference: the right one.
        inputs: tuples of arguments to begin with: tensors, arrays, numbers, and lists of numbers.
        tolerance: how far numbers may lie apart.
        seconds: of processor time; what was found by then is returned.
    """
    end = time.process_time() + seconds
    for margin in (max(tolerance, _VISIBLE), tolerance):
        shown = (_difference(answer, reference, arguments, margin) for arguments in inputs)
        best = next((found for found in shown if found is not None), None)
        if best is not None:
            return _example(reference, *_shrunk(answer, reference, best, margin, end))
    return None


def _shrunk(answer, reference, best: tuple, tolerance: float, end: float) -> tuple:
    progressing = True
    while progressing and time.process_time() < end:
        progressing = False
        for candidate in _smaller(best[0]):
            if time.process_time() >= end:
                break
            found = _difference(answer, reference, candidate, tolerance)
            if found is not None and _kind(found) == _kind(best):
                best, progressing = found, True
                break
    return best


def _difference(answer, reference, arguments, tolerance) -> tuple | None:
    expected = outcome(reference, arguments)
    if isinstance(expected, Raised) or _undefined(expected):
        return None
    got = outcome(answer, arguments)
    return None if same(got, expected, tolerance) else (arguments, got, expected)


def _undefined(value: object) -> bool:
    """Whether there is NaN in a right result: the input then has no answer that could teach anything."""
    if isinstance(value, (list, tuple)):
        return any(map(_undefined, value))
    if isinstance(value, Tensor):
        return bool(value.isnan().any())
    return isinstance(value, float) and value != value


def _kind(found: tuple) -> tuple:
    _, got, expected = found
    shapes = getattr(got, "shape", None) == getattr(expected, "shape", None)
    return isinstance(got, Raised), shapes


def _example(reference, arguments, got, expected) -> Example:
    try:
        parameters = inspect.signature(reference).parameters.values()
        names = [parameter.name for parameter in parameters if parameter.kind is not parameter.KEYWORD_ONLY]
    except (TypeError, ValueError):
        names = []
    if len(names) < len(arguments):
        names = [f"argument {n}" for n in range(1, len(arguments) + 1)]
    names = names[: len(arguments)]  # the right one may have options that the learner's has not
    results = ((word("yours"), got), (word("expected"), expected))
    return Example(say("smallest"), (*zip(names, arguments, strict=True), *results))


def _smaller(arguments: tuple) -> Iterator[tuple]:
    """Yield simpler arguments, those that save most first."""
    yield from _shorter_axes(arguments)
    for place, value in enumerate(arguments):
        for candidate in _simpler(value):
            yield (*arguments[:place], candidate, *arguments[place + 1 :])


def _shorter_axes(arguments: tuple) -> Iterator[tuple]:
    """Cut all axes of one length in all tensors together, so that they still fit each other; then one by one."""
    tensors = [(place, value) for place, value in enumerate(arguments) if isinstance(value, Tensor)]
    axes = [(place, axis, length) for place, value in tensors for axis, length in enumerate(value.shape)]
    for length in sorted({length for _, _, length in axes if length > 1}, reverse=True):
        alike = [(place, axis) for place, axis, other in axes if other == length]
        firsts = [[pair for pair in alike if pair[1] == axis] for axis in sorted({axis for _, axis in alike})]
        groups = [alike, *firsts, *([pair] for pair in alike)]
        for keep in dict.fromkeys((1, 2, length // 2, length - 1)):
            if 0 < keep < length:
                for group in groups:
                    for start in dict.fromkeys((0, length - keep)):
                        yield _cut(arguments, group, start, keep)


def _cut(arguments: tuple, group: list, start: int, keep: int) -> tuple:
    cut = list(arguments)
    for place, axis in group:
        cut[place] = cut[place].narrow(axis, start, keep)
    return tuple(value.clone() if isinstance(value, Tensor) else value for value in cut)


def _simpler(value: object) -> Iterator[object]:
    if isinstance(value, Tensor) and value.is_floating_point():
        yield from _simpler_tensor(value)
    elif isinstance(value, numpy.ndarray) and value.dtype.kind == "f":
        yield from (candidate.numpy() for candidate in _simpler_tensor(torch.from_numpy(value)))
    elif isinstance(value, (list, tuple)) and len(value) > 0:
        for place in range(len(value)):
            yield type(value)([*value[:place], *value[place + 1 :]])
        for place, part in enumerate(value):
            for candidate in _simpler(part):
                yield type(value)([*value[:place], candidate, *value[place + 1 :]])
    elif isinstance(value, float):
        yield from (candidate for candidate in _simpler_number(value))
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) > 1:
        yield from dict.fromkeys((1, value // 2, value - 1))


def _simpler_tensor(value: Tensor) -> Iterator[Tensor]:
    whole = value.round().clamp(-9, 9)
    if not torch.equal(whole, value):
        yield whole
    if value.numel() > _VALUES:
        half = value.clone()
        half.view(-1)[value.numel() // 2 :] = 0
        if not torch.equal(half, value):
            yield half
        return
    for place, number in enumerate(value.flatten().tolist()):
        for candidate in _simpler_number(number):
            simpler = value.clone()
            simpler.view(-1)[place] = candidate
            yield simpler


def _simpler_number(number: float) -> list[float]:
    """Zero is simplest, then 1, then whole numbers close to 0, a positive one before its opposite."""
    size = _size(number)
    wanted = [0.0, 1.0, -1.0, 2.0, -2.0, float(round(number)), float(round(number / 2)), round(number, 1)]
    return [candidate for candidate in dict.fromkeys(wanted) if _size(candidate) < size]


def _size(number: float) -> tuple:
    return number % 1 != 0, round(number, 1) != number, abs(number), number < 0
