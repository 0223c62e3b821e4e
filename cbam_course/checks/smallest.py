"""The smallest input on which a learner's function and the right one part ways, found by shrinking a larger one."""

import inspect
import time
from collections.abc import Callable, Iterator, Sequence

import numpy
import torch
from torch import Tensor

from .behaviour import Raised, outcome, same
from .report import Example
from .tasks import say, word

SECONDS = 0.5  # of processor time
_VALUES = 24  # below so many numbers each is made simpler by itself
_VISIBLE = 0.02  # the reader is to see the difference; where none is so large, a smaller one will do


def smallest_difference(
    answer: Callable,
    reference: Callable,
    inputs: Sequence[tuple],
    tolerance: float = 1e-4,
    seconds: float = SECONDS,
) -> Example | None:
    """Return the smallest input found on which the two functions differ, with both results; None if they do not.

    Axes are cut first, those of one length together, then values are made small whole numbers. An input that the
    right function refuses is never shown, and an error is not exchanged for a wrong value or the reverse.

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
    if isinstance(expected, Raised):
        return None
    got = outcome(answer, arguments)
    return None if same(got, expected, tolerance) else (arguments, got, expected)


def _kind(found: tuple) -> tuple:
    _, got, expected = found
    shapes = getattr(got, "shape", None) == getattr(expected, "shape", None)
    return isinstance(got, Raised), shapes


def _example(reference, arguments, got, expected) -> Example:
    try:
        names = list(inspect.signature(reference).parameters)
    except (TypeError, ValueError):
        names = []
    names = names if len(names) == len(arguments) else [f"argument {n}" for n in range(1, len(arguments) + 1)]
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
