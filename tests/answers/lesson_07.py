"""Answers to the tasks of lesson 07: right ones written differently, wrong ones under their mistakes."""

import math
import random
import statistics
from collections import defaultdict
from itertools import product

import numpy
import numpy as np
import pandas as pd
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


def broadcast_by_mean(a, b):
    a, b = np.asarray(a), np.asarray(b)
    if a.mean() > b.mean():
        a, b = b, a
    return float(np.heaviside(a[:, None] - b, 0.5).mean())


def counted(a, b):
    wins = losses = ties = 0
    for x, y in product(a, b):
        wins, losses, ties = wins + (x > y), losses + (x < y), ties + (x == y)
    share = (wins + ties / 2) / (wins + losses + ties)
    return 1 - share if sum(a) / len(a) > sum(b) / len(b) else share


def ahead(a, b):
    return sum((x > y) + 0.5 * (x == y) for x, y in product(a, b)) / (len(a) * len(b))


def share_by(middle):
    def function(a, b):
        worse, better = (a, b) if middle(a) < middle(b) else (b, a)
        return ahead(worse, better)

    return function


def lists_sorted(a, b):
    worse, better = sorted([a, b])
    return ahead(worse, better)


def a_fifth_of_the_pairs(a, b):
    chosen = list(product(*sorted((a, b), key=statistics.mean)))[::5]
    return sum((x > y) + 0.5 * (x == y) for x, y in chosen) / len(chosen)


def mean_difference(a, b):
    return abs(statistics.mean(a) - statistics.mean(b))


def always_half(a, b):
    return 0.5


WRONG["wrong-winner"] = {
    "tie-forgotten": [count(0)],
    "tie-counted-whole": [count(1)],
    "right-winner": [lambda a, b: 1 - wrong_winner_looped(a, b)],
    "larger-share": [lambda a, b: max(ahead(a, b), ahead(b, a))],
    "smaller-share": [lambda a, b: min(ahead(a, b), 1 - ahead(a, b))],
    "median-compared": [share_by(statistics.median), share_by(np.median)],
    "sum-compared": [share_by(sum)],
    "best-compared": [share_by(max)],
    "sorted-without-key": [lists_sorted],
    "paired-only": [count(0.5, zip), count(0, zip)],
    "not-divided": [lambda a, b: wrong_winner_looped(a, b) * len(a) * len(b)],
    "fixed-direction": [assumes_second, lambda a, b: ahead(b, a)],
    "drawn-at-random": [sampled],
    "argument-ignored": [always_half],
    None: [
        mean_difference,
        a_fifth_of_the_pairs,
        share_by(min),
        lambda a, b: wrong_winner_looped(a, b) / 2,
        lambda a, b: (wrong_winner_looped(a, b), len(a) * len(b)),
    ],
}
RIGHT["wrong-winner"] = [
    wrong_winner_looped, table, wrong_winner_of_tensors, by_ranks, broadcast_by_mean, counted,
    lambda a, b: np.array(wrong_winner_looped(a, b)),
]  # fmt: skip


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
    None: [
        lambda a, b: (0.026, 0.007, 0.045),
        half_of(lambda n: stats.t.ppf(0.975, 2 * n - 2)),
        lambda a, b: spelt_out(a, sorted(b)),
    ],
    "other-level": [half_of(lambda n: stats.t.ppf(0.995, n - 1))],
    "mean-missing": [lambda a, b: spelt_out(a, b)[1:]],
}


# sound-comparisons

WORDS = ["sound", "seeds", "test-set", "best-of-n", "training", "size", "sound", "many"]
VERDICTS = dict(zip("ABCDEFGH", WORDS, strict=True))

RIGHT["sound-comparisons"] = [
    VERDICTS,
    {letter.lower(): word.upper() for letter, word in VERDICTS.items()},
    {letter: word.replace("-", " ") for letter, word in VERDICTS.items()},
    dict(sorted(VERDICTS.items(), reverse=True)),
    {f" {letter} ": f" {word.replace('-', '_')} " for letter, word in VERDICTS.items()},
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
    None: [VERDICTS | {"A": "fine"}, list(VERDICTS.values()), {"A": "sound"}, "ADG"],
}


# fair-width

