"""Answers to the task receptive-field."""

import torch

RIGHT = [(11, 20), [11.0, 20.0], torch.tensor([11, 20])]

WRONG = {
    "gate-only": [(7, 7), (7, 14)],
    "added-kernels": [(13, 13), (13, 15)],
    "multiplied": [(63, 63), (63, 126)],
    "pooling-ignored": [(11, 11)],
    "stride-ignored": [(11, 12)],
    "everything-doubled": [(11, 22)],
    "pooling-adds-nothing": [(11, 19)],
}
