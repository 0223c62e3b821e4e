"""Answers to the task se-parameters."""

import torch

RIGHT = [8192, 8192.0, torch.tensor(8192), 2 * 256 * 16]

WRONG = {
    "one-layer": [4096],
    "with-bias": [8464],
    "no-reduction": [131072, 65536],
}
