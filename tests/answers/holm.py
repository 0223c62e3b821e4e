"""Answers to the task holm."""

import numpy as np
import torch


def looped(p_values, level):
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


def of_tensors(p_values, level):
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


RIGHT = [looped, adjusted, of_tensors, recursive]

WRONG = {
    "uncorrected": [lambda p, level: [q < level for q in p]],
    "bonferroni": [
        lambda p, level: [q <= level / len(p) for q in p],
        lambda p, level: np.array(p) * len(p) < level,
    ],
    "goes-on": [goes_on],
    "step-up": [step_up],
    "false-discovery-rate": [benjamini_hochberg],
    "given-order": [unsorted],
    "sorted-answer": [lambda p, level: looped(sorted(p), level)],
    "inverted": [lambda p, level: [not flag for flag in looped(p, level)]],
    "level-fixed": [lambda p, level: looped(p, 0.05)],
}
