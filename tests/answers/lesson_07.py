"""Answers to the tasks of lesson 07: right ones written differently, wrong ones under their mistakes."""

import random
import statistics
from itertools import product

import numpy
import numpy as np
import torch
from scipy import stats

RIGHT: dict[str, list] = {}
WRONG: dict[str, dict] = {}


# wrong-winner


def wrong_winner_looped(a, b):
    if sum(a) / len(a) > sum(b) / len(b):
        a, b = b, a
    return sum((x > y) + 0.5 * (x == y) for x in a for y in b) / (len(a) * len(b))


def table(a, b):
    a, b = np.array(a), np.array(b)
    sign = np.sign(a[:, None] - b[None]) * np.sign(b.mean() - a.mean())
    return (sign > 0).mean() + (sign == 0).mean() / 2


def wrong_winner_of_tensors(first, second):
    worse, better = sorted(map(torch.tensor, (first, second)), key=lambda t: t.mean().item())
    difference = worse[:, None] - better
    return ((difference > 0).double() + (difference == 0).double() / 2).mean()


def by_ranks(a, b):
    """Mann and Whitney's U counts exactly this."""
    from scipy.stats import mannwhitneyu

    u = mannwhitneyu(a, b).statistic / (len(a) * len(b))
    return float(u if np.mean(a) < np.mean(b) else 1 - u)


def assumes_second(a, b):
    return sum((x > y) + 0.5 * (x == y) for x, y in product(a, b)) / (len(a) * len(b))


def count(tie, pairs=product):
    def function(a, b):
        worse, better = sorted((a, b), key=lambda s: sum(s) / len(s))
        chosen = list(pairs(worse, better))
        return sum(1 if x > y else tie if x == y else 0 for x, y in chosen) / len(chosen)

    return function


def sampled(a, b):
    rng = random.Random(1)
    worse, better = sorted((a, b), key=lambda s: sum(s) / len(s))
    draws = [(rng.choice(worse), rng.choice(better)) for _ in range(20000)]
    return sum((x > y) + 0.5 * (x == y) for x, y in draws) / len(draws)


RIGHT["wrong-winner"] = [wrong_winner_looped, table, wrong_winner_of_tensors, by_ranks]

WRONG["wrong-winner"] = {
    "tie-forgotten": [count(0)],
    "tie-counted-whole": [count(1)],
    "right-winner": [lambda a, b: 1 - wrong_winner_looped(a, b)],
    "paired-only": [count(0.5, zip), count(0, zip)],
    "not-divided": [lambda a, b: wrong_winner_looped(a, b) * len(a) * len(b)],
    "fixed-direction": [assumes_second],
    "drawn-at-random": [sampled],
}


# paired-interval


def spelt_out(a, b):
    d = [x - y for x, y in zip(a, b, strict=True)]
    n, mean = len(d), statistics.mean(d)
    half = stats.t.ppf(0.975, n - 1) * statistics.stdev(d) / n**0.5
    return mean, mean - half, mean + half


def by_scipy(a, b):
    result = stats.ttest_rel(a, b)
    interval = result.confidence_interval(0.95)
    return [np.mean(a) - np.mean(b), interval.low, interval.high]


def paired_interval_of_tensors(first, second):
    d = torch.tensor(first).double() - torch.tensor(second).double()
    half = stats.t.isf(0.025, len(d) - 1) * d.std() / len(d) ** 0.5
    return d.mean() + torch.tensor([0.0, -1.0, 1.0]) * half


def as_array(a, b):
    d = np.array(a) - np.array(b)
    return np.array([d.mean(), *stats.t.interval(0.95, len(d) - 1, loc=d.mean(), scale=stats.sem(d))])


def half_of(quantile, ddof=1, root=True):
    def function(a, b):
        d = np.subtract(a, b)
        half = quantile(len(d)) * d.std(ddof=ddof) / (len(d) ** 0.5 if root else 1)
        return d.mean(), d.mean() - half, d.mean() + half

    return function


def student(n):
    return stats.t.ppf(0.975, n - 1)


def unpaired(a, b, equal_var=True):
    interval = stats.ttest_ind(a, b, equal_var=equal_var).confidence_interval()
    return np.mean(a) - np.mean(b), interval.low, interval.high


def around_zero(a, b):
    mean, low, high = spelt_out(a, b)
    return mean, low - mean, high - mean


