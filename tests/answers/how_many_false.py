"""Answers to the task how-many-false."""

import torch

RIGHT = [(0.6, 0.46), [12 * 0.05, 1 - 0.95**12], torch.tensor([0.6, 0.4596]), (0.6, 0.4596)]

WRONG = {
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
