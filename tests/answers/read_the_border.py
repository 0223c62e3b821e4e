"""Answers to the task read-the-border."""

import torch

RIGHT = [5, 5.0, torch.tensor(5)]

WRONG = {
    "frame-width": [2],
    "no-middle": [4],
    "constant-part": [6],
    "default-kernel": [7],
    "one-row-missed": [3],
}
