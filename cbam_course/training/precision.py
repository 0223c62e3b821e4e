"""Which device, number format and memory layout training uses, chosen by what is fast and safe there."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

PRECISIONS = ("auto", "float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Setting:
    """Where and how a network is trained."""

    device: torch.device
    dtype: torch.dtype
    memory_format: torch.memory_format

    def autocast(self) -> AbstractContextManager:
        """Return the context in which the forward pass runs."""
        if self.dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def scaler(self) -> torch.amp.GradScaler:
        """Return a gradient scaler; it does something only for float16, whose small gradients underflow."""
        return torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)


def choose_setting(device: str | torch.device | None = None, precision: str = "auto") -> Setting:
    """Return the setting for a device (the GPU if there is one) and a precision.

    ``"auto"`` means bfloat16 on GPUs of compute capability 8 or higher and on processors with AMX, float16 with a
    scaler on older GPUs such as the T4, float32 elsewhere.

    Raises:
        ValueError: unknown precision, or a CUDA device where there is none.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision is {precision!r}; choose one of {', '.join(map(repr, PRECISIONS))}.")
    device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            "device is 'cuda', and PyTorch sees no NVIDIA GPU here; leave device out to use the CPU."
        )
    dtype = _fast_dtype(device) if precision == "auto" else getattr(torch, precision)
    lower = dtype != torch.float32
    return Setting(device, dtype, torch.channels_last if lower else torch.contiguous_format)


def _fast_dtype(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        # is_bf16_supported() counts emulation, which a T4 has and which is slow: ask for the hardware's generation.
        recent = torch.cuda.get_device_capability(device)[0] >= 8
        return torch.bfloat16 if recent else torch.float16
    return torch.bfloat16 if device.type == "cpu" and has_amx() else torch.float32


def has_amx() -> bool:
    """Whether this processor multiplies bfloat16 matrices in hardware (Intel AMX)."""
    asks = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(asks and asks())
