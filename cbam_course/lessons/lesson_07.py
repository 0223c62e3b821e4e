"""How the answers of lesson 07 are examined; the words stand in lesson_07.toml beside it."""

from collections.abc import Callable, Mapping
from itertools import product
from statistics import mean, median

import numpy as np
import pandas as pd
import torch
from scipy import stats

from ..checks.behaviour import name_function, one_of
from ..checks.report import Find
from ..checks.values import as_letters, as_number, as_numbers, close, show
from ..networks.small_cnn import SmallCNN
from ..statistics import load_results

# wrong-winner

# Sixteenths are exact in binary, so that ties are ties; zeros are divided by nothing and exceed nothing.
_PAIRS = [
    ([2 / 16, 11 / 16, 5 / 16, 3 / 16], [9 / 16, 5 / 16, 7 / 16, 4 / 16]),  # the second is better
    ([9 / 16, 5 / 16, 7 / 16, 4 / 16], [2 / 16, 11 / 16, 5 / 16, 3 / 16]),
    ([10 / 16, 6 / 16, 13 / 16], [4 / 16, 6 / 16, 3 / 16, 14 / 16, 1 / 16]),  # the first is, other lengths
    # The better mean has the lower median, so that its single runs lose more often than they win.
    ([8 / 16, 8 / 16, 8 / 16, 9 / 16], [7 / 16, 7 / 16, 15 / 16, 7 / 16]),
    ([7 / 16, 15 / 16, 7 / 16, 7 / 16], [8 / 16, 8 / 16, 8 / 16]),
    ([3 / 16], [5 / 16, 2 / 16]),
    ([9 / 16, 8 / 16], [7 / 16, 6 / 16, 5 / 16, 10 / 16]),  # the worse one has the larger sum
    # Mean, median, best run, first entry and majority of the pairs disagree.
    ([4 / 16, 9 / 16, 5 / 16], [8 / 16, 2 / 16, 7 / 16, 3 / 16]),
    ([8 / 16, 6 / 16, 10 / 16, 15 / 16], [9 / 16, 3 / 16, 5 / 16]),
    ([3 / 16, 11 / 16, 12 / 16], [5 / 16, 6 / 16, 7 / 16]),
    ([3 / 16, 11 / 16, 12 / 16], [2 / 16, 12 / 16, 6 / 16, 15 / 16]),
    ([1 / 16, 2 / 16], [14 / 16, 15 / 16]),  # never
]


def wrong_winner(answer: object, find: Find) -> None:
    """Pairs of lists: ties, other lengths, and a better mean with a lower median."""
    handed_in = answer(*map(list, _PAIRS[0]))
    if not find("number", as_number(handed_in) is not None, got=handed_in):
        return
    if _estimated(answer):
        find("share", False, "drawn-at-random", expected=_share(*_PAIRS[0]), got=handed_in)
        return
    find.agrees("share", answer, _share, _PAIRS, _OTHER_SHARES)


def _share(a, b, *, tie=0.5, pairs=product, middle=mean, turned=False) -> float:
    """The share of pairs in which the model with the lower mean wins; a tie counts ``tie``."""
    worse, better = sorted((a, b), key=middle, reverse=turned)
    chosen = list(pairs(worse, better))
    return sum(1.0 if low > high else tie if low == high else 0.0 for low, high in chosen) / len(chosen)


def _directed(a, b, *, tie=0.5) -> float:
    """How often a is ahead, whichever is better."""
    return sum(1.0 if x > y else tie if x == y else 0.0 for x, y in product(a, b)) / (len(a) * len(b))


def _decided(a, b) -> float:
    """The share among the pairs that are no tie."""
    worse, better = sorted((a, b), key=mean)
    decided = [low > high for low, high in product(worse, better) if low != high]
    return sum(decided) / len(decided)


def _estimated(answer) -> bool:
    """Near the right share everywhere, and no count of pairs or half pairs: then it comes from random draws."""
    got = [as_number(answer(list(a), list(b))) or 0.0 for a, b in _PAIRS]
    counts = [2 * len(a) * len(b) * share for (a, b), share in zip(_PAIRS, got, strict=True)]
    near = all(abs(share - _share(a, b)) < 0.06 for (a, b), share in zip(_PAIRS, got, strict=True))
    decided = all(abs(share - _decided(a, b)) < 1e-6 for (a, b), share in zip(_PAIRS, got, strict=True))
    return near and not decided and sum(abs(count - round(count)) > 1e-3 for count in counts) >= 3


