"""Answers to the task wrong-winner."""

import random
from itertools import product

import numpy as np
import torch


def looped(a, b):
    if sum(a) / len(a) > sum(b) / len(b):
        a, b = b, a
    return sum((x > y) + 0.5 * (x == y) for x in a for y in b) / (len(a) * len(b))


def table(a, b):
    a, b = np.array(a), np.array(b)
    sign = np.sign(a[:, None] - b[None]) * np.sign(b.mean() - a.mean())
    return (sign > 0).mean() + (sign == 0).mean() / 2


def of_tensors(first, second):
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


RIGHT = [looped, table, of_tensors, by_ranks]

WRONG = {
    "tie-forgotten": [count(0)],
    "tie-counted-whole": [count(1)],
    "right-winner": [lambda a, b: 1 - looped(a, b)],
    "paired-only": [count(0.5, zip), count(0, zip)],
    "not-divided": [lambda a, b: looped(a, b) * len(a) * len(b)],
    "fixed-direction": [assumes_second],
    "drawn-at-random": [sampled],
}
