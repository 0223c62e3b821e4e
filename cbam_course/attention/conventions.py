"""Carry attention weights between this course and the authors' code, timm and torchvision.

Each ``from_...`` turns a ``state_dict`` of theirs into one of ours, each ``to_...`` turns it back. With converted
weights, outputs and input gradients are the same in ``eval`` mode. ``convert`` is for our own conventions.
"""

from torch import Tensor

from .convert import State, convert, resize

__all__ = [
    "convert",
    "from_authors",
    "from_timm",
    "from_torchvision",
    "to_authors",
    "to_timm",
    "to_torchvision",
]

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
        resize(ours, "channel.mlp.", 1)
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