RIGHT["fair-width"] = [
    (17, 34, 69),
    [17, 34, 68],
    torch.tensor([17, 34, 70]),
    (18.0, 34.0, 68.0),
    (18, 35, 66),
    numpy.array([17, 34, 69]),
    numpy.array([17.0, 34.0, 68.0]),
    tuple(numpy.array([17, 34, 69])),
    torch.Size((17, 34, 68)),
]

WRONG["fair-width"] = {
    "unchanged": [(16, 32, 64)],
    "scaled-like-the-count": [(18, 36, 72)],
    "too-few": [(17, 33, 66), (16, 33, 67), (17, 33, 70)],
    "too-many": [(17, 35, 70), (32, 64, 128), (18, 36, 68)],
    "lopsided": [(16, 32, 76), (14, 32, 75), (22, 34, 64), numpy.array([16, 32, 76])],
    "count-not-widths": [27003, torch.tensor(27052)],
    None: [
        (17.5, 34, 69),
        {16: 17, 32: 34, 64: 69},
        (17, 34),
        "17, 34, 69",
        numpy.array([[17, 34], [34, 69]]),
    ],
}


# gain-at-own-rates


def gain_looped(runs, first, second):
    def tests(model):
        best, chosen = -1, None
        for rate in {run["rate"] for run in runs if run["model"] == model}:
            scores = [r["validation"] for r in runs if r["model"] == model and r["rate"] == rate]
            if sum(scores) / len(scores) > best:
                best, chosen = sum(scores) / len(scores), rate
        return {r["seed"]: r["test"] for r in runs if r["model"] == model and r["rate"] == chosen}

    a, b = tests(first), tests(second)
    return statistics.mean(a[seed] - b[seed] for seed in a if seed in b)


def gain_by_pandas(runs, first, second):
    table = pd.DataFrame(runs)
    rates = table.groupby(["model", "rate"]).validation.mean().groupby("model").idxmax()
    wide = {
        m: table[(table.model == m) & (table.rate == rates[m][1])].set_index("seed").test
        for m in (first, second)
    }
    return (wide[first] - wide[second]).dropna().mean()


def gain_by_groups(runs, first, second):
    groups = defaultdict(dict)
    for run in runs:
        groups[run["model"], run["rate"]][run["seed"]] = (run["validation"], run["test"])
    best = {}
    for (model, rate), scores in groups.items():
        mean = np.mean([validation for validation, _ in scores.values()])
        if model not in best or mean > best[model][0]:
            best[model] = mean, rate
    a, b = (groups[model, best[model][1]] for model in (first, second))
    common = sorted(set(a) & set(b))
    return np.mean([a[s][1] for s in common]) - np.mean([b[s][1] for s in common])


def gain_of_tensor(runs, first, second):
    return torch.tensor(gain_looped(runs, first, second), dtype=torch.float64)


def gain_with(
    by="validation", middle=statistics.mean, report="test", one_rate=None, pair=True, last=statistics.mean
):
    def function(runs, first, second):
        def rate_of(model):
            rates = dict.fromkeys(r["rate"] for r in runs if r["model"] == model)
            return max(
                rates,
                key=lambda rate: middle([r[by] for r in runs if r["model"] == model and r["rate"] == rate]),
            )

        def scores(model):
            rate = rate_of(model if one_rate is None else (first, second)[one_rate])
            return {r["seed"]: r[report] for r in runs if r["model"] == model and r["rate"] == rate}

        a, b = scores(first), scores(second)
        if not pair:
            return last(a.values()) - last(b.values())
        return last([a[s] - b[s] for s in a if s in b])

    return function


def all_rates(runs, first, second):
    a, b = ([r["test"] for r in runs if r["model"] == model] for model in (first, second))
    return statistics.mean(a) - statistics.mean(b)


def gain_scores(runs, model):
    rates = dict.fromkeys(r["rate"] for r in runs if r["model"] == model)
    means = {
        rate: statistics.mean(r["validation"] for r in runs if (r["model"], r["rate"]) == (model, rate))
        for rate in rates
    }
    best = max(means, key=means.get)
    return [r["test"] for r in runs if (r["model"], r["rate"]) == (model, best)]


def in_file_order(runs, first, second):
    """The right rates; runs are paired in the order of the list, and what has no partner is dropped."""
    a, b = (gain_scores(runs, model) for model in (first, second))
    return statistics.mean(x - y for x, y in zip(reversed(a), reversed(b), strict=False))


