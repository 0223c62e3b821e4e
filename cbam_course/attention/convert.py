"""Carry attention weights from one of our conventions to another, exactly or not at all."""

from collections.abc import Mapping

import torch
from torch import Tensor

from .arguments import CONVENTIONS, require_positive_integer
from .widths import hidden_width, rounded_width

State = Mapping[str, Tensor]
_EPSILON = 1e-5  # that of every BatchNorm here


def convert(
    state: State, source: str = "paper", target: str = "lesson", *, reduction_ratio: int | None = None
) -> dict[str, Tensor]:
    """Turn a state of one convention into one of another that computes the same in ``eval`` mode.

    The planes of the spatial kernel change places where the order of the pools differs. A BatchNorm is folded
    into the kernel; a bias of 0 is dropped or added; hidden units that do nothing are dropped or added.

    Args:
        state: the ``state_dict`` of ``CBAM``, ``SpatialAttention`` or ``SqueezeExcitation``. That of a
            ``ChannelAttention`` is told from the last one only by the prefix ``channel.`` it has in a ``CBAM``.
        source: convention of ``state``: ``"lesson"``, ``"paper"`` or ``"timm"``.
        target: convention of the result.
        reduction_ratio: that of both modules. When left out, 16 if the hidden width is that of 16; otherwise
            the hidden width stays as it is.

    Raises:
        ValueError: ``target`` lacks something that ``state`` needs, such as a bias or a BatchNorm.
    """
    for name, convention in (("source", source), ("target", target)):
        if convention not in CONVENTIONS:
            raise ValueError(f"{name} is {convention!r}; choose one of {', '.join(map(repr, CONVENTIONS))}.")
    result, lost = dict(state), []
    for key in state:
        if key.endswith("mlp.0.weight"):
            prefix = key.removesuffix("0.weight")
            lost += _convert_biases(result, prefix, target)
            lost += _convert_width(result, prefix, source, target, reduction_ratio)
        elif key.endswith("conv.weight"):
            lost += _convert_norm(result, key.removesuffix("conv.weight"), target)
            if (source == "paper") != (target == "paper"):
                result[key] = result[key].flip(1)
    if lost:
        raise ValueError(
            f"state cannot be carried over to convention {target!r}, which lacks {'; '.join(lost)}."
        )
    return result


def _convert_biases(state: dict[str, Tensor], prefix: str, target: str) -> list[str]:
    wanted = target == "paper" or (target == "timm" and prefix == "mlp.")
    lost = []
    for layer in (0, 2):
        key, weight = f"{prefix}{layer}.bias", state[f"{prefix}{layer}.weight"]
        if wanted:
            state.setdefault(key, weight.new_zeros(weight.shape[0]))
        elif state.pop(key, weight.new_zeros(1)).any():
            lost.append(f"the bias {key}")
    return lost


def _convert_norm(state: dict[str, Tensor], prefix: str, target: str) -> list[str]:
    """Fold a BatchNorm that ``target`` lacks into the kernel, or add one that changes nothing."""
    kernel, norm = state[f"{prefix}conv.weight"], f"{prefix}norm."
    if target != "lesson":
        one = kernel.new_ones(1)
        state.setdefault(f"{norm}weight", one * (1 + _EPSILON) ** 0.5)
        state.setdefault(f"{norm}bias", one * 0)
        state.setdefault(f"{norm}running_mean", one * 0)
        state.setdefault(f"{norm}running_var", one)
        state.setdefault(f"{norm}num_batches_tracked", torch.tensor(0))
    elif f"{norm}weight" in state:
        weight, bias, mean, variance = (
            state.pop(norm + part) for part in ("weight", "bias", "running_mean", "running_var")
        )
        state.pop(f"{norm}num_batches_tracked", None)
        scale = weight / (variance + _EPSILON).sqrt()
        state[f"{prefix}conv.weight"] = kernel * scale
        if (bias - scale * mean).any():
            return [f"the BatchNorm {norm.rstrip('.')}, which shifts the map"]
    return []


def _convert_width(
    state: dict[str, Tensor], prefix: str, source: str, target: str, reduction_ratio: int | None
) -> list[str]:
    hidden, channels = state[f"{prefix}0.weight"].shape
    expected = _width(source, prefix, channels, reduction_ratio or 16)
    if reduction_ratio is None and hidden != expected:
        return []
    require_positive_integer("reduction_ratio", reduction_ratio or 16)
    if hidden != expected:
        raise ValueError(
            f"reduction_ratio is {reduction_ratio}, with which convention {source!r} has a hidden width of "
            f"{expected} for {channels} channels, and state has {hidden}; give the ratio of its module."
        )
    return resize(state, prefix, _width(target, prefix, channels, reduction_ratio or 16))


def _width(convention: str, prefix: str, channels: int, reduction_ratio: int) -> int:
    if convention == "timm":
        return rounded_width(channels, reduction_ratio, multiple=8 if prefix == "mlp." else 1)
    return hidden_width(channels, reduction_ratio)


def resize(state: dict[str, Tensor], prefix: str, width: int) -> list[str]:
    """Give the MLP at ``prefix`` another hidden width, in place, by units whose output weights are 0."""
    first, bias, second = f"{prefix}0.weight", f"{prefix}0.bias", f"{prefix}2.weight"
    used = state[second].any(dim=0).nonzero().flatten()
    if len(used) > width:
        return [f"room for {len(used)} hidden units in {first} (it has {width})"]
    if state[first].shape[0] == width:
        return []
    for key, axis in ((first, 0), (bias, 0), (second, 1)):
        if key in state:
            kept = state[key].index_select(axis, used)
            shape = [*kept.shape]
            shape[axis] = width - len(used)
            state[key] = torch.cat([kept, kept.new_zeros(shape)], dim=axis)
    return []
