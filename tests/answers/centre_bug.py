"""Answers to the task centre-bug."""

import torch

RIGHT = [
    lambda x: x - x.mean(dim=(2, 3), keepdim=True),
    lambda x: x - x.mean((2, 3))[:, :, None, None],
    lambda x: (x.flatten(2) - x.flatten(2).mean(-1, keepdim=True)).view_as(x),
    lambda x: torch.stack([torch.stack([c - c.mean() for c in image]) for image in x]),
]

WRONG = {
    "kept-the-bug": [lambda x: x - x.mean((2, 3))],
    "mean-of-everything": [lambda x: x - x.mean()],
    "mean-per-channel": [lambda x: x - x.mean((0, 2, 3), keepdim=True)],
    "mean-per-image": [lambda x: x - x.mean((1, 2, 3), keepdim=True)],
    "mean-over-channels": [lambda x: x - x.mean(1, keepdim=True)],
    "also-scaled": [lambda x: (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True)],
}
