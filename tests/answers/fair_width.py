"""Answers to the task fair-width."""

import numpy
import torch

RIGHT = [
    (17, 34, 69),
    [17, 34, 68],
    torch.tensor([17, 34, 70]),
    (18.0, 34.0, 68.0),
    (18, 35, 66),
    numpy.array([17, 34, 69]),
]

WRONG = {
    "unchanged": [(16, 32, 64)],
    "scaled-like-the-count": [(18, 36, 72)],
    "too-few": [(17, 33, 66), (16, 33, 67), (17, 33, 70)],
    "too-many": [(17, 35, 70), (32, 64, 128), (18, 36, 68)],
    "lopsided": [(16, 32, 76), (14, 32, 75), (22, 34, 64)],
}