RIGHT["paired-interval"] = [spelt_out, by_scipy, paired_interval_of_tensors, as_array]

WRONG["paired-interval"] = {
    "second-minus-first": [lambda a, b: spelt_out(b, a)],
    "ends-exchanged": [lambda a, b: [spelt_out(a, b)[i] for i in (0, 2, 1)]],
    "order-of-results": [lambda a, b: sorted(spelt_out(a, b))],
    "unpaired": [unpaired, lambda a, b: unpaired(a, b, equal_var=False)],
    "normal-quantile": [half_of(lambda n: 1.96), half_of(lambda n: 2)],
    "divided-by-n": [half_of(student, ddof=0)],
    "no-root-of-n": [half_of(student, root=False)],
    "degrees-of-freedom": [half_of(lambda n: stats.t.ppf(0.975, n))],
    "one-sided": [half_of(lambda n: stats.t.ppf(0.95, n - 1))],
    "one-standard-error": [half_of(lambda n: 1), half_of(lambda n: 1, root=False)],
    "half-width": [lambda a, b: (spelt_out(a, b)[0], spelt_out(a, b)[2] - spelt_out(a, b)[0]), around_zero],
    "interval-of-one": [lambda a, b: spelt_out(a, [0] * len(a))],
    "fixed-quantile": [half_of(lambda n: stats.t.ppf(0.975, 4)), half_of(lambda n: 2.7764)],
}


# sound-comparisons

WORDS = ["sound", "seeds", "test-set", "best-of-n", "training", "size", "sound", "many"]
VERDICTS = dict(zip("ABCDEFGH", WORDS, strict=True))

RIGHT["sound-comparisons"] = [
    VERDICTS,
    {letter.lower(): word.upper() for letter, word in VERDICTS.items()},
    {letter: word.replace("-", " ") for letter, word in VERDICTS.items()},
    dict(sorted(VERDICTS.items(), reverse=True)),
]

WRONG["sound-comparisons"] = {
    "sound-refused": [VERDICTS | {"A": "size"}, VERDICTS | {"A": "many"}],
    "different-seeds": [VERDICTS | {"B": "sound"}, VERDICTS | {"B": "many"}],
    "chosen-on-the-test-set": [VERDICTS | {"C": "sound"}, VERDICTS | {"C": "best-of-n"}],
    "best-against-mean": [VERDICTS | {"D": "sound"}, VERDICTS | {"D": "many", "E": "size"}],
    "unequal-training": [VERDICTS | {"E": "sound"}, VERDICTS | {"E": "size"}],
    "more-parameters": [VERDICTS | {"F": "sound"}, VERDICTS | {"F": "training"}],
    "null-refused": [VERDICTS | {"G": "seeds"}],
    "one-of-twenty": [VERDICTS | {"H": "sound"}, VERDICTS | {"H": "best-of-n"}],
}


# fair-width

RIGHT["fair-width"] = [
    (17, 34, 69),
    [17, 34, 68],
    torch.tensor([17, 34, 70]),
    (18.0, 34.0, 68.0),
    (18, 35, 66),
    numpy.array([17, 34, 69]),
]

WRONG["fair-width"] = {
    "unchanged": [(16, 32, 64)],
    "scaled-like-the-count": [(18, 36, 72)],
    "too-few": [(17, 33, 66), (16, 33, 67), (17, 33, 70)],
    "too-many": [(17, 35, 70), (32, 64, 128), (18, 36, 68)],
    "lopsided": [(16, 32, 76), (14, 32, 75), (22, 34, 64)],
}


# how-many-false

RIGHT["how-many-false"] = [(0.6, 0.46), [12 * 0.05, 1 - 0.95**12], torch.tensor([0.6, 0.4596]), (0.6, 0.4596)]

WRONG["how-many-false"] = {
    "one-comparison": [(0.05, 0.46), (0.6, 0.05)],
    "divided": [(0.05 / 12, 0.46)],
    "counts-the-others": [(11.4, 0.46)],
    "rounded": [(1, 0.46)],
    "exchanged": [(0.46, 0.6)],
    "added-up": [(0.6, 0.6)],
    "none-at-all": [(0.6, 0.54)],
    "exactly-one": [(0.6, 0.3413)],
    "all-of-them": [(0.6, 0.05**12)],
    "in-percent": [(60, 46), (0.6, 46.0)],
}


