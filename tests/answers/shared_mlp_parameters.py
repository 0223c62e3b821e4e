"""Answers to the task shared-mlp-parameters."""

import torch

RIGHT = [4096, 4096.0, torch.tensor(4096), 2 * 128 * (128 // 8)]

WRONG = {
    "unshared": [8192, 8480],
    "one-layer": [2048],
    "with-bias": [4240],
    "concatenated": [6144],
    "no-reduction": [32768, 16384],
}