_OTHER_SHARES = {
    "tie-forgotten": lambda a, b: _share(a, b, tie=0.0),
    "tie-counted-whole": lambda a, b: _share(a, b, tie=1.0),
    "ties-left-out": _decided,
    "right-winner": one_of(
        lambda a, b: _share(a, b, turned=True),
        lambda a, b: _share(a, b, turned=True, tie=0.0),
        lambda a, b: _share(a, b, turned=True, tie=1.0),
    ),
    "larger-share": one_of(
        lambda a, b: max(_directed(a, b), 1 - _directed(a, b)),
        lambda a, b: max(_directed(a, b, tie=0.0), _directed(b, a, tie=0.0)),
    ),
    "smaller-share": one_of(
        lambda a, b: min(_directed(a, b), 1 - _directed(a, b)),
        lambda a, b: min(_directed(a, b, tie=0.0), _directed(b, a, tie=0.0)),
    ),
    # Where the two are equal, either may be taken for the worse one.
    "median-compared": one_of(
        lambda a, b: _share(a, b, middle=median), lambda a, b: _share(b, a, middle=median)
    ),
    "sum-compared": one_of(lambda a, b: _share(a, b, middle=sum), lambda a, b: _share(b, a, middle=sum)),
    "sorted-without-key": lambda a, b: _share(a, b, middle=list),
    "best-compared": one_of(lambda a, b: _share(a, b, middle=max), lambda a, b: _share(b, a, middle=max)),
    "paired-only": one_of(
        lambda a, b: _share(a, b, pairs=zip), lambda a, b: _share(a, b, pairs=zip, tie=0.0)
    ),
    "in-percent": lambda a, b: 100 * _share(a, b),
    "not-divided": one_of(
        lambda a, b: _share(a, b) * len(a) * len(b), lambda a, b: _share(a, b, tie=0.0) * len(a) * len(b)
    ),
    "fixed-direction": one_of(
        _directed,
        lambda a, b: _directed(b, a),
        lambda a, b: _directed(a, b, tie=0.0),
        lambda a, b: _directed(b, a, tie=0.0),
        lambda a, b: _directed(a, b, tie=1.0),
        lambda a, b: _directed(b, a, tie=1.0),
    ),
}

# paired-interval

_FIVE = [0.71, 0.66, 0.78, 0.70, 0.74], [0.68, 0.65, 0.74, 0.70, 0.69]
_EIGHT = [0.31, 0.44, 0.38, 0.52, 0.47, 0.35, 0.41, 0.58], [0.36, 0.43, 0.45, 0.50, 0.55, 0.41, 0.47, 0.57]


def paired_interval(answer: object, find: Find) -> None:
    """Five pairs, then eight: the quantile of t has to change with their number."""
    got = _call(answer, _FIVE)
    three = got is not None and len(got) == 3
    find("three", three, _of_two(got) if got is not None and len(got) == 2 else None, got=show(got))
    if not three:
        return
    expected = _interval(*_FIVE)
    mistake = _paired_interval_mistake(answer)
    more, eight = _call(answer, _EIGHT), _interval(*_EIGHT)
    fixed = _interval(*_EIGHT, quantile=stats.t.ppf(0.975, 4))
    name = "fixed-quantile" if _same(more, fixed) else mistake
    fits = [
        find(slug, _same(given, right), why, expected=_digits(right), got=_digits(given))
        for slug, given, right, why in (
            ("mean", got[:1], expected[:1], mistake),
            ("interval", got[1:], expected[1:], mistake),
            ("any", more, eight, name),
        )
    ]
    if not all(fits):
        find.smallest(lambda a, b: _four_places(_call(answer, (a, b))), _right_interval, [_FIVE, _EIGHT])


def _digits(numbers: list[float] | None) -> str:
    return show(None) if numbers is None else ", ".join(f"{number:.4f}" for number in numbers)


def _four_places(numbers: list[float] | None) -> list[float] | None:
    return None if numbers is None else [round(float(number), 4) for number in numbers]


def _right_interval(a, b) -> list[float] | None:
    if len(a) != len(b) or len(a) < 2:
        raise ValueError("no pairs")
    return _four_places(_interval(a, b))


def _of_two(got) -> str | None:
    """Which two of the numbers these are."""
    middle, low, high = _interval(*_FIVE)
    wrong = {"half-width": [middle, high - middle], "mean-missing": [low, high]}
    return next((slug for slug, two in wrong.items() if close(got, two)), None)


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


