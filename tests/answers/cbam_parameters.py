"""Answers to the task cbam-parameters."""

import torch

RIGHT = [8290, 8290.0, torch.tensor(8290), 2 * 256 * 16 + 2 * 7 * 7]

WRONG = {
    "spatial-forgotten": [8192],
    "channel-forgotten": [98],
    "one-plane": [8241],
    "one-plane-per-channel": [20736, 33280],
    "two-mlps": [16482],
    "one-layer": [4194],
    "with-bias": [8291, 8564],
    "multiplied": [802816],
}
