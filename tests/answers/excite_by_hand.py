"""Answers to the task excite-by-hand."""

import torch

RIGHT = [(0.88, 0.12), [0.8808, 0.1192], torch.sigmoid(torch.tensor([2.0, -2.0]))]

WRONG = {
    "logit": [(2, -2)],
    "no-relu": [(0.12, 0.88), (0.5, 0.5)],
    "softmax": [(0.98, 0.02)],
    "scaled": [(3.52, 0.24)],
}