def _intervals(a, b) -> dict[str, list[float]]:
    """Intervals of other kinds."""
    n, (middle, low, high) = len(a), _interval(a, b)
    t, d = stats.t.ppf(0.975, n - 1), np.subtract(a, b)
    apart = t * (np.var(a, ddof=1) / n + np.var(b, ddof=1) / n) ** 0.5  # the spreads of both, with n − 1
    return {
        "second-minus-first": _interval(b, a),
        "ends-exchanged": [middle, high, low],
        "order-of-results": [low, middle, high],
        "order-of-results last": [low, high, middle],
        "unpaired": _unpaired(a, b, equal_var=True),
        "unpaired welch": _unpaired(a, b, equal_var=False),
        "unpaired narrow": [middle, middle - apart, middle + apart],
        "normal-quantile": _interval(a, b, quantile=1.96),
        "normal-quantile exact": _interval(a, b, quantile=stats.norm.ppf(0.975)),
        "normal-quantile two": _interval(a, b, quantile=2.0),
        "divided-by-n": _interval(a, b, ddof=0),
        "no-root-of-n": _interval(a, b, error=False),
        "n-without-root": _interval(a, b, quantile=t / n**0.5),
        "variance": _interval(a, b, quantile=t * d.std(ddof=1)),
        "spread-of-differences": [middle, *np.quantile(d, [0.025, 0.975])],
        "spread-of-differences whole": [middle, d.min(), d.max()],
        "sign-lost": _interval(abs(d), [0.0] * n),
        "degrees-of-freedom": _interval(a, b, quantile=stats.t.ppf(0.975, n)),
        "one-sided": _interval(a, b, quantile=stats.t.ppf(0.95, n - 1)),
        "one-standard-error": _interval(a, b, quantile=1.0),
        "one-standard-error deviation": _interval(a, b, quantile=1.0, error=False),
        "half-width": [middle, low - middle, high - middle],
        "half-width twice": [middle, high - middle, high - middle],
        "interval-of-one": _interval(a, [0.0] * n),
        "root-of-one-less": _interval(a, b, quantile=stats.t.ppf(0.975, n - 1) * (n / (n - 1)) ** 0.5),
        "other-level": _interval(a, b, quantile=stats.t.ppf(0.995, n - 1)),
        "other-level 90": _interval(a, b, quantile=stats.t.ppf(0.9, n - 1)),
        "sorted-scores": _interval(sorted(a), sorted(b)),
    }


def _paired_interval_mistake(answer) -> Callable[[], str | None]:
    """Name the one kind of interval that the answer gives for five pairs and for eight."""

    def name():
        fitting = None
        for scores in (_FIVE, _EIGHT):
            got = _call(answer, scores)
            if got is None:
                return None
            here = {slug.split()[0] for slug, value in _intervals(*scores).items() if close(got, value, 1e-5)}
            fitting = here if fitting is None else fitting & here
        return fitting.pop() if len(fitting) == 1 else None

    return name


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
    counted = "count-not-widths" if as_number(answer) is not None else None
    if not find("widths", widths is not None, counted, got=show(answer)):
        return
    assert widths is not None
    count = _parameters(widths)
    mistake = _fair_width_mistake(widths, count)
    find("enough", count >= _WITH_CBAM, mistake, got=f"{count:,} parameters")
    find("not-too-many", count <= _MOST, mistake, got=f"{count:,} parameters")
    growth = [width / before for width, before in zip(widths, _PLAIN, strict=True)]
    even = all(1 <= ratio <= 1.13 for ratio in growth)
    find("even", even, mistake, got=", ".join(f"{ratio:.2f}" for ratio in growth))


def _widths(answer) -> tuple[int, ...] | None:
    """Three whole numbers that make a network of a sensible size."""
    if isinstance(answer, Mapping):
        return None
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


# gain-at-own-rates

_RATES = (0.001, 0.01, 0.1)


def _runs(rows) -> list[dict]:
    """Rows of (model, rate, seed, validation, test), in thousandths, as a list of dictionaries."""
    return [
        {"model": m, "rate": r, "seed": s, "validation": v / 1000, "test": t / 1000} for m, r, s, v, t in rows
    ]


