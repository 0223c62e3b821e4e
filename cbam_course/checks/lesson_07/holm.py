"""How an answer to the task holm is examined; the words stand in holm.toml beside it."""

import numpy as np

from ..values import as_numbers, show

# p-values (out of order, so that a sorted answer shows) and the levels to try them with
_CASES = {
    "stops": ([0.028, 0.004, 0.060, 0.012, 0.041], 0.05),
    "more-than-bonferroni": ([0.0160, 0.0900, 0.0110, 0.0040], 0.05),
    "no-way-back": ([0.020, 0.070, 0.024, 0.022], 0.05),
    "level": ([0.004, 0.0006, 0.02], 0.01),
}


def examine(holm, find):
    """Four lists of p-values that tell the methods apart."""
    for number, (slug, (p_values, level)) in enumerate(_CASES.items()):
        handed_in = holm(list(p_values), level)
        got = _flags(handed_in)
        if number == 0:
            fits = got is not None and len(got) == len(p_values)
            yield find("flags", fits, got=show(handed_in))
            if not fits:
                return
        expected = _holm(p_values, level)
        yield find(slug, got == expected, _mistake(holm), expected=show(expected), got=show(handed_in))


def _flags(result) -> list[bool] | None:
    """Read a list, an array or a tensor of truth values, or of ones and zeros."""
    if hasattr(result, "tolist"):
        result = result.tolist()
    if isinstance(result, (list, tuple)):
        result = [bool(flag) if isinstance(flag, (bool, np.bool_)) else flag for flag in result]
        numbers = as_numbers([int(flag) if isinstance(flag, bool) else flag for flag in result])
        if numbers is not None and set(numbers) <= {0.0, 1.0}:
            return [bool(number) for number in numbers]
    return None


def _decide(p_values, keep) -> list[bool]:
    """Mark the p-values that ``keep`` keeps of the sorted ones, in their own order."""
    order = np.argsort(p_values)
    flags = np.zeros(len(p_values), dtype=bool)
    flags[order[: keep(np.sort(p_values))]] = True
    return flags.tolist()


def _leading(flags) -> int:
    """How many are true before the first that is not."""
    return len(flags) if all(flags) else int(np.argmin(flags))


def _last(flags) -> int:
    return 0 if not any(flags) else len(flags) - int(np.argmax(flags[::-1]))


def _holm(p_values, level) -> list[bool]:
    m = len(p_values)
    return _decide(p_values, lambda p: _leading(p <= level / (m - np.arange(m))))


def _others(p_values, level) -> dict[str, list[bool]]:
    p, m = np.array(p_values), len(p_values)
    rank = np.argsort(np.argsort(p))
    return {
        "uncorrected": (p <= level).tolist(),
        "bonferroni": (p <= level / m).tolist(),
        "goes-on": (p <= level / (m - rank)).tolist(),
        "step-up": _decide(p, lambda s: _last(s <= level / (m - np.arange(m)))),
        "false-discovery-rate": _decide(p, lambda s: _last(s <= level * np.arange(1, m + 1) / m)),
        "given-order": _given_order(p, level).tolist(),
        "sorted-answer": sorted(_holm(p_values, level), reverse=True),
        "inverted": [not flag for flag in _holm(p_values, level)],
        "level-fixed": _holm(p_values, 0.05),
    }


def _given_order(p, level) -> np.ndarray:
    passed = p <= level / (len(p) - np.arange(len(p)))
    return np.logical_and.accumulate(passed)


def _mistake(holm) -> str | None:
    """The first method that gives the learner's answer in all cases."""
    got = [_flags(holm(list(p), level)) for p, level in _CASES.values()]
    methods = [_others(p, level) for p, level in _CASES.values()]
    return next((slug for slug in methods[0] if [m[slug] for m in methods] == got), None)
