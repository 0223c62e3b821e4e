"""A learner's answer: whether there is one, where it came from, and whose code raised an error."""

import contextlib
import functools
import os
import sys
import sysconfig
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType, TracebackType

import numpy
import torch
from torch import nn

from .tasks import Task, say


def is_unanswered(answer: object) -> bool:
    """Whether the answer is None, or a collection in which everything still is, or is an untouched stub."""
    if isinstance(answer, (tuple, list)):
        return len(answer) > 0 and all(_is_empty(part) for part in answer)
    if isinstance(answer, dict):
        return len(answer) > 0 and all(_is_empty(part) for part in answer.values())
    return answer is None


def missing_part(answer: object) -> object:
    """Return the key, or the number from 1, of the first part that is still None or an untouched stub."""
    if not isinstance(answer, (tuple, list, dict)):
        return None
    parts = answer.items() if isinstance(answer, dict) else enumerate(answer, 1)
    return next((name for name, part in parts if _is_empty(part)), None)


def _is_empty(part: object) -> bool:
    """Whether a part of an answer is still as the exercise has it: None, or a function that only raises."""
    return part is None or (
        isinstance(part, FunctionType) and part.__code__.co_names == ("NotImplementedError",)
    )


def wrong_kind(answer: object, task: Task) -> str:
    """Return a sentence if the answer is not of the kind that the task asks for, else an empty string."""
    if task.kind == "class" and not isinstance(answer, type):
        return say("wrong_kind_class", task=task.task_id, name=_class_name(answer), got=_article(answer))
    if task.kind == "function" and not _is_function(answer):
        sentence = "called_function" if hasattr(answer, "shape") else "wrong_kind_function"
        return say(sentence, got=_article(answer))
    return ""


def still_stubs(answer: object, task: Task) -> tuple[list[str], list[str]]:
    """Return the names of the methods that still raise NotImplementedError, and of those that are written."""
    if not isinstance(answer, type):
        return [getattr(answer, "__name__", "answer")], []
    methods = {name: value.__code__ for name, value in vars(answer).items() if hasattr(value, "__code__")}
    asked = {name: code for name, code in methods.items() if name not in task.given}
    stubs = [name for name, code in asked.items() if "NotImplementedError" in code.co_names]
    return stubs, [name for name in asked if name not in stubs]


def _is_function(answer: object) -> bool:
    return isinstance(answer, Callable) and not isinstance(answer, type)


def _class_name(answer: object) -> str:
    return type(answer).__name__ if hasattr(answer, "forward") else "YourClass"


def _article(answer: object) -> str:
    if isinstance(answer, type):
        return f"the class {answer.__name__}"
    return f"an object of type {type(answer).__name__}"


class NothingReturned(BaseException):
    """The learner's function or forward gave None: a BaseException, so that no examiner takes it for theirs."""


class Watched:
    """The learner's function as an examiner calls it: it notes what no task should have to test by itself.

    Attributes:
        changed: whether a call has changed what it was handed.
        raised: the error that came out of the last call that raised.
    """

    def __init__(self, function: Callable, task: Task):
        functools.update_wrapper(self, function)
        self._function, self._may_change = function, task.changes_input
        self.changed, self.raised = False, None

    def __call__(self, *arguments: object, **named: object) -> object:
        before = None if self._may_change else _copied(arguments)
        try:
            result = self._function(*arguments, **named)
        except BaseException as error:
            self.raised = error
            raise
        self.changed = self.changed or not (self._may_change or _equal(before, arguments))
        if result is None:
            raise NothingReturned
        return result


@contextlib.contextmanager
def forward_must_return(answer: object) -> Iterator[None]:
    """Raise :class:`NothingReturned` where the forward of the learner's own class gives None."""
    if not isinstance(answer, type):
        yield
        return

    def notice(module: nn.Module, inputs: tuple, output: object) -> None:
        if output is None and isinstance(module, answer):
            raise NothingReturned

    handle = nn.modules.module.register_module_forward_hook(notice)
    try:
        yield
    finally:
        handle.remove()