# new is best at .01 on validation, old at .1; on test images they would choose otherwise. The seeds are out of order.
_TUNING = _runs(
    [
        ("new", 0.001, 1, 610, 655), ("new", 0.001, 2, 640, 610), ("new", 0.001, 3, 655, 640),
        ("new", 0.01, 3, 840, 805), ("new", 0.01, 1, 835, 790), ("new", 0.01, 2, 815, 822),
        ("new", 0.1, 1, 790, 860), ("new", 0.1, 2, 850, 848), ("new", 0.1, 3, 795, 812),
        ("old", 0.001, 1, 590, 520), ("old", 0.001, 2, 575, 560), ("old", 0.001, 3, 540, 538),
        ("old", 0.01, 1, 760, 905), ("old", 0.01, 2, 770, 740), ("old", 0.01, 3, 742, 716),
        ("old", 0.1, 2, 845, 801), ("old", 0.1, 3, 800, 774), ("old", 0.1, 1, 825, 768),
    ]
)  # fmt: skip
# Here both are best at the smallest rate, and new has a run more than old there, in between; it decides the rate.
_UNEVEN = _runs(
    [
        ("old", 0.1, 4, 500, 610), ("old", 0.1, 5, 520, 530),
        ("old", 0.001, 4, 700, 690), ("old", 0.001, 5, 690, 640),
        ("new", 0.001, 4, 830, 700), ("new", 0.001, 6, 880, 980), ("new", 0.001, 5, 820, 735),
        ("new", 0.1, 4, 835, 810), ("new", 0.1, 5, 845, 780),
        ("third", 0.1, 4, 990, 990), ("third", 0.1, 5, 980, 985),
        ("third", 0.001, 4, 700, 720), ("third", 0.001, 5, 710, 745), ("third", 0.001, 6, 690, 800),
    ]
)  # fmt: skip
# Mean, median, best and worst validation score would choose otherwise.
_SKEWED = _runs(
    [
        ("new", 0.001, 7, 800, 731), ("new", 0.001, 8, 810, 742), ("new", 0.001, 9, 600, 655),
        ("new", 0.01, 7, 700, 812), ("new", 0.01, 8, 720, 777), ("new", 0.01, 9, 730, 760),
        ("new", 0.1, 7, 820, 690), ("new", 0.1, 8, 500, 702), ("new", 0.1, 9, 815, 648),
        ("old", 0.001, 7, 610, 688), ("old", 0.001, 8, 590, 671), ("old", 0.001, 9, 605, 694),
        ("old", 0.01, 7, 640, 700), ("old", 0.01, 8, 650, 713), ("old", 0.01, 9, 655, 690),
        ("old", 0.1, 7, 560, 645), ("old", 0.1, 8, 575, 630), ("old", 0.1, 9, 580, 622),
    ]
)  # fmt: skip
# Each model was tried at rates of its own.
_APART = _runs(
    [
        ("new", 0.001, 1, 700, 712), ("new", 0.001, 2, 710, 698),
        ("new", 0.01, 1, 640, 731), ("new", 0.01, 2, 655, 744),
        ("old", 0.03, 1, 690, 677), ("old", 0.03, 2, 665, 683),
        ("old", 0.1, 1, 580, 702), ("old", 0.1, 2, 610, 690),
    ]
)  # fmt: skip
_GAIN_INPUTS = [
    (_TUNING, "new", "old"),
    (_TUNING, "old", "new"),
    (_UNEVEN, "new", "old"),
    (_UNEVEN, "third", "new"),
    (_SKEWED, "new", "old"),
]


def gain_at_own_rates(answer: object, find: Find) -> None:
    """Two tables in which validation and test images would choose other rates."""
    handed_in = answer([dict(run) for run in _TUNING], "new", "old")
    if not find("number", as_number(handed_in) is not None, got=handed_in):
        return
    name = name_function(answer, _gain, _OTHER_GAINS, _GAIN_INPUTS)
    apart = (_APART, "new", "old")
    for slug, inputs in (("gain", [*_GAIN_INPUTS[:2], apart]), ("pairs", _GAIN_INPUTS[2:])):
        for arguments in inputs:
            got, right = answer([dict(run) for run in arguments[0]], *arguments[1:]), _gain(*arguments)
            if not find(
                slug, close(as_number(got), right), name, got=got, expected=round(right, 4), **_who(arguments)
            ):
                return


def _who(arguments) -> dict[str, str]:
    return {"first": arguments[1], "second": arguments[2]}


def _chosen(runs, model, *, by="validation", middle=mean) -> float:
    """The rate at which a model's runs have the highest mean."""
    rates = dict.fromkeys(run["rate"] for run in runs if run["model"] == model)
    return max(
        rates,
        key=lambda rate: middle(run[by] for run in runs if (run["model"], run["rate"]) == (model, rate)),
    )


def _tests(runs, model, rate, column="test") -> dict[int, float]:
    return {run["seed"]: run[column] for run in runs if (run["model"], run["rate"]) == (model, rate)}


def _paired_mean(a: dict, b: dict) -> float:
    return mean(a[seed] - b[seed] for seed in a if seed in b)


def _gain(runs, first, second, *, by="validation", middle=mean, column="test") -> float:
    a, b = (_tests(runs, m, _chosen(runs, m, by=by, middle=middle), column) for m in (first, second))
    return _paired_mean(a, b)


