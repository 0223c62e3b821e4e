"""How an answer to the task squeeze-excitation is examined; the words stand in squeeze_excitation.toml beside it."""

import torch


def examine(cls, find):
    x = torch.randn(2, 32, 4, 4)
    yield find("shape", cls(32, 4)(x).shape == x.shape)
