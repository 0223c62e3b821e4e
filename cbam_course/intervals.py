"""The 95 % t interval of a mean, which training's tables and the inspection of gates share."""

import warnings
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean and its 95 % t interval; the bounds are NaN for a single value."""

    mean: float
    low: float
    high: float


def mean_interval(values) -> Interval:
    """Return the mean of independent numbers with its 95 % t interval.

    Args:
        values: at least one number.

    Raises:
        ValueError: there is none.
    """
    from scipy import stats

    numbers = np.asarray(values, dtype=np.float64).ravel()
    if not len(numbers):
        raise ValueError("values is empty; give at least one number.")
    if len(numbers) == 1:
        return Interval(float(numbers[0]), np.nan, np.nan)
    with warnings.catch_warnings():
        # Equal values make the interval a point; scipy warns about the lost precision.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = stats.ttest_1samp(numbers, 0.0).confidence_interval(0.95)
    return Interval(float(numbers.mean()), float(interval.low), float(interval.high))