def _copied(value: object) -> object:
    """Copy tensors, arrays and collections; modules and other things are not compared."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if isinstance(value, numpy.ndarray):
        return value.copy()
    if isinstance(value, (list, tuple)):
        return [_copied(part) for part in value]
    if isinstance(value, dict):
        return {key: _copied(part) for key, part in value.items()}
    return value


def _equal(before: object, after: object) -> bool:
    if isinstance(before, torch.Tensor):
        same = after.shape == before.shape and after.dtype == before.dtype
        return same and bool(((after == before) | ((after != after) & (before != before))).all())
    if isinstance(before, numpy.ndarray):
        return before.shape == after.shape and numpy.array_equal(before, after, before.dtype.kind in "fc")
    if isinstance(before, list):
        return len(before) == len(after) and all(map(_equal, before, after))
    if isinstance(before, dict):
        return list(before) == list(after) and all(_equal(before[key], after[key]) for key in before)
    return before is after or not isinstance(before, (int, float, str, bool)) or before == after


_PACKAGE = str(Path(__file__).resolve().parents[1]) + os.sep
_LIBRARIES = tuple(
    {sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


def is_learners(filename: str) -> bool:
    """Whether a frame belongs to the learner, neither to this package nor to an installed library."""
    outside_package = not filename.startswith(_PACKAGE)
    frozen = filename.startswith("<frozen")
    return outside_package and not frozen and not filename.startswith(_LIBRARIES)


def learners_line(error: BaseException) -> str:
    """Return the learner's own last line in the traceback, and nothing of ours; empty if there is none."""
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if is_learners(frame.filename)]
    if not mine:
        return ""
    last = mine[-1]
    return say("raised_at", where=last.name, line=last.lineno, code=last.line or "")


def is_learners_fault(error: BaseException, answer: object, watched: Watched | None) -> bool:
    """Whether an error came out of the learner's code, and not out of the examiner's.

    It did where the traceback passes through the learner's lines, where the learner's function raised (it may be
    a library's), and where a library works on an instance of the learner's class.
    """
    if watched is not None and watched.raised is error:
        return True
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if any(is_learners(frame.f_code.co_filename) for frame in frames):
        return True
    if not isinstance(answer, type):
        return False
    if not any(is_learners(code.co_filename) for code in _codes(answer)):
        return True  # a library's class was handed in
    refused = isinstance(error, TypeError) and ("__init__()" in str(error) or "no arguments" in str(error))
    return refused or any(isinstance(frame.f_locals.get("self"), answer) for frame in frames)


def raised_by_learner(trace: TracebackType | None) -> bool:
    """Whether the learner's own code raised NotImplementedError: torch raises it too, for a mean of truth values."""
    codes = [frame.f_code for frame, _ in traceback.walk_tb(trace)]
    return bool(codes) and is_learners(codes[-1].co_filename) and "NotImplementedError" in codes[-1].co_names


def describe(answer: object) -> str:
    """Return one sentence on the cell that defined a class or function and when it ran, or an empty string."""
    code = next(iter(_codes(answer)), None)
    cell = _cell_number(code.co_filename) if code else None
    if cell is None:
        return ""
    name = getattr(answer, "__name__", type(answer).__name__)
    moment = _time_of(code.co_filename, cell)
    sentence = say("source" if moment else "source_untimed", name=name, cell=cell, time=moment)
    return f"{sentence} {say('source_changed')}"


def _codes(answer: object) -> list[CodeType]:
    """The code of a function, or of all methods of a class."""
    functions = vars(answer).values() if isinstance(answer, type) else [answer]
    codes = (getattr(function, "__code__", None) for function in functions)
    return [code for code in codes if isinstance(code, CodeType)]


def _cell_number(filename: str) -> int | None:
    """IPython knows which cell it compiled under which file name; of IPython 7 we have noted it."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    names = getattr(getattr(shell, "compile", None), "_filename_map", {})
    noted = [cell for name, cell in getattr(shell, "_cbam_course_cells", {}) if name == filename]
    return names.get(filename, noted[-1] if noted else None)


def watch_cells() -> None:
    """Note when each cell runs: a recent IPython keeps its number and its lines, and not its time."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or hasattr(shell, "_cbam_course_cells"):
        return
    shell._cbam_course_cells = {}

    def note(result=None):
        # The same cell run again keeps its name and gets another number.
        for cell in _names(shell, result).items():
            shell._cbam_course_cells.setdefault(cell, time.strftime("%H:%M:%S"))

    shell.events.register("post_run_cell", note)


def _names(shell, result) -> dict[str, int]:
    """Return file name -> cell number: all that IPython keeps, or of IPython 7 that of the cell just run."""
    if hasattr(shell.compile, "_filename_map"):
        return shell.compile._filename_map
    number, source = getattr(result, "execution_count", None), getattr(result, "info", None)
    if number is None or source is None:
        return {}
    code = shell.transform_cell(source.raw_cell)
    return {shell.compile.get_code_name(source.raw_cell, code, number): number}


def _time_of(name: str, cell: int) -> str | None:
    shell = sys.modules["IPython"].get_ipython()
    return getattr(shell, "_cbam_course_cells", {}).get((name, cell))
