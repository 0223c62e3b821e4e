"""Answers to the task added-parameters."""

import torch

from cbam_course import CBAM

RIGHT = [1573158, 3 * (2 * 2048 * 128 + 98), 1573158.0, torch.tensor(1573158)]
RIGHT.append(3 * sum(p.numel() for p in CBAM(2048).parameters()))

WRONG = {
    "planes-not-expanded": [3 * (2 * 512 * 32 + 98), 98304],
    "one-block": [524386, 524288],
    "four-blocks": [4 * 524386, 6 * 524386],
    "whole-network": [28073544 - 25557032],
    "spatial-forgotten": [1572864],
    "two-mlps": [3 * (4 * 2048 * 128 + 98)],
    "one-layer": [3 * (2048 * 128 + 98)],
    "with-bias": [3 * (2 * 2048 * 128 + 128 + 2048 + 98 + 2), 3 * (2 * 2048 * 128 + 128 + 2048 + 98)],
}