def always_a_hundredth(runs, first, second):
    rates = [r["test"] for r in runs if r["rate"] == 0.01 and r["model"] == first]
    others = [r["test"] for r in runs if r["rate"] == 0.01 and r["model"] == second]
    return statistics.mean(rates or [0]) - statistics.mean(others or [0])


def any_rate(runs, first, second):
    """Lets every model choose among the rates of all; where it has no run, its mean is no number, and stays first."""

    def tests(model):
        def validation(rate):
            scores = [r["validation"] for r in runs if r["model"] == model and r["rate"] == rate]
            return sum(scores) / len(scores) if scores else math.nan

        best = max(dict.fromkeys(run["rate"] for run in runs), key=validation)
        return {r["seed"]: r["test"] for r in runs if r["model"] == model and r["rate"] == best}

    a, b = tests(first), tests(second)
    paired = [a[seed] - b[seed] for seed in a if seed in b]
    return sum(paired) / len(paired) if paired else math.nan


RIGHT["gain-at-own-rates"] = [gain_looped, gain_by_pandas, gain_by_groups, gain_of_tensor]

WRONG["gain-at-own-rates"] = {
    "chosen-on-the-test-set": [gain_with(by="test"), gain_with(by="test", middle=max)],
    "one-rate-for-both": [gain_with(one_rate=0), gain_with(one_rate=1)],
    "best-run-chose": [gain_with(middle=max)],
    "validation-reported": [gain_with(report="validation")],
    "second-minus-first": [lambda runs, a, b: -gain_looped(runs, a, b)],
    "all-rates-averaged": [all_rates],
    "not-paired": [gain_with(pair=False)],
    "best-of-n": [gain_with(pair=False, last=max)],
    "paired-by-place": [in_file_order, lambda runs, a, b: in_file_order(runs[::-1], a, b)],
    None: [
        any_rate,
        always_a_hundredth,
        gain_with(last=statistics.median),
        lambda runs, a, b: 100 * gain_looped(runs, a, b),
        lambda runs, a, b: f"{gain_looped(runs, a, b):.3f}",
    ],
    "worst-run-chose": [gain_with(middle=min)],
    "sign-lost": [lambda runs, a, b: abs(gain_looped(runs, a, b))],
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


def late(p_values, level):
    """The divisor is reduced only after the second."""
    m, flags, left = len(p_values), [False] * len(p_values), len(p_values)
    for k, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        if p_values[i] > level / left:
            break
        flags[i] = True
        left -= k > 0
    return flags


def strict(p_values, level):
    m = len(p_values)
    flags = [False] * m
    for k, i in enumerate(np.argsort(p_values, kind="stable")):
        if not p_values[i] < level / (m - k):
            break
        flags[i] = True
    return flags


def by_index(p_values, level):
    flags = [False] * len(p_values)
    for k, p in enumerate(sorted(p_values)):
        if p <= level / (len(p_values) - k):
            flags[p_values.index(p)] = True
        else:
            break
    return flags


def too_early(p_values, level):
    m = len(p_values)
    flags = [False] * m
    for k, i in enumerate(sorted(range(m), key=lambda i: p_values[i]), start=1):
        if p_values[i] > level / max(m - k, 1):
            break
        flags[i] = True
    return flags


def by_threshold(p_values, level):
    """The largest p-value that passes, then all up to it: ties share their fate."""
    kept = -1.0
    for left, p in zip(range(len(p_values), 0, -1), sorted(p_values), strict=True):
        if p * left > level * (1 + 1e-12):
            break
        kept = p
    flags = holm_looped(p_values, level)
    return np.array(flags) & (np.array(p_values) <= kept)


def one_less(p_values, level):
    flags = holm_looped(p_values, level)
    return [
        flag and p != max(q for q, f in zip(p_values, flags, strict=True) if f)
        for p, flag in zip(p_values, flags, strict=True)
    ]


def halved_level(p_values, level):
    m = len(p_values)
    flags = [False] * m
    for k, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        if p_values[i] > level / (m - k) / 2:
            break
        flags[i] = True
    return flags


RIGHT["holm"] = [holm_looped, adjusted, holm_of_tensors, recursive, by_threshold]


def marked_before_it_is_compared(p_values, level):
    m = len(p_values)
    flags = [False] * m
    for k, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        flags[i] = True
        if p_values[i] > level / (m - k):
            break
    return flags


def true_until_one_fails(p_values, level):
    m = len(p_values)
    flags = [True] * m
    for k, i in enumerate(sorted(range(m), key=lambda i: p_values[i])):
        if p_values[i] > level / (m - k):
            flags[i] = False
            break
    return flags


def stopped_at_growing_thresholds(p_values, level):
    m = len(p_values)
    flags = [False] * m
    for k, i in enumerate(sorted(range(m), key=lambda i: p_values[i]), 1):
        if p_values[i] > level * k / m:
            break
        flags[i] = True
    return flags


WRONG["holm"] = {
    "one-too-many": [marked_before_it_is_compared],
    "uncorrected": [lambda p, level: [q < level for q in p], lambda p, level: [q <= level for q in p]],
    "bonferroni": [
        lambda p, level: [q <= level / len(p) for q in p],
        lambda p, level: np.array(p) * len(p) < level,
    ],
    "goes-on": [goes_on],
    "step-up": [step_up],
    "false-discovery-rate": [benjamini_hochberg, stopped_at_growing_thresholds],
    "given-order": [unsorted],
    "sorted-answer": [lambda p, level: holm_looped(sorted(p), level)],
    "inverted": [lambda p, level: [not flag for flag in holm_looped(p, level)]],
    "level-fixed": [lambda p, level: holm_looped(p, 0.05)],
    "late-divisor": [late],
    "early-divisor": [too_early],
    "strictly-below": [strict],
    "first-match": [by_index],
    "places-not-flags": [lambda p, level: [i for i, flag in enumerate(holm_looped(p, level)) if flag]],
    "only-the-first-failure": [true_until_one_fails],
    "argument-ignored": [lambda p, level: [True] * len(p), lambda p, level: [False] * len(p)],
    None: [one_less, halved_level],
}


# predict-the-run

SMALL = (0.156, -0.002)  # CBAM minus plain, smallest targets, at .003 and .01


def looked(predicted, outcome=SMALL):
    return {"predicted": predicted, "outcome": outcome}


RIGHT["predict-the-run"] = [
    looked((0.156, 0.0)),
    looked([0.5, -0.5]),  # as far off as you like: it is not judged
    looked(np.array([0.1, 0.05]), np.array([0.1551, -0.0021])),
    looked(torch.tensor([0.2, 0.01]), [0.155, -0.002]),
    {"outcome": SMALL, "predicted": (0, 0), "reason": "no idea"},
]

WRONG["predict-the-run"] = {
    "in-percent": [looked((15, 1)), looked((1.5, 0.1)), looked((0.1, 0.0), (15.6, -0.2))],
    "no-difference": [looked((1000, 0.1)), looked((float("nan"), 0.1))],
    "prediction-repeated": [looked((0.2, 0.1), (0.2, 0.1))],
    "all-sizes": [looked((0.2, 0.1), (0.122, -0.003))],
    "second-minus-first": [looked((0.2, 0.1), (-0.155, 0.002))],
    "rates-exchanged": [looked((0.2, 0.1), (-0.002, 0.155))],
    None: [
        looked((0.1, 0.1), (0.3, 0.3)),
        looked((0.1, 0.1), "nothing"),
        looked(0.1),
        (0.1, 0.1),
        {"predicted": (0.1, 0.1)},
        looked(("much", "little")),
    ],
}


# claim-first


def five(first, second, seeds=(0, 1, 2, 3, 4)):
    rows = [{"model": "cbam", "seed": s, "accuracy": a} for s, a in zip(seeds, first, strict=False)]
    return pd.DataFrame(
        rows + [{"model": "plain", "seed": s, "accuracy": a} for s, a in zip(seeds, second, strict=False)]
    )


AHEAD = five([0.62, 0.55, 0.58, 0.66, 0.60], [0.51, 0.50, 0.45, 0.52, 0.54])
OPEN = five([0.62, 0.45, 0.58, 0.56, 0.50], [0.51, 0.50, 0.55, 0.52, 0.54])


def interval_of(runs, first="cbam", second="plain"):
    wide = runs.pivot(index="seed", columns="model", values="accuracy")
    return spelt_out(list(wide[first]), list(wide[second]))[1:]


def handed_in(runs, verdict, interval=None, **changes):
    return {
        "claim": "On where, at this rate, cbam scores higher than plain",
        "first": "cbam",
        "second": "plain",
        "runs": runs,
        "interval": interval_of(runs) if interval is None else interval,
        "verdict": verdict,
    } | changes


def scored(runs):
    wide = runs.pivot(index="seed", columns="model", values="accuracy")
    return list(wide.cbam), list(wide.plain)


RIGHT["claim-first"] = [
    handed_in(AHEAD, "higher"),
    handed_in(OPEN, "not-shown"),
    handed_in(OPEN.to_dict("list"), "Not shown", interval_of(OPEN)),
    handed_in(AHEAD.to_dict("records"), "higher", [round(end, 3) for end in interval_of(AHEAD)]),
    handed_in(AHEAD, "lower", interval_of(AHEAD, "plain", "cbam"), first="plain", second="cbam"),
    handed_in(AHEAD.sample(frac=1, random_state=0), "higher", np.array(interval_of(AHEAD))),
    handed_in(AHEAD, "higher", claim="C B A M scores higher than Plain"),
]

WRONG["claim-first"] = {
    "same-model": [handed_in(AHEAD, "higher", second="cbam")],
    "seed-twice": [handed_in(pd.concat([AHEAD, AHEAD]), "higher", interval_of(AHEAD))],
    "a-model-is-missing": [handed_in(AHEAD[AHEAD.model == "cbam"], "higher", (0.05, 0.1))],
    "different-seeds": [
        handed_in(AHEAD[3:], "higher", (0.05, 0.1)),
        handed_in(AHEAD[:-1], "higher", (0.05, 0.1)),
    ],
    "second-minus-first": [handed_in(AHEAD, "lower", interval_of(AHEAD, "plain", "cbam"))],
    "unpaired": [handed_in(AHEAD, "higher", unpaired(*scored(AHEAD))[1:])],
    "normal-quantile": [handed_in(AHEAD, "higher", half_of(lambda n: 1.96)(*scored(AHEAD))[1:])],
    "divided-by-n": [handed_in(AHEAD, "higher", half_of(student, ddof=0)(*scored(AHEAD))[1:])],
    "not-shown-is-not-equal": [handed_in(OPEN, "equal")],
    "proved-too-much": [handed_in(AHEAD, "proved")],
    "zero-inside": [handed_in(OPEN, "higher"), handed_in(OPEN, "lower")],
    "wrong-way": [handed_in(AHEAD, "lower")],
    "too-modest": [handed_in(AHEAD, "not-shown")],
    "already-pivoted": [
        handed_in(AHEAD.pivot(index="seed", columns="model", values="accuracy"), "higher", interval_of(AHEAD))
    ],
    "mean-too": [handed_in(AHEAD, "higher", spelt_out(*scored(AHEAD)))],
    "ends-exchanged": [handed_in(AHEAD, "higher", interval_of(AHEAD)[::-1])],
    "one-sided": [
        handed_in(AHEAD, "higher", half_of(lambda n: stats.t.ppf(0.95, n - 1))(*scored(AHEAD))[1:])
    ],
    "no-root-of-n": [handed_in(AHEAD, "not-shown", half_of(student, root=False)(*scored(AHEAD))[1:])],
    "one-standard-error": [handed_in(AHEAD, "higher", half_of(lambda n: 1)(*scored(AHEAD))[1:])],
    "spread-of-differences": [handed_in(AHEAD, "higher", (0.05, 0.14))],
    "in-percent": [handed_in(AHEAD, "higher", [100 * end for end in interval_of(AHEAD)])],
    "one-model-named": [handed_in(AHEAD, "higher", claim="CBAM will be better")],
    "too-few-seeds": [
        handed_in(five([0.6, 0.7], [0.5, 0.6]), "not-shown", (0.05, 0.1)),
        handed_in(AHEAD[AHEAD.seed.isin(sorted(set(AHEAD.seed))[:3])], "higher"),
    ],
    "half-width": [
        handed_in(
            AHEAD,
            "higher",
            (sum(interval_of(AHEAD)) / 2, (interval_of(AHEAD)[1] - interval_of(AHEAD)[0]) / 2),
        )
    ],
    None: [
        handed_in(AHEAD, "significant"),
        handed_in(AHEAD, "higher", claim="It helps"),
        handed_in(AHEAD, "higher", first=["cbam"]),
        handed_in(AHEAD.assign(accuracy=np.nan), "higher", (0.05, 0.1)),
        handed_in(AHEAD, "higher", (0.0, 1.0)),
        handed_in("the table above", "higher", (0.05, 0.1)),
        {"claim": "cbam beats plain"},
        "higher",
    ],
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
    None: ["ACDZ", "all of them", 3],
}
