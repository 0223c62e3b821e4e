"""Mistakes that make PyTorch refuse an ordinary input: which one it is shows in the inputs that it still takes."""

import torch
from torch import Tensor, nn

from .instances import construct, noise


def first_failure(cls: type, arguments: tuple, shape: tuple, find):
    """Yield a finding where an ordinary input fails for a known reason; any other error is raised."""
    try:
        _run(cls, arguments, noise(shape))
    except (RuntimeError, ValueError, IndexError) as error:
        mistake = _reason(cls, arguments, shape)
        if mistake is None or isinstance(error, (NotImplementedError, RecursionError)):
            raise
        yield find("shape", False, mistake, input=shape, got=f"{type(error).__name__}: {error}"[:160])
        return True
    return False


def _run(cls: type, arguments: tuple, x: Tensor) -> Tensor | None:
    module = construct(cls, *arguments)
    if not isinstance(module, nn.Module):
        return None
    with torch.no_grad():
        return module(x.float())


def _works(cls: type, arguments: tuple, x: Tensor) -> bool:
    try:
        got = _run(cls, arguments, x)
        return isinstance(got, Tensor) and got.shape == x.shape
    except (RuntimeError, ValueError, IndexError, TypeError, ZeroDivisionError):
        return False


def _reason(cls: type, arguments: tuple, shape: tuple) -> str | None:
    if len(arguments) == 1:
        return _spatial_reason(cls, shape)
    channels = shape[1]
    if len(arguments) == 3 and _works(cls, (*arguments[:2], 1), noise(shape)):
        return "padding-missing"
    if _works(cls, arguments, noise((channels, channels, channels, channels))):
        return "wrong-axis"
    sizes = (1, 4, 7, 8, 14, 16, 28, 32, 56, 64)
    if any(_works(cls, arguments, noise((2, channels, size, size))) for size in sizes):
        return "fixed-size"
    return "hidden-width-zero" if _works(cls, (64, 1), noise((2, 64, 5, 6))) else None


def _spatial_reason(cls: type, shape: tuple) -> str | None:
    if _works(cls, (1,), noise(shape)):
        return "padding-missing"
    return "pooled-over-space" if _works(cls, (7,), noise((2, 1, 5, 6))) else None