def _gain_of_all(runs, first, second) -> float:
    """Means of all runs, not of those with a common seed."""
    a, b = (_tests(runs, m, _chosen(runs, m)) for m in (first, second))
    return mean(a.values()) - mean(b.values())


def _at_one_rate(whose):
    def gain(runs, first, second) -> float:
        rate = _chosen(runs, {"first": first, "second": second}[whose])
        return _paired_mean(_tests(runs, first, rate), _tests(runs, second, rate))

    return gain


def _at_a_common_rate(runs, first, second, *, all_models: bool) -> float:
    """At the rate with the best mean of both models' runs together, or of all that there are."""
    both = [{**run, "model": ""} for run in runs if all_models or run["model"] in (first, second)]
    rate = _chosen(both, "")
    return _paired_mean(_tests(runs, first, rate), _tests(runs, second, rate))


def _rate_for_each_seed(runs, first, second) -> float:
    a, b = (
        {
            run["seed"]: run["test"]
            for run in sorted(runs, key=lambda run: run["validation"])  # the best one stays
            if run["model"] == model
        }
        for model in (first, second)
    )
    return _paired_mean(a, b)


def _paired_by_place(runs, first, second, *, order=list) -> float:
    a, b = (order(_tests(runs, m, _chosen(runs, m)).values()) for m in (first, second))
    return mean(x - y for x, y in zip(a, b, strict=False))


def _cut_first(runs, first, second) -> float:
    """Only runs whose seed both models have take part, in the choice too."""
    seeds = [{run["seed"] for run in runs if run["model"] == model} for model in (first, second)]
    return _gain([run for run in runs if run["seed"] in seeds[0] & seeds[1]], first, second)


def _added_up(runs, first, second) -> float:
    a, b = (_tests(runs, m, _chosen(runs, m)) for m in (first, second))
    return sum(a[seed] - b[seed] for seed in a if seed in b)


def _averaged_rates(runs, first, second) -> float:
    return mean(r["test"] for r in runs if r["model"] == first) - mean(
        r["test"] for r in runs if r["model"] == second
    )


def _best_runs(runs, first, second) -> float:
    a, b = (_tests(runs, m, _chosen(runs, m)) for m in (first, second))
    return max(a.values()) - max(b.values())


def _best_of_all(runs, first, second) -> float:
    a, b = (max(run["test"] for run in runs if run["model"] == m) for m in (first, second))
    return a - b


def _at_extreme_rate(runs, first, second, which) -> float:
    """At the smallest or the largest rate, whatever validation says."""
    a, b = (_tests(runs, m, which(run["rate"] for run in runs if run["model"] == m)) for m in (first, second))
    return _paired_mean(a, b)


_OTHER_GAINS = {
    "chosen-on-the-test-set": one_of(
        lambda r, a, b: _gain(r, a, b, by="test"), lambda r, a, b: _gain(r, a, b, by="test", middle=max)
    ),
    "one-rate-for-both": one_of(
        _at_one_rate("first"),
        _at_one_rate("second"),
        lambda r, a, b: _at_a_common_rate(r, a, b, all_models=False),
        lambda r, a, b: _at_a_common_rate(r, a, b, all_models=True),
    ),
    "rate-for-each-seed": _rate_for_each_seed,
    "paired-by-place": one_of(
        _paired_by_place, lambda r, a, b: _paired_by_place(r, a, b, order=lambda scores: list(scores)[::-1])
    ),
    "seeds-cut-first": _cut_first,
    "sum-not-mean": _added_up,
    "best-run-chose": lambda r, a, b: _gain(r, a, b, middle=max),
    "validation-reported": lambda r, a, b: _gain(r, a, b, column="validation"),
    "second-minus-first": lambda r, a, b: _gain(r, b, a),
    "all-rates-averaged": _averaged_rates,
    "not-paired": _gain_of_all,
    "best-of-n": one_of(_best_runs, _best_of_all),
    "sum-chose": lambda r, a, b: _gain(r, a, b, middle=sum),
    "worst-run-chose": lambda r, a, b: _gain(r, a, b, middle=min),
    "median-chose": lambda r, a, b: _gain(r, a, b, middle=median),
    "worst-rate": lambda r, a, b: _gain(r, a, b, middle=lambda scores: -mean(scores)),
    "sign-lost": lambda r, a, b: abs(_gain(r, a, b)),
    "rate-not-chosen": one_of(*(lambda r, a, b, w=w: _at_extreme_rate(r, a, b, w) for w in (min, max))),
}

# holm

