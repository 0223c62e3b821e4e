"""Which device, which number format and which memory layout a run uses."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Place:
    """Where a run computes.

    Args:
        device: a CPU or a GPU.
        dtype: of the convolutions; weights stay float32 (mixed precision).
    """

    device: torch.device
    dtype: torch.dtype

    @property
    def name(self) -> str:
        return str(self.dtype).removeprefix("torch.")

    def autocast(self) -> AbstractContextManager:
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def scaler(self) -> torch.amp.GradScaler:
        """Float16 gradients underflow unless the loss is scaled up first; other formats need no scaling."""
        return torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)

    def put_model(self, model: nn.Module) -> None:
        model.to(self.device)
        # With the channels innermost a convolution takes two thirds of the time, on CPUs too.
        model.to(memory_format=torch.channels_last)

    def put_images(self, images: Tensor) -> Tensor:
        layout = torch.channels_last if images.ndim == 4 else torch.preserve_format
        return images.to(self.device, non_blocking=True, memory_format=layout)


def choose_place(device: str | torch.device | None, precision: str) -> Place:
    """Choose the GPU if there is one, and the lowest precision that is both fast and safe there.

    Args:
        device: as in ``torch.device``, or ``None`` to choose.
        precision: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``: bfloat16 on GPUs of compute
            capability 8 and above and on processors with AMX, float16 on GPUs of capability 7, else float32.

    Raises:
        ValueError: an unknown precision; the message says what to do.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; choose one of {', '.join(map(repr, PRECISIONS))}.")
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dtype = _fast_dtype(chosen) if precision == "auto" else getattr(torch, precision)
    return Place(chosen, dtype)


def _fast_dtype(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        capability = torch.cuda.get_device_capability(device)
        return (
            torch.bfloat16
            if capability >= (8, 0)
            else torch.float16
            if capability >= (7, 0)
            else torch.float32
        )
    return torch.bfloat16 if device.type == "cpu" and _has_amx() else torch.float32


def _has_amx() -> bool:
    # torch has no public question for this in all supported versions; without an answer, float32 is right.
    ask = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(ask and ask())
