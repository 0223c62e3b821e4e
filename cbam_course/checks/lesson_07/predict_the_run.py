"""How an answer to the task predict-the-run is examined; the words stand in predict_the_run.toml beside it."""

import numpy as np

from ...training.results import load_results
from ..values import as_numbers, show

_MODELS = {"spatial": "spatial-k3", "cbam": "cbam-k3"}
_WIDEST = 0.06


def examine(answer, find):
    """Two ranges of accuracy, each narrow enough to be wrong, with the mean of five seeds inside."""
    ranges = _ranges(answer)
    single = ranges is None and _is_two_numbers(answer)
    yield find("ranges", ranges is not None, "single-numbers" if single else None, got=show(answer))
    if ranges is None:
        return
    mistake = _malformed(ranges)
    yield find("well-formed", mistake is None, mistake, got=show(answer))
    if mistake:
        return
    widest = max(high - low for low, high in ranges)
    yield find("narrow", widest <= _WIDEST + 1e-9, "too-wide", got=f"{widest:.3f}")
    table = load_results("where")
    for (name, model), (low, high) in zip(_MODELS.items(), ranges, strict=True):
        mean = table.accuracy[table.model == model].mean()
        mistake = f"{name}-too-low" if high < mean else f"{name}-too-high"
        yield find(name, bool(low <= mean <= high), mistake, got=f"{low:.3f} to {high:.3f}")


def _ranges(answer) -> list[list[float]] | None:
    """Read ((low, high), (low, high)), also as lists, an array, a tensor or a dictionary."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if hasattr(answer, "tolist"):
        answer = answer.tolist()
    if not isinstance(answer, (list, tuple)) or len(answer) != 2:
        return None
    ranges = [as_numbers(part) for part in answer]
    complete = all(r is not None and len(r) == 2 and np.isfinite(r).all() for r in ranges)
    return ranges if complete else None


def _is_two_numbers(answer) -> bool:
    numbers = as_numbers(answer)
    return numbers is not None and len(numbers) == 2


def _malformed(ranges) -> str | None:
    ends = [end for pair in ranges for end in pair]
    if max(ends) > 1:
        return "in-percent" if max(ends) <= 100 else "no-accuracy"
    if min(ends) < 0:
        return "no-accuracy"
    return "ends-exchanged" if any(low > high for low, high in ranges) else None
