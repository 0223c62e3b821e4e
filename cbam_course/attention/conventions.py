"""The three conventions of the attention modules, and weights carried from one to another.

The papers, their authors' code and the libraries disagree in details: biases, the order of the pools, a BatchNorm,
how the hidden width is rounded. ``convert`` turns weights of one convention into another's, exactly or not at all.
Each ``from_...`` turns a ``state_dict`` of another library into one of ours, each ``to_...`` turns it back; outputs
and input gradients are then the same in ``eval`` mode.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from ..arguments import require_one_of, require_whole

CONVENTIONS = ("lesson", "paper", "timm")
State = Mapping[str, Tensor]

# Their part of a key, and ours.
_AUTHORS = {
    "ChannelGate.mlp.1.": "channel.mlp.0.",
    "ChannelGate.mlp.3.": "channel.mlp.2.",
    "SpatialGate.spatial.conv.": "spatial.conv.",
    "SpatialGate.spatial.bn.": "spatial.norm.",
}
_TIMM_CBAM = {
    "channel.fc1.": "channel.mlp.0.",
    "channel.fc2.": "channel.mlp.2.",
    "spatial.conv.conv.": "spatial.conv.",
    "spatial.conv.bn.": "spatial.norm.",
}
_SE = {"fc1.": "mlp.0.", "fc2.": "mlp.2."}
_EPSILON = 1e-5  # that of every BatchNorm here


def hidden_width(in_channels: int, reduction_ratio: int) -> int:
    """Return the papers' width, ``in_channels // reduction_ratio``, but never below 1.

    A width of 0 would go unnoticed: ``nn.Linear(C, 0)`` followed by ``nn.Linear(0, C)`` returns zeros for
    every input, and the gate is a constant 0.5.
    """
    return max(1, in_channels // reduction_ratio)


def rounded_width(in_channels: int, reduction_ratio: int, multiple: int) -> int:
    """Return timm's width: C / r rounded half up to a multiple, at least one multiple.

    timm's CBAM uses multiples of 1 (24 / 16 gives 2, where ``//`` gives 1), its SE multiples of 8.
    """
    return max(multiple, int(in_channels / reduction_ratio + multiple / 2) // multiple * multiple)


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
        require_one_of(name, convention, CONVENTIONS)
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
    require_whole("reduction_ratio", reduction_ratio or 16)
    if hidden != expected:
        raise ValueError(
            f"reduction_ratio is {reduction_ratio}, with which convention {source!r} has a hidden width of "
            f"{expected} for {channels} channels, and state has {hidden}; give the ratio of its module."
        )
    return _resize(state, prefix, _width(target, prefix, channels, reduction_ratio or 16))


def _width(convention: str, prefix: str, channels: int, reduction_ratio: int) -> int:
    if convention == "timm":
        return rounded_width(channels, reduction_ratio, multiple=8 if prefix == "mlp." else 1)
    return hidden_width(channels, reduction_ratio)


def _resize(state: dict[str, Tensor], prefix: str, width: int) -> list[str]:
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


def from_authors(state: State) -> dict[str, Tensor]:
    """Turn a state of the CBAM authors' module into one of ``CBAM(..., convention="paper")``.

    Where their hidden width is ``C // 16 = 0``, ours is 1 with weights of 0, which computes the same.

    Args:
        state: the ``state_dict`` of a single module, with keys such as ``ChannelGate.mlp.1.weight``.

    Raises:
        ValueError: a key is none of theirs.
    """
    ours = _renamed(state, _AUTHORS, "the CBAM authors' module")
    if "channel.mlp.0.weight" in ours and len(ours["channel.mlp.0.weight"]) == 0:
        _resize(ours, "channel.mlp.", 1)
    return ours


def to_authors(state: State) -> dict[str, Tensor]:
    """Turn a state of ``CBAM(..., convention="paper")`` into one of the authors' module."""
    return _renamed(state, _inverse(_AUTHORS), 'CBAM(..., convention="paper")')


def from_timm(state: State) -> dict[str, Tensor]:
    """Turn a state of timm's ``CbamModule`` or ``SEModule`` into one of ours, ``convention="timm"``.

    Args:
        state: the ``state_dict`` of a single module; its 1×1 convolutions become linear layers.

    Raises:
        ValueError: a key is none of theirs.
    """
    names = _SE if "fc1.weight" in state else _TIMM_CBAM
    return _flattened(_renamed(state, names, "timm's CbamModule or SEModule"))


def to_timm(state: State) -> dict[str, Tensor]:
    """Turn a state of ``CBAM`` or ``SqueezeExcitation``, ``convention="timm"``, into one of timm's module."""
    names = _SE if "mlp.0.weight" in state else _TIMM_CBAM
    return _renamed(_unflattened(state), _inverse(names), 'CBAM or SqueezeExcitation, convention="timm"')


def from_torchvision(state: State) -> dict[str, Tensor]:
    """Turn a state of torchvision's ``SqueezeExcitation`` into one of ours, ``convention="paper"``.

    Args:
        state: the ``state_dict`` of a single module; its 1×1 convolutions become linear layers.

    Raises:
        ValueError: a key is none of theirs.
    """
    return _flattened(_renamed(state, _SE, "torchvision's SqueezeExcitation"))


def to_torchvision(state: State) -> dict[str, Tensor]:
    """Turn a state of ``SqueezeExcitation(..., convention="paper")`` into one of torchvision's module."""
    return _renamed(_unflattened(state), _inverse(_SE), 'SqueezeExcitation(..., convention="paper")')


def _inverse(names: dict[str, str]) -> dict[str, str]:
    return {ours: theirs for theirs, ours in names.items()}


def _renamed(state: State, names: dict[str, str], owner: str) -> dict[str, Tensor]:
    """Return the state with new keys; every key has to be a known one."""
    renamed = {}
    for key, value in state.items():
        start = next((start for start in names if key.startswith(start)), None)
        if start is None:
            raise ValueError(
                f"state has the key {key!r}, which {owner} does not have; "
                f"give the state_dict of that module alone, with keys such as {next(iter(names))}weight."
            )
        renamed[names[start] + key.removeprefix(start)] = value
    return renamed


def _is_linear(key: str) -> bool:
    return ".mlp." in f".{key}" and key.endswith("weight")


def _flattened(state: State) -> dict[str, Tensor]:
    """A 1×1 convolution is a linear layer: drop the two dimensions of the kernel."""
    return {key: value.flatten(1) if _is_linear(key) else value for key, value in state.items()}


def _unflattened(state: State) -> dict[str, Tensor]:
    return {key: value[:, :, None, None] if _is_linear(key) else value for key, value in state.items()}
