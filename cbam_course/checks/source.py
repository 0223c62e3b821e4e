"""Where an answer came from: the cell, its time, and the line that raised."""

import sys
import sysconfig
import time
import traceback
from pathlib import Path
from types import CodeType, TracebackType

from .texts import say

_PACKAGE = str(Path(__file__).resolve().parents[1])
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})


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


def raised_by_learner(trace: TracebackType | None) -> bool:
    """Whether the innermost frame is the learner's own line (and not inside a library)."""
    frames = traceback.extract_tb(trace)
    return bool(frames) and is_learners(frames[-1].filename)


def describe(answer: object) -> str:
    """Return one sentence on the cell that defined a class or function and when it ran, or an empty string."""
    code = _code_of(answer)
    cell = _cell_number(code.co_filename) if code else None
    if cell is None:
        return ""
    name = getattr(answer, "__name__", type(answer).__name__)
    moment = _time_of(code.co_filename, cell)
    sentence = say("source" if moment else "source_untimed", name=name, cell=cell, time=moment)
    return f"{sentence} {say('source_changed')}"


def _code_of(answer: object) -> CodeType | None:
    if isinstance(answer, type):
        codes = [getattr(value, "__code__", None) for value in vars(answer).values()]
        return next((code for code in codes if code is not None), None)
    return getattr(answer, "__code__", None)


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