# p-values (out of order, so that a sorted answer shows) and levels: a stop, a later recovery, ties, exact thresholds,
# another level, one p-value, none below, all below.
_CASES = [
    ([0.028, 0.004, 0.060, 0.012, 0.041], 0.05),
    ([0.0160, 0.0900, 0.0110, 0.0040], 0.05),
    ([0.020, 0.070, 0.024, 0.022], 0.05),
    ([0.004, 0.0006, 0.02], 0.01),
    ([0.5, 0.125, 0.0625], 0.25),  # exact in binary: .0625 < .25/3, .125 = .25/2, then .5 > .25
    ([0.125, 0.125], 0.25),  # equal to the threshold, twice: with first-match indices too
    ([0.02, 0.001, 0.02, 0.02], 0.05),  # ties that fail
    (
        [0.024, 0.024, 0.9, 0.001],
        0.05,
    ),  # the second of the tied ones would pass its own threshold, the first fails
    ([0.015, 0.04, 0.015], 0.05),  # ties that pass
    ([0.05], 0.05),
    ([0.3, 0.2], 0.05),
    ([0.04, 0.003, 0.02], 0.05),
    ([0.03, 0.01], 0.05),
    ([0.3, 0.0101, 0.4, 0.2, 0.5], 0.05),  # above .05 / 5, below Šidák's 1 − .95^(1/5) = .01021
]


def holm(answer: object, find: Find) -> None:
    """Lists of p-values that tell the methods apart."""

    def flags(p_values, level):
        got = answer(p_values, level)
        read = _flags(got)
        return got if read is None else read

    first = flags(list(_CASES[0][0]), _CASES[0][1])
    fits = isinstance(first, list) and len(first) == len(_CASES[0][0]) and all(type(f) is bool for f in first)
    places = [place for place, flag in enumerate(_holm(*_CASES[0])) if flag]
    numbers = as_numbers(first)
    listed = numbers is not None and sorted(numbers) == places
    if not find("flags", fits, "places-not-flags" if listed else None, got=first):
        return
    find.agrees("decisions", flags, _holm, _CASES, _OTHER_METHODS)


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
    order = np.argsort(p_values, kind="stable")
    flags = np.zeros(len(p_values), dtype=bool)
    flags[order[: keep(np.sort(p_values))]] = True
    return flags.tolist()


def _leading(flags) -> int:
    """How many are true before the first that is not."""
    return len(flags) if all(flags) else int(np.argmin(flags))


def _last(flags) -> int:
    return 0 if not any(flags) else len(flags) - int(np.argmax(flags[::-1]))


def _holm(p_values, level, *, late=0) -> list[bool]:
    """``late`` is added to the divisor of all but the first."""
    m = len(p_values)
    if not 0 < level < 1:
        raise ValueError("a level lies between 0 and 1")  # so that none else is shown as the smallest input
    left = m - np.arange(m) + late * (np.arange(m) > 0)
    return _decide(p_values, lambda p: _leading(p <= level / left))


def _strict(p_values, level) -> list[bool]:
    m = len(p_values)
    return _decide(p_values, lambda p: _leading(p < level / (m - np.arange(m))))


def _first_match(p_values, level) -> list[bool]:
    """As with ``p_values.index(p)``: of equal p-values only the first gets its flag."""
    flags = [False] * len(p_values)
    for k, p in enumerate(sorted(p_values)):
        if p > level / (len(p_values) - k):
            break
        flags[list(p_values).index(p)] = True
    return flags


def _only_the_first_failure(p_values, level) -> list[bool]:
    """All true at the start, and False for the p-value at which the procedure stops."""
    flags = [True] * len(p_values)
    kept = sum(_holm(p_values, level))
    if kept < len(p_values):
        flags[int(np.argsort(p_values, kind="stable")[kept])] = False
    return flags


def _own_threshold(p_values, level) -> list[bool]:
    ranks = np.argsort(np.argsort(p_values, kind="stable"), kind="stable")
    return (np.array(p_values) <= level / (len(p_values) - ranks)).tolist()


def _own_threshold_by_value(p_values, level) -> list[bool]:
    """Equal p-values share the rank of the first."""
    order, m = sorted(p_values), len(p_values)
    return [p <= level / (m - order.index(p)) for p in p_values]


def _given_order(p_values, level) -> list[bool]:
    p = np.array(p_values)
    passed = p <= level / (len(p) - np.arange(len(p)))
    return np.logical_and.accumulate(passed).tolist()


def _benjamini_hochberg(p_values, level) -> list[bool]:
    m = len(p_values)
    return _decide(p_values, lambda s: _last(s <= level * np.arange(1, m + 1) / m))


def _thresholds(sorted_values, level):
    return level / (len(sorted_values) - np.arange(len(sorted_values)))


