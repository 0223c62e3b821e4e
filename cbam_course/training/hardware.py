"""What a run computes with: the device, the number format, and the threads on a processor that others use too."""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import psutil
import torch
from torch import Tensor, nn

from ..arguments import require_one_of

PRECISIONS = ("auto", "float32", "bfloat16", "float16")
_LOOK = 0.1  # seconds; the system counts in hundredths


@dataclass(frozen=True)
class Hardware:
    """The device and the number format that a run computes with.

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


def choose_hardware(device: str | torch.device | None, precision: str) -> Hardware:
    """Choose the GPU if there is one, and the lowest precision that is both fast and safe there.

    Args:
        device: as in ``torch.device``, or ``None`` to choose.
        precision: ``"float32"``, ``"bfloat16"``, ``"float16"``, or ``"auto"``: bfloat16 on GPUs of compute
            capability 8 and above and on processors with AMX, float16 on GPUs of capability 7, else float32.

    Raises:
        ValueError: an unknown precision; the message says what to do.
    """
    require_one_of("precision", precision, PRECISIONS)
    chosen = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    dtype = _fast_dtype(chosen) if precision == "auto" else getattr(torch, precision)
    return Hardware(chosen, dtype)


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


@contextmanager
def training_threads(
    threads: int | None, note: Callable[[str], None], *, on_cpu: bool = True
) -> Iterator[Callable[[], None]]:
    """Set torch's threads while the context is open, and put them back afterwards.

    Torch's threads wait for each other after every operation, and by default they do so in a loop. Where another
    program has one of their cores, all of them wait for the one that is not running, and a second thread may cost
    more than it gains (``benchmarks/threads.py`` measures an epoch alone and beside busy programs).

    Args:
        threads: how many, at least 1; ``None`` for as many as torch is set to, but no more than the cores that others
            leave free.
        note: gets a sentence when there are fewer than torch is set to.
        on_cpu: whether the work is done by the processor; otherwise ``None`` leaves the threads alone.

    Yields:
        A function that looks again at what other programs use, and lowers the threads if it has to; never up again.
    """
    before = torch.get_num_threads()
    watch = _Watch() if threads is None and on_cpu and before > 1 else None

    def look_again() -> None:
        others = watch.others() if watch and torch.get_num_threads() > 1 else 0.0
        free = max(1, math.floor((os.cpu_count() or 1) - others + 0.5))
        if free < torch.get_num_threads() and watch:
            torch.set_num_threads(free)
            note(
                f"Other programs keep {others:.1f} of {os.cpu_count()} cores busy: torch goes on with {free} of "
                f"{before} threads, because threads that wait for a core hold up the others. "
                "fit(..., threads=...) sets their number."
            )

    try:
        if threads is not None:
            torch.set_num_threads(threads)
        if watch:
            time.sleep(_LOOK)
            look_again()
        yield look_again
    finally:
        torch.set_num_threads(before)


class _Watch:
    """Tells how many cores other programs used since it was asked last."""

    def __init__(self):
        self._last = self._read()

    def others(self) -> float:
        now = self._read()
        passed, busy, own = (new - old for new, old in zip(now, self._last, strict=True))
        self._last = now
        return max(0.0, busy - own) / passed if passed > 0 else 0.0

    @staticmethod
    def _read() -> tuple[float, float, float]:
        """Return seconds: of the clock, all processors' work, this program's work."""
        system, own = psutil.cpu_times(), psutil.Process().cpu_times()
        # guest is part of user; waiting for a disk is no work
        idle = {"idle", "iowait", "guest", "guest_nice"}
        busy = sum(value for name, value in system._asdict().items() if name not in idle)
        return time.monotonic(), busy, own.user + own.system
