"""How many threads torch trains with on a processor that other programs use too."""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import torch

_LOOK = 0.1  # seconds; the system counts in hundredths


@contextmanager
def training_threads(
    threads: int | None, note: Callable[[str], None], *, on_cpu: bool = True
) -> Iterator[Callable[[], None]]:
    """Set torch's threads while the context is open, and put them back afterwards.

    Torch's threads wait for each other after every operation, and by default they do so in a loop. Where another
    program has one of their cores, all of them wait for the one that is not running, and a second thread costs more
    than it gains (``benchmarks/threads.py`` measures both).

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
