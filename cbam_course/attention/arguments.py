"""What every attention module asks of its arguments and of its input: one sentence when it is not met."""

from numbers import Integral

import torch
from torch import Tensor

CONVENTIONS = ("lesson", "paper", "timm")


def require_positive_integer(name: str, value: object) -> None:
    """Raise ``TypeError`` or ``ValueError`` naming the argument, its value and the cure."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); give a whole number of at least 1.")
    if value < 1:
        raise ValueError(f"{name} is {value}; give a whole number of at least 1.")


def require_odd_kernel(kernel_size: object) -> None:
    """An odd kernel has a middle pixel, so that padding by half of it keeps the map's size."""
    require_positive_integer("kernel_size", kernel_size)
    if kernel_size % 2 == 0:
        raise ValueError(
            f"kernel_size is {kernel_size}, which is even, so no padding keeps the map's size; "
            f"give an odd number such as {kernel_size + 1}."
        )


def require_convention(convention: object) -> None:
    """Raise ``ValueError`` unless this is one of the conventions by name."""
    if convention not in CONVENTIONS:
        raise ValueError(f"convention is {convention!r}; choose one of {', '.join(map(repr, CONVENTIONS))}.")


def require_feature_map(x: Tensor, in_channels: int | None = None) -> None:
    """Check rank, dtype and channels, never values: a test of values would break export and compile."""
    if not isinstance(x, Tensor):
        raise TypeError(f"x is a {type(x).__name__}; give a tensor, for example torch.as_tensor(x).")
    if x.ndim != 4:
        cure = "; for a single image use x.unsqueeze(0)" if x.ndim == 3 else ""
        raise ValueError(
            f"x has the shape {tuple(x.shape)}, which is {x.ndim}-D; "
            f"give a 4-D feature map (N, C, H, W){cure}."
        )
    if not x.is_floating_point():
        raise TypeError(
            f"x has the dtype {x.dtype}; give floating-point numbers, for example x.float() / 255."
        )
    if in_channels is not None and x.shape[1] != in_channels:
        raise ValueError(
            f"x has {x.shape[1]} channels, and this module was made with in_channels={in_channels}; "
            f"make it with in_channels={x.shape[1]}, or give it {in_channels} channels."
        )


def require_same_dtype(x: Tensor, weight: Tensor) -> None:
    """Say it when input and weights differ in dtype; under autocast they may."""
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise TypeError(
            f"x has the dtype {x.dtype}, and this module's weights have {weight.dtype}; "
            f"give x.to({weight.dtype}), or convert the module with .to({x.dtype})."
        )
