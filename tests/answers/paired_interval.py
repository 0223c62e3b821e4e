"""Answers to the task paired-interval."""

import statistics

import numpy as np
import torch
from scipy import stats


def spelt_out(a, b):
    d = [x - y for x, y in zip(a, b, strict=True)]
    n, mean = len(d), statistics.mean(d)
    half = stats.t.ppf(0.975, n - 1) * statistics.stdev(d) / n**0.5
    return mean, mean - half, mean + half


def by_scipy(a, b):
    result = stats.ttest_rel(a, b)
    interval = result.confidence_interval(0.95)
    return [np.mean(a) - np.mean(b), interval.low, interval.high]


def of_tensors(first, second):
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


RIGHT = [spelt_out, by_scipy, of_tensors, as_array]

WRONG = {
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
