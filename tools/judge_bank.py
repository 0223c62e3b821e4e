"""Judge the checks by banks of answers: ``python tools/judge_bank.py [--bank FOLDER] [--mutants]``.

A bank is a folder with one file for each task, named like the task with underscores. It holds ``RIGHT``, a list of
answers that must pass, and ``WRONG``, a dictionary of mistakes and the answers that must be told them.
"""

import argparse
import importlib
import statistics
import sys
import time
import types
from dataclasses import dataclass, field
from pathlib import Path

from cbam_course.checks.report import Report
from cbam_course.checks.runner import examine
from cbam_course.checks.task import find_task
from cbam_course.checks.texts import all_texts, file_name

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "answers"


@dataclass
class Verdict:
    """What the check of one task made of a bank of answers."""

    task: str
    accepted: int = 0
    right: int = 0
    rejected: int = 0
    named: int = 0
    wrong: int = 0
    seconds: list[float] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def perfect(self) -> bool:
        return not self.complaints


def load_bank(folder: Path, task: str) -> types.ModuleType | None:
    """Import one task's file of a bank as part of a package, so that one file may build on another."""
    if not (folder / f"{file_name(task)}.py").is_file():
        return None
    name = f"bank_{abs(hash(folder.resolve()))}"
    if name not in sys.modules:
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = [str(folder)]
    return importlib.import_module(f"{name}.{file_name(task)}")


def judge(task: str, bank: types.ModuleType) -> Verdict:
    """Check every answer of a bank."""
    verdict = Verdict(task)
    for number, answer in enumerate(bank.RIGHT):
        report = _timed(verdict, answer)
        verdict.right += 1
        verdict.accepted += report.passed
        if not report.passed:
            verdict.complaints.append(f"right answer {number} is not accepted:\n{report}")
    for mistake, answers in bank.WRONG.items():
        for answer in answers:
            _judge_wrong(verdict, mistake, answer)
    return verdict


def _judge_wrong(verdict: Verdict, mistake: str, answer: object) -> None:
    report = _timed(verdict, answer)
    verdict.wrong += 1
    verdict.rejected += not report.passed
    verdict.named += report.mistake == mistake
    if report.mistake != mistake:
        verdict.complaints.append(f"{mistake} is told {report.mistake}:\n{report}")


def _timed(verdict: Verdict, answer: object) -> Report:
    start = time.perf_counter()
    report = examine(find_task(verdict.task), answer)
    verdict.seconds.append(time.perf_counter() - start)
    return report


def row(verdict: Verdict) -> str:
    """One line of the table."""
    times = f"{statistics.median(verdict.seconds):8.2f} {max(verdict.seconds):8.2f}"
    right = f"{verdict.accepted}/{verdict.right}"
    rejected, named = (f"{number}/{verdict.wrong}" for number in (verdict.rejected, verdict.named))
    return f"{verdict.task:<28} {right:>9} {rejected:>9} {named:>9} {times}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--bank", type=Path, default=FOLDER, help="folder of answers (default: tests/answers)"
    )
    parser.add_argument(
        "--mutants", action="store_true", help="mutate the package's own modules too (a minute)"
    )
    options = parser.parse_args()
    banks = {task: load_bank(options.bank, task) for task in all_texts()}
    verdicts = [judge(task, bank) for task, bank in banks.items() if bank is not None]
    print(f"{'task':<28} {'accepted':>9} {'rejected':>9} {'named':>9} {'median s':>8} {'slowest':>8}")
    print(*map(row, verdicts), sep="\n")
    missing = [task for task, bank in banks.items() if bank is None]
    if missing:
        print("No answers for:", ", ".join(missing))
    for verdict in verdicts:
        for complaint in verdict.complaints:
            print(f"\n{verdict.task}: {complaint}")
    if options.mutants:
        from mutants import print_mutants

        print_mutants()
    return 0 if all(verdict.perfect for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
