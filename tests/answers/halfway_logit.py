"""Answers to the task halfway-logit."""

import torch

RIGHT = [1, 1.0, torch.tensor(1.0), 3 / 2 - 1 / 2]

WRONG = {
    "counted-twice": [2.0],
    "gate-not-logit": [0.73],
    "averaged-gates": [0.61],
    "one-image-only": [3, -1, 1.5],
    "difference": [4, -2.0],
}
