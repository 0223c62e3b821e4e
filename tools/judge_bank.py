"""Judge the checks by a bank of answers: ``python tools/judge_bank.py [--bank FOLDER] [--load] [--mutants]``.

A bank is a folder with one file for each lesson, ``lesson_NN.py``. It holds ``RIGHT``: task -> answers that must
pass, and ``WRONG``: task -> mistake -> answers that must be told that mistake. Under ``None`` in place of a mistake
stand wrong answers declared indistinguishable: they must fail and be given no name.
"""

import argparse
import contextlib
import importlib
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cbam_course.checks.report import Report
from cbam_course.checks.runner import examine
from cbam_course.checks.tasks import all_tasks, find_task

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "answers"
BLIND = (
    "written_blind"  # answers to tasks of several lessons, written without a look at how they are examined
)
_BUSY = "while True: sum(range(100_000))"


@dataclass(frozen=True)
class Bank:
    """The answers to one task."""

    right: list
    wrong: dict[str | None, list]


@dataclass
class Verdict:
    """What the check of one task made of its answers."""

    task: str
    accepted: int = 0
    right: int = 0
    rejected: int = 0
    wrong: int = 0
    named: int = 0  # with their own name
    unnamed: int = 0  # declared so, and given none
    false_names: int = 0
    seconds: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    failures: list[Report] = field(default_factory=list)  # on the wrong answers

    @property
    def perfect(self) -> bool:
        return not self.complaints


def load_bank(folder: Path, task: str) -> Bank | None:
    """Return a task's answers; a lesson's file is imported as part of a package, so that one may build on another."""
    lesson = f"lesson_{find_task(task).lesson}"
    if not (folder / f"{lesson}.py").is_file():
        return None
    name = f"bank_{abs(hash(folder.resolve()))}"
    if name not in sys.modules:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(folder)]
    parts = [lesson, *(part for part in (BLIND,) if (folder / f"{part}.py").is_file())]
    modules = [importlib.import_module(f"{name}.{part}") for part in parts]
    right = [answer for module in modules for answer in module.RIGHT.get(task, [])]
    wrong: dict[str | None, list] = {}
    for module in modules:
        for mistake, answers in module.WRONG.get(task, {}).items():
            # Answers that are made when they are asked for stay so.
            wrong[mistake] = [*wrong[mistake], *answers] if mistake in wrong else answers
    return Bank(right, wrong) if right or wrong else None


def judge(task: str, bank: Bank) -> Verdict:
    """Check every answer of a bank."""
    verdict = Verdict(task)
    for number, answer in enumerate(bank.right):
        report = _timed(verdict, answer)
        verdict.right += 1
        verdict.accepted += report.passed
        if not report.passed:
            verdict.complaints.append(f"right answer {number} is not accepted:\n{report}")
    for mistake, answers in bank.wrong.items():
        for number, answer in enumerate(answers):
            _judge_wrong(verdict, mistake, number, answer)
    return verdict


def _judge_wrong(verdict: Verdict, mistake: str | None, number: int, answer: object) -> None:
    report = _timed(verdict, answer)
    rejected = report.status in ("failed", "stopped")
    verdict.failures.append(report)
    verdict.wrong += 1
    verdict.rejected += rejected
    verdict.named += rejected and mistake is not None and report.mistake == mistake
    verdict.unnamed += rejected and mistake is None and report.mistake is None
    verdict.false_names += report.mistake not in (None, mistake)
    if not rejected or report.mistake != mistake:
        verdict.complaints.append(
            f"wrong answer {number} under {mistake} is told {report.mistake}:\n{report}"
        )


def _timed(verdict: Verdict, answer: object) -> Report:
    start = time.perf_counter()
    report = examine(find_task(verdict.task), answer)
    verdict.seconds.append(time.perf_counter() - start)
    return report


@contextlib.contextmanager
def load(count: int = 2) -> Iterator[None]:
    """Keep ``count`` other processes computing meanwhile."""
    others = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def row(verdict: Verdict) -> str:
    """One line of the table."""
    seconds = verdict.seconds or [0.0]
    times = f"{statistics.median(seconds):8.2f} {seconds[0]:8.2f} {max(seconds):8.2f}"
    right, rejected = f"{verdict.accepted}/{verdict.right}", f"{verdict.rejected}/{verdict.wrong}"
    names = f"{verdict.named:>7} {verdict.unnamed:>7} {verdict.false_names:>7}"
    return f"{verdict.task:<28} {right:>9} {rejected:>9} {names} {times}"


def total(verdicts: list[Verdict]) -> Verdict:
    """Add the verdicts of all tasks up."""
    whole = Verdict("all")
    for verdict in verdicts:
        for name in ("accepted", "right", "rejected", "wrong", "named", "unnamed", "false_names"):
            setattr(whole, name, getattr(whole, name) + getattr(verdict, name))
        whole.seconds += verdict.seconds
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--bank", type=Path, default=FOLDER, help="folder of answers (default: tests/answers)"
    )
    parser.add_argument("--only", default="", help="tasks of one lesson, for example 03")
    parser.add_argument("--load", action="store_true", help="while four other processes compute")
    parser.add_argument(
        "--mutants",
        action="store_true",
        help="mutate the package's own modules and the exercises' right answers too (minutes)",
    )
    options = parser.parse_args()
    tasks = [task.task_id for task in all_tasks().values() if task.lesson.startswith(options.only)]
    banks = {task: load_bank(options.bank, task) for task in tasks}
    with load(4) if options.load else contextlib.nullcontext():
        verdicts = [judge(task, bank) for task, bank in banks.items() if bank is not None]
    numbers = f"{'named':>7} {'unnamed':>7} {'false':>7} {'median s':>8} {'first s':>8} {'slowest':>8}"
    print(f"{'task':<28} {'accepted':>9} {'rejected':>9} {numbers}")
    print(*map(row, [*verdicts, total(verdicts)]), sep="\n")
    missing = [task for task, bank in banks.items() if bank is None]
    if missing:
        print("No answers for:", ", ".join(missing))
    for verdict in verdicts:
        for complaint in verdict.complaints:
            print(f"\n{verdict.task}: {complaint}")
    noticed = not options.mutants or _judge_mutants(options.only)
    return 0 if noticed and all(verdict.perfect for verdict in verdicts) else 1


def _judge_mutants(lesson: str) -> bool:
    """Whether the checks notice all mutants of the package's modules and of the exercises' answers."""
    from answer_mutants import print_answer_mutants
    from mutants import print_mutants

    return all([print_mutants(lesson), print_answer_mutants(lesson)])


if __name__ == "__main__":
    sys.exit(main())
