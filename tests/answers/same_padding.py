"""Answers to the task same-padding."""

import torch

FORMULA = tuple(24 + 2 * padding - kernel + 1 for kernel, padding in ((7, 0), (5, 2), (4, 2)))

RIGHT = [(18, 24, 25), [18, 24.0, 25], torch.tensor([18, 24, 25]), FORMULA]

WRONG = {
    "forgot-the-one": [(17, 23, 24)],
    "one-sided-padding": [(18, 22, 23)],
    "always-the-same": [(24, 24, 24)],
    "even-like-odd": [(18, 24, 24), (18, 24, 23)],
    "padding-everywhere": [[24, 24, 25]],
}
