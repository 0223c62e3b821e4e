"""Run a learner's code so that nothing it does outlives the check, and no verdict depends on how busy a machine is.

Torch computes on one thread, and the limit counts the processor time of this process. Far beyond it stands a limit
by the clock, for code that waits. What cannot be ended from Python is a single call into C that never returns,
such as ``torch.ones(10**6, 10**6)`` on a machine with the memory for it, or a loop inside a C extension.
"""

import contextlib
import dataclasses
import gc
import io
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator

import numpy
import torch
from torch.nn.modules import module as modules

SECONDS = 5.0  # of processor time
CLOCK_SECONDS = 60.0
OUTPUT_LIMIT = 100_000  # characters kept of what the code prints; more is dropped


class TimeIsUp(BaseException):
    """Raised in the learner's code when time is up: a BaseException, so that ``except Exception`` lets it by.

    A bare ``except: pass`` swallows it. It then ceases to exist, and is raised again at the next line.
    """

    def __init__(self, reason: str, seconds: float, again: Callable[[], None] = lambda: None):
        super().__init__(reason)
        self.reason, self.seconds, self._again = reason, seconds, again

    def __del__(self):
        self._again()


@contextlib.contextmanager
def guarded(seconds: float = SECONDS, clock_seconds: float = CLOCK_SECONDS) -> Iterator[None]:
    """Give the block fresh global state and a time limit, and put everything back afterwards."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_restored_state())
        stack.enter_context(contextlib.redirect_stdout(_Sink()))
        stack.enter_context(contextlib.redirect_stderr(_Sink()))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        stack.enter_context(_exit_is_refused())
        for device in ("cpu", "cuda"):
            stack.enter_context(torch.autocast(device, enabled=False))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        torch.set_num_threads(1)
        torch.manual_seed(0)
        torch.set_default_dtype(torch.float32)
        torch.set_float32_matmul_precision("highest")
        stack.enter_context(time_limit(seconds, clock_seconds))
        yield


class _Sink(io.StringIO):
    """Keeps the beginning of what is printed: a print in an endless loop must not fill the memory."""

    def write(self, text: str) -> int:
        if self.tell() < OUTPUT_LIMIT:
            super().write(text)
        return len(text)


@contextlib.contextmanager
def _restored_state() -> Iterator[None]:
    with contextlib.ExitStack() as undo:
        for keep in (_keep_python, _keep_generators, _keep_torch, _keep_printing, _keep_hooks):
            keep(undo)
        yield


def _keep_python(undo: contextlib.ExitStack) -> None:
    undo.callback(_go_to, os.getcwd())
    undo.callback(sys.setrecursionlimit, sys.getrecursionlimit())
    undo.callback(gc.set_threshold, *gc.get_threshold())
    undo.callback(gc.enable if gc.isenabled() else gc.disable)
    path = sys.path[:]
    undo.callback(lambda: sys.path.__setitem__(slice(None), path))
    environment = dict(os.environ)
    undo.callback(_set_environment, environment)


def _go_to(folder: str) -> None:
    with contextlib.suppress(OSError):
        os.chdir(folder)


def _set_environment(kept: dict[str, str]) -> None:
    for name in set(os.environ) - set(kept):
        del os.environ[name]
    for name, value in kept.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _keep_generators(undo: contextlib.ExitStack) -> None:
    undo.callback(random.setstate, random.getstate())
    undo.callback(numpy.random.set_state, numpy.random.get_state())
    undo.callback(torch.set_rng_state, torch.get_rng_state())
    if torch.cuda.is_initialized():
        undo.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())


def _keep_torch(undo: contextlib.ExitStack) -> None:
    undo.callback(torch.set_default_dtype, torch.get_default_dtype())
    undo.callback(torch.set_float32_matmul_precision, torch.get_float32_matmul_precision())
    undo.callback(torch.autograd.set_detect_anomaly, torch.is_anomaly_enabled())
    undo.callback(torch.use_deterministic_algorithms, torch.are_deterministic_algorithms_enabled())
    undo.callback(_set_threads, torch.get_num_threads())
    undo.callback(_set_device, torch.empty(0).device)


def _set_threads(count: int) -> None:
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)


def _set_device(device: torch.device) -> None:
    # Asked of a tensor: torch 2.6 raises in get_default_device once the default was taken back.
    if torch.empty(0).device != device:
        torch.set_default_device(None if device.type == "cpu" else device)


def _keep_printing(undo: contextlib.ExitStack) -> None:
    shown = dataclasses.asdict(torch._tensor_str.PRINT_OPTS)
    undo.callback(lambda: torch.set_printoptions(**shown))
    options = numpy.get_printoptions()
    undo.callback(lambda: numpy.set_printoptions(**options))
    undo.callback(lambda: numpy.seterr(**kept))
    kept = numpy.geterr()


def _keep_hooks(undo: contextlib.ExitStack) -> None:
    """Hooks on all modules are kept by torch in dictionaries of its own."""
    for name, hooks in vars(modules).items():
        if name.startswith("_global_") and isinstance(hooks, dict):
            undo.callback(_set_dictionary, hooks, dict(hooks))


def _set_dictionary(target: dict, kept: dict) -> None:
    if target != kept:
        target.clear()
        target.update(kept)


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
def time_limit(seconds: float, clock_seconds: float) -> Iterator[None]:
    """Raise :class:`TimeIsUp` in the block after so much processor time, or so much time by the clock.

    It needs the main thread and a system with interval timers (Linux, macOS). Elsewhere, as on Windows, a loop
    without an end has to be stopped by hand with the stop button, which a check reports as well.
    """
    if not hasattr(signal, "SIGPROF") or threading.current_thread() is not threading.main_thread():
        yield
        return
    limit = _Limit(seconds, clock_seconds)
    timers = {
        signal.ITIMER_PROF: (signal.SIGPROF, seconds),
        signal.ITIMER_REAL: (signal.SIGALRM, clock_seconds),
    }
    before = {number: signal.signal(number, limit.stop) for number, _ in timers.values()}
    tracing = sys.gettrace()
    for timer, (_, after) in timers.items():
        # Again and again: a handler's exception is lost where Python cannot raise, such as in __del__.
        signal.setitimer(timer, after, 0.2)
    try:
        yield
    finally:
        limit.over = True
        for timer, (number, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])
        sys.settrace(tracing)


class _Limit:
    """What happens when time is up: raise, and raise again wherever that was swallowed."""

    def __init__(self, seconds: float, clock_seconds: float):
        self.over = False
        self._seconds, self._clock_seconds = seconds, clock_seconds
        self._reason = ""

    def stop(self, number, frame) -> None:
        if self.over:
            return
        self._reason = self._reason or ("took_too_long" if number == signal.SIGPROF else "waited_too_long")
        raise self._error()

    def _error(self) -> TimeIsUp:
        seconds = self._seconds if self._reason == "took_too_long" else self._clock_seconds
        return TimeIsUp(self._reason, seconds, self._swallowed)

    def _swallowed(self) -> None:
        """The last reference is gone: let the next line of whoever dropped it raise anew."""
        if self.over:
            return
        frame = sys._getframe(2)  # of __del__'s caller
        while frame is not None:
            frame.f_trace = self._raise_at_line
            frame = frame.f_back
        sys.settrace(self._raise_at_line)

    def _raise_at_line(self, frame, event, argument):
        if self.over:
            return None
        if event == "line":
            raise self._error()
        return self._raise_at_line
