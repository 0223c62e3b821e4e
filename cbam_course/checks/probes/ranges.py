"""Where the factors lie, and what that says about the end of the gate."""

import torch
from torch import Tensor

_EDGE = 1e-6


def examine_range(moderate: Tensor, strong: Tensor, find, axes: tuple[int, ...]):
    """Judge factors that the answer gave for moderate and for strong inputs; return whether logits can be read."""
    low, high = float(strong.min()), float(strong.max())
    inside = low >= -_EDGE and high <= 1 + _EDGE
    mistake = _softmax(moderate, axes) or (
        _outside(moderate, low, high) if not inside else _too_narrow(strong)
    )
    yield find("range", inside and mistake is None, mistake, low=low, high=high)
    return inside and mistake is None


def _softmax(gates: Tensor, axes: tuple[int, ...]) -> str | None:
    """A softmax adds up to 1, over channels, or over positions."""
    total = gates.sum(axes)
    return "softmax" if gates.shape[axes[0]] > 1 and bool(((total - 1).abs() < 1e-4).all()) else None


def _outside(moderate: Tensor, low: float, high: float) -> str:
    if low >= 1 - _EDGE and high <= 2 + _EDGE:
        return "extra-residual"
    if low >= -_EDGE and high <= 2 + _EDGE:
        return "gate-up-to-two"
    if low >= -1 - _EDGE and high <= 1 + _EDGE:
        return "tanh-gate"
    return "no-sigmoid"


def _too_narrow(strong: Tensor) -> str | None:
    """Strong inputs of both signs close a gate here and open it there."""
    low, high = float(strong.min()), float(strong.max())
    if high - low < _EDGE:
        return "constant-gate"
    if low >= 0.5 - _EDGE and high <= torch.sigmoid(torch.tensor(2.0)) + _EDGE:
        return "sigmoid-twice"
    return "activation-last" if low >= 0.5 - _EDGE else None