def _from_the_largest(p_values, level) -> list[bool]:
    """Sorted the wrong way round: the largest against level / m, and stopped at the first that fails."""
    order = np.argsort(p_values, kind="stable")[::-1]
    passed = np.logical_and.accumulate(np.array(p_values)[order] <= _thresholds(order, level))
    flags = np.zeros(len(order), dtype=bool)
    flags[order[passed]] = True
    return flags.tolist()


_OTHER_METHODS = {
    "uncorrected": one_of(lambda p, level: [q <= level for q in p], lambda p, level: [q < level for q in p]),
    "bonferroni": one_of(
        lambda p, level: [q <= level / len(p) for q in p], lambda p, level: [q < level / len(p) for q in p]
    ),
    "goes-on": one_of(_own_threshold, _own_threshold_by_value),
    "step-up": lambda p, level: _decide(p, lambda s: _last(s <= level / (len(p) - np.arange(len(p))))),
    "false-discovery-rate": one_of(
        _benjamini_hochberg,
        lambda p, level: _decide(p, lambda s: _leading(s <= level * np.arange(1, len(p) + 1) / len(p))),
    ),
    "given-order": _given_order,
    "sorted-answer": lambda p, level: sorted(_holm(p, level), reverse=True),
    "inverted": lambda p, level: [not flag for flag in _holm(p, level)],
    "level-fixed": lambda p, level: _holm(p, 0.05),
    "late-divisor": one_of(
        lambda p, level: _holm(p, level, late=1),
        lambda p, level: _decide(p, lambda s: _leading(s <= level / (len(p) + 1 - np.arange(len(p))))),
    ),
    "early-divisor": lambda p, level: _decide(
        p, lambda s: _leading(s <= level / np.maximum(len(p) - 1 - np.arange(len(p)), 1))
    ),
    "strictly-below": _strict,
    "sidak": one_of(
        lambda p, level: [q <= 1 - (1 - level) ** (1 / len(p)) for q in p],
        lambda p, level: _decide(
            p, lambda s: _leading(s <= 1 - (1 - level) ** (1 / (len(p) - np.arange(len(p)))))
        ),
    ),
    "from-the-largest": _from_the_largest,
    "counted-up": one_of(
        lambda p, level: _decide(p, lambda s: _leading(s <= level / (1 + np.arange(len(p))))),
        lambda p, level: [q <= level / (1 + k) for q, k in zip(p, np.argsort(np.argsort(p)), strict=True)],
    ),
    "one-too-many": lambda p, level: _decide(
        p, lambda s: min(_leading(s <= _thresholds(s, level)) + 1, len(s))
    ),
    "first-match": _first_match,
    "only-the-first-failure": _only_the_first_failure,
}

# predict-the-run

_RATES_ASKED = (0.003, 0.01)


def predict_the_run(answer: object, find: Find) -> None:
    """A prediction is well formed or not, and never wrong; the outcome has to be that of the table."""
    parts = _prediction(answer)
    if not find("parts", parts is not None, got=answer):
        return
    predicted, seen = parts
    mistake = _no_difference(predicted)
    if not find("predicted", mistake is None, mistake, got=predicted):
        return
    right = _small_gains()
    name = None
    if seen is not None and not close(seen, right, 0.0051):
        name = _outcome_mistake(seen, predicted, right)
    find("looked", seen is not None and close(seen, right, 0.0051), name, got=answer["outcome"])


def _prediction(answer) -> tuple[list[float], list[float] | None] | None:
    """Read {"predicted": (a, b), "outcome": (c, d)}, the second None as long as nobody looked."""
    if not isinstance(answer, Mapping) or not {"predicted", "outcome"} <= set(answer):
        return None
    predicted, seen = as_numbers(answer["predicted"]), as_numbers(answer["outcome"])
    if predicted is None or len(predicted) != 2:
        return None
    return predicted, seen if seen is not None and len(seen) == 2 else None


def _no_difference(numbers) -> str | None:
    if not all(np.isfinite(numbers)) or max(map(abs, numbers)) > 100:
        return "no-difference"
    return "in-percent" if max(map(abs, numbers)) > 1 else None


def _small_gains(column="accuracy_small", *, turned=False) -> list[float]:
    """CBAM minus plain on the third of the test images with the smallest targets, at both rates."""
    means = load_results("learning-rate").groupby(["learning_rate", "model"])[column].mean()
    return [
        (-1 if turned else 1) * float(means[rate, "cbam"] - means[rate, "plain"]) for rate in _RATES_ASKED
    ]


