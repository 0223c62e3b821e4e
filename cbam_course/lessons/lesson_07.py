"""How the answers of lesson 07 are examined; the words stand in lesson_07.toml beside it."""

from itertools import product

import numpy as np
import torch
from scipy import stats

from ..checks.report import Find
from ..checks.values import as_letters, as_number, as_numbers, close, show
from ..networks.small_cnn import SmallCNN
from ..training.results import load_results

# wrong-winner

# Sixteenths are exact in binary, so that ties are ties. The better model is once the first, once the second.
_SECOND_BETTER = [2 / 16, 11 / 16, 5 / 16, 3 / 16], [9 / 16, 5 / 16, 7 / 16, 4 / 16]
_FIRST_BETTER = [10 / 16, 6 / 16, 13 / 16], [4 / 16, 6 / 16, 3 / 16, 14 / 16, 1 / 16]


def wrong_winner(answer: object, find: Find) -> None:
    """Two pairs of lists with ties, the second with lists of different lengths."""
    handed_in = answer(*map(list, _SECOND_BETTER))
    got = as_number(handed_in)
    find("number", got is not None, got=show(handed_in))
    if got is None:
        return
    mistake = _wrong_winner_mistake(got, *_SECOND_BETTER)
    find("share", close(got, _share(*_SECOND_BETTER)), mistake, got=show(got))
    swapped = as_number(answer(*map(list, reversed(_SECOND_BETTER))))
    find("either", close(swapped, _share(*_SECOND_BETTER)), "fixed-direction", got=show(swapped))
    uneven = as_number(answer(*map(list, _FIRST_BETTER)))
    expected = _share(*_FIRST_BETTER)
    find("uneven", close(uneven, expected), _wrong_winner_mistake(uneven, *_FIRST_BETTER), got=show(uneven))


def _share(a, b, tie=0.5, pairs=None) -> float:
    """The share of pairs in which the model with the lower mean wins; a tie counts ``tie``."""
    worse, better = sorted((a, b), key=lambda scores: sum(scores) / len(scores))
    pairs = list(pairs(worse, better) if pairs else product(worse, better))
    return sum(1.0 if low > high else tie if low == high else 0.0 for low, high in pairs) / len(pairs)


def _wrong_winner_mistake(got, a, b) -> str | None:
    """Compare with other readings of the task."""
    right = _share(a, b)
    wrong = {
        "tie-forgotten": _share(a, b, tie=0.0),
        "tie-counted-whole": _share(a, b, tie=1.0),
        "right-winner": 1 - right,
        "paired-only": _share(a, b, pairs=zip),
        "paired-only without ties": _share(a, b, tie=0.0, pairs=zip),
        "not-divided": right * len(a) * len(b),
        "not-divided without ties": _share(a, b, tie=0.0) * len(a) * len(b),
    }
    found = next((slug for slug, value in wrong.items() if close(got, value)), None)
    if found is None and got is not None and 0 < abs(got - right) < 0.03:
        return "drawn-at-random"
    return found.split()[0] if found else None


# paired-interval

_FIVE = [0.71, 0.66, 0.78, 0.70, 0.74], [0.68, 0.65, 0.74, 0.70, 0.69]
_EIGHT = [0.31, 0.44, 0.38, 0.52, 0.47, 0.35, 0.41, 0.58], [0.36, 0.43, 0.45, 0.50, 0.55, 0.41, 0.47, 0.57]


