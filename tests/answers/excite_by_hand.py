"""Answers to the task excite-by-hand."""

import torch

RIGHT = [(0.88, 0.27), [0.8808, 0.2689], torch.sigmoid(torch.tensor([2.0, -1.0]))]

WRONG = {
    "logit": [(2, -1)],
    "no-relu": [(0.5, 0.05), (0.5, 0.0474)],
    "softmax": [(0.95, 0.05)],
    "scaled": [(2.64, 0.27)],
    "transposed": [(0.98, 0.88)],
    "swapped-channels": [(0.27, 0.88)],
}
