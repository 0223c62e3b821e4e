"""How an answer to the task paired-interval is examined; the words stand in paired_interval.toml beside it."""

import numpy as np
from scipy import stats

from ..values import as_numbers, close, show

_FIVE = [0.71, 0.66, 0.78, 0.70, 0.74], [0.68, 0.65, 0.74, 0.70, 0.69]
_EIGHT = [0.31, 0.44, 0.38, 0.52, 0.47, 0.35, 0.41, 0.58], [0.36, 0.43, 0.45, 0.50, 0.55, 0.41, 0.47, 0.57]


def examine(paired_interval, find):
    """Five pairs, then eight: the quantile of t has to change with their number."""
    got = _call(paired_interval, _FIVE)
    three = got is not None and len(got) == 3
    yield find("three", three, "half-width" if got is not None and len(got) == 2 else None, got=show(got))
    if not three:
        return
    expected = _interval(*_FIVE)
    mistake = _mistake(got, *_FIVE)
    yield find("mean", close(got[0], expected[0]), mistake, got=show(got[0]))
    yield find("interval", close(got[1:], expected[1:]), mistake, got=show(got[1:]))
    more = _call(paired_interval, _EIGHT)
    fixed = _interval(*_EIGHT, quantile=stats.t.ppf(0.975, 4))
    yield find(
        "any",
        _same(more, _interval(*_EIGHT)),
        "fixed-quantile" if _same(more, fixed) else None,
        got=show(more),
    )


def _call(function, scores) -> list[float] | None:
    """Call with lists of numbers and read a tuple, a list or an array of numbers."""
    result = function(*map(list, scores))
    return as_numbers(result.tolist() if isinstance(result, np.ndarray) else result)


def _same(got, expected) -> bool:
    return got is not None and close(got, expected)


def _interval(a, b, *, quantile=None, ddof=1, error=True) -> list[float]:
    d = np.subtract(a, b)
    quantile = stats.t.ppf(0.975, len(d) - 1) if quantile is None else quantile
    half = quantile * d.std(ddof=ddof) / (len(d) ** 0.5 if error else 1)
    return [d.mean(), d.mean() - half, d.mean() + half]


def _unpaired(a, b, *, equal_var: bool) -> list[float]:
    interval = stats.ttest_ind(a, b, equal_var=equal_var).confidence_interval(0.95)
    return [np.mean(a) - np.mean(b), interval.low, interval.high]


def _mistake(got, a, b) -> str | None:
    """Compare with intervals of other kinds, in the order of how often they are meant."""
    n, (mean, low, high) = len(a), _interval(a, b)
    wrong = {
        "second-minus-first": _interval(b, a),
        "ends-exchanged": [mean, high, low],
        "order-of-results": [low, mean, high],
        "order-of-results last": [low, high, mean],
        "unpaired": _unpaired(a, b, equal_var=True),
        "unpaired welch": _unpaired(a, b, equal_var=False),
        "normal-quantile": _interval(a, b, quantile=1.96),
        "normal-quantile exact": _interval(a, b, quantile=stats.norm.ppf(0.975)),
        "normal-quantile two": _interval(a, b, quantile=2.0),
        "divided-by-n": _interval(a, b, ddof=0),
        "no-root-of-n": _interval(a, b, error=False),
        "degrees-of-freedom": _interval(a, b, quantile=stats.t.ppf(0.975, n)),
        "one-sided": _interval(a, b, quantile=stats.t.ppf(0.95, n - 1)),
        "one-standard-error": _interval(a, b, quantile=1.0),
        "one-standard-error deviation": _interval(a, b, quantile=1.0, error=False),
        "half-width": [mean, low - mean, high - mean],
        "interval-of-one": _interval(a, [0.0] * n),
    }
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    return found.split()[0] if found else None
