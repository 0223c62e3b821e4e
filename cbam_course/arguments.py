"""What the course asks of arguments and of feature maps: one sentence with the cure where it is not met."""

from collections.abc import Iterable
from numbers import Integral

import torch
from torch import Tensor, nn


def require_whole(name: str, value: object, least: int = 1, most: int | None = None) -> None:
    """Raise unless ``value`` is a whole number from ``least`` to ``most``.

    Args:
        name: of the argument, for the message.
        value: what was given; a bool is no number.
        least, most: the bounds, both allowed; ``None`` for no upper bound.

    Raises:
        TypeError: it is no whole number.
        ValueError: it lies outside the bounds.
    """
    bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); give a whole number {bounds}.")
    if int(value) < least or (most is not None and int(value) > most):
        raise ValueError(f"{name} is {value}; give a whole number {bounds}.")


def require_odd_kernel(kernel_size: int) -> None:
    """An odd kernel has a middle pixel, so that padding by half of it keeps the map's size."""
    require_whole("kernel_size", kernel_size)
    if kernel_size % 2 == 0:
        raise ValueError(
            f"kernel_size is {kernel_size}, which is even, so no padding keeps the map's size; "
            f"give an odd number such as {kernel_size + 1}."
        )


def require_one_of(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise ``ValueError`` unless ``value`` is one of the choices; the message lists them."""
    if value not in (known := tuple(choices)):
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(map(repr, known))}.")


def require_module(model: object) -> None:
    """Raise ``TypeError`` unless ``model`` is a module."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model is a {type(model).__name__}; give a torch.nn.Module.")


def require_feature_map(x: object, in_channels: int | None = None) -> None:
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
    """Raise ``TypeError`` where input and weights differ in dtype; under autocast they may."""
    if x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise TypeError(
            f"x has the dtype {x.dtype}, and this module's weights have {weight.dtype}; "
            f"give x.to({weight.dtype}), or convert the module with .to({x.dtype})."
        )