# holm


def holm_looped(p_values, level):
    m = len(p_values)
    flags = [False] * m
    for k, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        if p_values[i] > level / (m - k):
            break
        flags[i] = True
    return flags


def adjusted(p_values, level):
    """Adjusted p-values: the running maximum of p times the number that is left."""
    p, order = np.array(p_values), np.argsort(p_values)
    running = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    result = np.empty(len(p))
    result[order] = running
    return result <= level


def holm_of_tensors(p_values, level):
    p, order = torch.tensor(p_values, dtype=torch.float64).sort()
    ok = p <= level / torch.arange(len(p), 0, -1)
    flags = torch.empty(len(p), dtype=torch.int64)
    flags[order] = ok.int().cumprod(0)
    return flags


def recursive(p_values, level):
    left = dict(enumerate(p_values))
    while left:
        place = min(left, key=left.get)
        if left[place] > level / len(left):
            break
        del left[place]
    return tuple(place not in left for place in range(len(p_values)))


def goes_on(p_values, level):
    order = sorted(p_values)
    return [p <= level / (len(order) - order.index(p)) for p in p_values]


def step_up(p_values, level):
    order, m = sorted(p_values), len(p_values)
    best = max([p for k, p in enumerate(order) if p <= level / (m - k)], default=-1)
    return [p <= best for p in p_values]


def benjamini_hochberg(p_values, level):
    order, m = sorted(p_values), len(p_values)
    best = max([p for k, p in enumerate(order, 1) if p <= level * k / m], default=-1)
    return [p <= best for p in p_values]


def unsorted(p_values, level):
    flags, m = [], len(p_values)
    for k, p in enumerate(p_values):
        flags.append(p <= level / (m - k) and all(flags))
    return flags


RIGHT["holm"] = [holm_looped, adjusted, holm_of_tensors, recursive]

WRONG["holm"] = {
    "uncorrected": [lambda p, level: [q < level for q in p]],
    "bonferroni": [
        lambda p, level: [q <= level / len(p) for q in p],
        lambda p, level: np.array(p) * len(p) < level,
    ],
    "goes-on": [goes_on],
    "step-up": [step_up],
    "false-discovery-rate": [benjamini_hochberg],
    "given-order": [unsorted],
    "sorted-answer": [lambda p, level: holm_looped(sorted(p), level)],
    "inverted": [lambda p, level: [not flag for flag in holm_looped(p, level)]],
    "level-fixed": [lambda p, level: holm_looped(p, 0.05)],
}


# predict-the-run

RIGHT["predict-the-run"] = [
    ((0.86, 0.91), (0.91, 0.95)),
    [[0.87, 0.93], [0.90, 0.96]],
    np.array([[0.88, 0.91], [0.92, 0.94]]),
    torch.tensor([[0.89, 0.90], [0.925, 0.945]]),
    {"spatial": (0.85, 0.90), "cbam": (0.92, 0.94)},
]

WRONG["predict-the-run"] = {
    "single-numbers": [(0.90, 0.93), [0.9, 0.9]],
    "in-percent": [((86, 91), (91, 95))],
    "no-accuracy": [((-0.1, 0.9), (0.91, 0.95)), ((860, 910), (910, 950))],
    "ends-exchanged": [((0.91, 0.86), (0.91, 0.95))],
    "too-wide": [((0.0, 1.0), (0.0, 1.0)), ((0.86, 0.91), (0.81, 0.95))],
    "spatial-too-low": [((0.81, 0.85), (0.91, 0.95))],
    "spatial-too-high": [((0.92, 0.95), (0.91, 0.95))],
    "cbam-too-low": [((0.86, 0.91), (0.86, 0.91))],
    "cbam-too-high": [((0.86, 0.91), (0.94, 0.99))],
}


# read-the-table

RIGHT["read-the-table"] = ["ACD", "a, c, d", ["D", "C", "A"], {"A", "C", "D"}]

WRONG["read-the-table"] = {
    "claims-a-winner": ["ABCD", "B"],
    "claims-a-spread": ["ACDE"],
    "claims-any-recipe": ["A C D F"],
    "claims-a-trend": [["A", "C", "D", "G"], "CG"],
    "missed-difference": ["CD"],
    "missed-order": ["AD"],
    "missed-depth": [("A", "C")],
}