def _outcome_mistake(seen, predicted, right) -> str | None:
    if close(seen, predicted, 1e-9):
        return "prediction-repeated"
    wrong = {
        "all-sizes": _small_gains("accuracy"),
        "second-minus-first": _small_gains(turned=True),
        "rates-exchanged": right[::-1],
    }
    if close([gain / 100 for gain in seen], right, 0.0015):
        return "in-percent"
    return next((slug for slug, value in wrong.items() if close(seen, value, 0.0015)), None)


# claim-first

_WORDS = ("higher", "lower", "not-shown", "equal", "proved")
_FIELDS = ("claim", "first", "second", "runs", "interval", "verdict")
_FEWEST = 5


def claim_first(answer: object, find: Find) -> None:
    """Whether runs are pairs, the interval is theirs and the verdict says no more, whichever way it went."""
    missing = [name for name in _FIELDS if not isinstance(answer, Mapping) or answer.get(name) is None]
    if not find("fields", not missing, got=", ".join(missing) if isinstance(answer, Mapping) else answer):
        return
    first, second = answer["first"], answer["second"]
    words = (answer["claim"], first, second)
    texts = all(isinstance(word, str) for word in words)
    found = [_letters(name) in _letters(words[0]) for name in words[1:]] if texts else []
    mistake = "same-model" if found and first == second else "one-model-named" if sum(found) == 1 else None
    if not find("claim", found == [True, True] and first != second, mistake, got=answer["claim"]):
        return
    wide, mistake = _pairs(answer["runs"], first, second)
    if isinstance(answer["runs"], pd.DataFrame) and {first, second} <= set(answer["runs"].columns):
        mistake = "already-pivoted"
    if not find("pairs", wide is not None, mistake, got=answer["runs"]):
        return
    if not find("seeds", len(wide) >= _FEWEST, "too-few-seeds", got=len(wide)):
        return
    right = _interval(wide[first], wide[second])[1:]
    got = as_numbers(answer["interval"])
    fits = got is not None and len(got) == 2 and close(got, right, 0.00051)
    if not find(
        "interval",
        fits,
        lambda: _claim_interval(got, wide[first], wide[second]),
        got=answer["interval"] if got is None else _digits(got),
    ):
        return
    word = _word(str(answer["verdict"]))
    true = "not-shown" if right[0] <= 0 <= right[1] else "higher" if right[0] > 0 else "lower"
    find(
        "verdict",
        word == true,
        _verdict_mistake(word, true),
        got=answer["verdict"],
        low=f"{right[0]:+.3f}",
        high=f"{right[1]:+.3f}",
    )


def _pairs(runs, first, second) -> tuple[pd.DataFrame | None, str | None]:
    """Seed × model of the two, or why that cannot be had."""
    try:
        table = pd.DataFrame(runs)[["model", "seed", "accuracy"]]
        table = table[table.model.isin([first, second])].astype({"accuracy": float})
    except (KeyError, TypeError, ValueError):
        return None, None
    if table.duplicated(["model", "seed"]).any():
        return None, "seed-twice"
    wide = table.pivot(index="seed", columns="model", values="accuracy")
    if not {first, second} <= set(wide):
        return None, "a-model-is-missing"
    if wide.isna().any(axis=None):
        return None, None if table.accuracy.isna().any() else "different-seeds"
    return wide, None


def _claim_interval(got, a, b) -> str | None:
    if got is None or len(got) != 2:
        return "mean-too" if got is not None and close(got, _interval(a, b), 0.00051) else None
    wrong = {slug: value[1:] for slug, value in _intervals(a, b).items()}
    middle, low, high = _interval(a, b)
    wrong["half-width with the mean"] = [middle, high - middle]
    wrong["in-percent"] = [100 * low, 100 * high]
    found = {slug.split()[0] for slug, value in wrong.items() if close(got, value, 0.00011)}
    return found.pop() if len(found) == 1 and found <= _CLAIM_INTERVALS else None


_CLAIM_INTERVALS = {
    "second-minus-first",
    "ends-exchanged",
    "unpaired",
    "normal-quantile",
    "one-sided",
    "divided-by-n",
    "no-root-of-n",
    "one-standard-error",
    "spread-of-differences",
    "half-width",
    "in-percent",
}


def _letters(text: str) -> str:
    """Without spaces and capitals: a mean + max head is the mean+max head."""
    return "".join(text.lower().split())


def _verdict_mistake(word: str, true: str) -> str | None:
    if word == "equal":
        return "not-shown-is-not-equal"
    if word == "proved":
        return "proved-too-much"
    if word in ("higher", "lower"):
        return "zero-inside" if true == "not-shown" else "wrong-way"
    return "too-modest" if word == "not-shown" else None


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
