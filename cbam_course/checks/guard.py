"""Run a learner's code so that nothing it does outlives the check."""

import contextlib
import io
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Iterator

import numpy
import torch

SECONDS = 5.0
OUTPUT_LIMIT = 100_000  # characters kept of what the code prints; more is dropped


class TimeIsUp(BaseException):
    """Raised in the learner's code when time is up: a BaseException, so that ``except Exception`` lets it by."""


@contextlib.contextmanager
def guarded(seconds: float = SECONDS) -> Iterator[None]:
    """Give the block fresh global state and a time limit, and put everything back afterwards."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_restored_state())
        stack.enter_context(contextlib.redirect_stdout(_Sink()))
        stack.enter_context(contextlib.redirect_stderr(_Sink()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(_exit_is_refused())
        stack.enter_context(time_limit(seconds))
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float32)
        stack.enter_context(torch.enable_grad())
        yield


class _Sink(io.StringIO):
    """Keeps the beginning of what is printed: a print in an endless loop must not fill the memory."""

    def write(self, text: str) -> int:
        if self.tell() < OUTPUT_LIMIT:
            super().write(text)
        return len(text)


@contextlib.contextmanager
def _restored_state() -> Iterator[None]:
    folder = os.getcwd()
    python, array, tensor = random.getstate(), numpy.random.get_state(), torch.get_rng_state()
    dtype, grad, threads = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    device, anomaly = torch.empty(0).device, torch.is_anomaly_enabled()
    recursion = sys.getrecursionlimit()
    try:
        yield
    finally:
        # Asked of a tensor: torch 2.6 raises in get_default_device once the default was taken back.
        if torch.empty(0).device != device:
            torch.set_default_device(None if device.type == "cpu" else device)
        torch.autograd.set_detect_anomaly(anomaly)
        random.setstate(python)
        numpy.random.set_state(array)
        torch.set_rng_state(tensor)
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
        sys.setrecursionlimit(recursion)
        with contextlib.suppress(OSError):
            os.chdir(folder)


@contextlib.contextmanager
def _exit_is_refused() -> Iterator[None]:
    """In a notebook exit() does not raise: it asks the kernel to end after the cell, with everything in it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        yield
        return

    def refuse():
        raise SystemExit

    shell.ask_exit = refuse
    try:
        yield
    finally:
        del shell.ask_exit


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`TimeIsUp` in the block after ``seconds``.

    It needs the main thread and a system with SIGALRM (Linux, macOS). Elsewhere, as on Windows, a loop
    without an end has to be stopped by hand with the stop button, which a check reports as well.
    """
    if not hasattr(signal, "SIGALRM") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(signum, frame):
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, stop)
    # Again and again: a bare ``except: pass`` inside a loop swallows the first one.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
