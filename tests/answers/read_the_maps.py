"""Answers to the task read-the-maps."""

import torch

RIGHT = [(0, 2), [0, 2], torch.tensor([0, 2])]

WRONG = {"swapped": [(2, 0)], "noise-taken-for-signal": [(0, 1), (1, 2)], "counted-from-one": [(1, 3)]}