def paired_interval(answer: object, find: Find) -> None:
    """Five pairs, then eight: the quantile of t has to change with their number."""
    got = _call(answer, _FIVE)
    three = got is not None and len(got) == 3
    find("three", three, "half-width" if got is not None and len(got) == 2 else None, got=show(got))
    if not three:
        return
    expected = _interval(*_FIVE)
    mistake = _paired_interval_mistake(got, *_FIVE)
    find("mean", close(got[0], expected[0]), mistake, got=show(got[0]))
    find("interval", close(got[1:], expected[1:]), mistake, got=show(got[1:]))
    more = _call(answer, _EIGHT)
    fixed = _interval(*_EIGHT, quantile=stats.t.ppf(0.975, 4))
    find(
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


def _paired_interval_mistake(got, a, b) -> str | None:
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


# sound-comparisons

_VERDICTS = ("sound", "seeds", "test-set", "best-of-n", "training", "size", "many")
_RIGHT = dict(
    zip(
        "ABCDEFGH",
        ("sound", "seeds", "test-set", "best-of-n", "training", "size", "sound", "many"),
        strict=True,
    )
)
_MISTAKES = {
    "A": "sound-refused",
    "B": "different-seeds",
    "C": "chosen-on-the-test-set",
    "D": "best-against-mean",
    "E": "unequal-training",
    "F": "more-parameters",
    "G": "null-refused",
    "H": "one-of-twenty",
}


def sound_comparisons(answer: object, find: Find) -> None:
    """A verdict on each of eight comparisons; the first one that is wrong is explained."""
    verdicts = _verdicts(answer)
    find("verdicts", verdicts is not None, got=show(answer, 300))
    if verdicts is None:
        return
    wrong = [letter for letter in _RIGHT if verdicts[letter] != _RIGHT[letter]]
    for slug, letters in (("sound-kept", "AG"), ("flaws-named", "BCDEFH")):
        here = [letter for letter in wrong if letter in letters]
        got = ", ".join(f"{letter}: {verdicts[letter]}" for letter in here)
        find(slug, not here, _MISTAKES[here[0]] if here else None, got=got)


def _verdicts(answer) -> dict[str, str] | None:
    """Read {"A": "sound", "b": "Test set" …}: one known word for each letter."""
    if not isinstance(answer, dict) or not all(isinstance(w, str) for pair in answer.items() for w in pair):
        return None
    read = {letter.strip().upper(): _word(word) for letter, word in answer.items()}
    complete = set(read) == set(_RIGHT) and set(read.values()) <= set(_VERDICTS)
    return read if complete else None


def _word(text: str) -> str:
    return "-".join(text.lower().replace("-", " ").replace("_", " ").split())


# fair-width

_PLAIN = (16, 32, 64)
_WITH_CBAM = 27_003  # SmallCNN(5) with CBAM(C, 4) in every block
_MOST = 27_813  # 3 % more
_CLASSES = 5


def fair_width(answer: object, find: Find) -> None:
    """Build the network with these widths and count."""
    widths = _widths(answer)
    find("widths", widths is not None, got=show(answer))
    if widths is None:
        return
    count = _parameters(widths)
    mistake = _fair_width_mistake(widths, count)
    find("enough", count >= _WITH_CBAM, mistake, got=f"{count:,} parameters")
    find("not-too-many", count <= _MOST, mistake, got=f"{count:,} parameters")
    growth = [width / before for width, before in zip(widths, _PLAIN, strict=True)]
    even = all(1 <= ratio <= 1.13 for ratio in growth)
    find("even", even, mistake, got=", ".join(f"{ratio:.2f}" for ratio in growth))


def _widths(answer) -> tuple[int, ...] | None:
    """Three whole numbers that make a network of a sensible size."""
    numbers = as_numbers(list(answer) if isinstance(answer, torch.Size) else answer)
    if numbers is None or len(numbers) != 3 or not all(n.is_integer() and 1 <= n <= 1024 for n in numbers):
        return None
    return tuple(map(int, numbers))


def _parameters(widths: tuple[int, ...]) -> int:
    return sum(p.numel() for p in SmallCNN(_CLASSES, widths=widths).parameters())


def _fair_width_mistake(widths: tuple[int, ...], count: int) -> str | None:
    if widths == _PLAIN:
        return "unchanged"
    if widths == (18, 36, 72):
        return "scaled-like-the-count"
    if any(not 1 <= width / before <= 1.13 for width, before in zip(widths, _PLAIN, strict=True)):
        return "lopsided" if count < 1.2 * _WITH_CBAM else "too-many"
    if count > _MOST:
        return "too-many"
    return "too-few" if count < _WITH_CBAM else None


# how-many-false

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


def how_many_false(answer: object, find: Find) -> None:
    """12 · 0.05 = 0.6 and 1 − 0.95¹² = 0.46."""
    numbers = as_numbers(answer)
    two = numbers is not None and len(numbers) == 2
    find("two", two, got=show(answer))
    if not two:
        return
    expected, probability = numbers
    mistake = _nearest(expected, _WRONG_EXPECTED)
    find("expected", close(expected, _EXPECTED, 0.005), mistake, got=show(expected))
    mistake = _nearest(probability, _WRONG_PROBABILITY)
    find("probability", close(probability, _AT_LEAST_ONE, 0.006), mistake, got=show(probability))


def _nearest(number: float, wrong: dict[float, str]) -> str | None:
    """The mistake whose value this is, within one percent or as people round."""
    return next(
        (slug for value, slug in wrong.items() if close(number, value, max(0.01 * value, 1e-4))), None
    )


# holm

# p-values (out of order, so that a sorted answer shows) and the levels to try them with
_CASES = {
    "stops": ([0.028, 0.004, 0.060, 0.012, 0.041], 0.05),
    "more-than-bonferroni": ([0.0160, 0.0900, 0.0110, 0.0040], 0.05),
    "no-way-back": ([0.020, 0.070, 0.024, 0.022], 0.05),
    "level": ([0.004, 0.0006, 0.02], 0.01),
}


def holm(answer: object, find: Find) -> None:
    """Four lists of p-values that tell the methods apart."""
    for number, (slug, (p_values, level)) in enumerate(_CASES.items()):
        handed_in = answer(list(p_values), level)
        got = _flags(handed_in)
        if number == 0:
            fits = got is not None and len(got) == len(p_values)
            find("flags", fits, got=show(handed_in))
            if not fits:
                return
        expected = _holm(p_values, level)
        find(slug, got == expected, _holm_mistake(answer), expected=show(expected), got=show(handed_in))


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


def _holm_mistake(holm) -> str | None:
    """The first method that gives the learner's answer in all cases."""
    got = [_flags(holm(list(p), level)) for p, level in _CASES.values()]
    methods = [_others(p, level) for p, level in _CASES.values()]
    return next((slug for slug in methods[0] if [m[slug] for m in methods] == got), None)


# predict-the-run

_MODELS = {"spatial": "spatial-k3", "cbam": "cbam-k3"}
_WIDEST = 0.06


def predict_the_run(answer: object, find: Find) -> None:
    """Two ranges of accuracy, each narrow enough to be wrong, with the mean of five seeds inside."""
    ranges = _ranges(answer)
    single = ranges is None and _is_two_numbers(answer)
    find("ranges", ranges is not None, "single-numbers" if single else None, got=show(answer))
    if ranges is None:
        return
    mistake = _malformed(ranges)
    find("well-formed", mistake is None, mistake, got=show(answer))
    if mistake:
        return
    widest = max(high - low for low, high in ranges)
    find("narrow", widest <= _WIDEST + 1e-9, "too-wide", got=f"{widest:.3f}")
    table = load_results("where")
    for (name, model), (low, high) in zip(_MODELS.items(), ranges, strict=True):
        mean = table.accuracy[table.model == model].mean()
        mistake = f"{name}-too-low" if high < mean else f"{name}-too-high"
        find(name, bool(low <= mean <= high), mistake, got=f"{low:.3f} to {high:.3f}")


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


# read-the-table

_FOLLOW = frozenset("ACD")
_MISSED = {"A": "missed-difference", "C": "missed-order", "D": "missed-depth"}
_EXTRA = {"B": "claims-a-winner", "E": "claims-a-spread", "F": "claims-any-recipe", "G": "claims-a-trend"}


def read_the_table(answer: object, find: Find) -> None:
    """Letters in any form; each one that is missing or too many has a text of its own."""
    letters = as_letters(answer, "ABCDEFG")
    find("letters", letters is not None, got=show(answer))
    if letters is None:
        return
    extra, missed = sorted(letters - _FOLLOW), sorted(_FOLLOW - letters)
    given = ", ".join(sorted(letters))
    find("none-extra", not extra, _EXTRA[extra[0]] if extra else None, got=given)
    find("none-missed", not missed, _MISSED[missed[0]] if missed else None, got=given)
