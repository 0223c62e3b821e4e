"""``python -m cbam_course experiment list | tune | run | rerun | report | verify``."""

import argparse
import sys

from . import execute, report, verify
from .registration import Ledger
from .sweep import COMPUTE, add_compute_arguments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the words that follow ``experiment`` to a parser."""
    words = parser.add_subparsers(dest="word", required=True, metavar="WORD")
    words.add_parser("list", help="show the registered experiments and how far they are")
    for word, text in (("tune", "choose learning rates on validation images"), ("run", "open the test set")):
        one = words.add_parser(word, help=text)
        one.add_argument("name", help="of the experiment")
        add_compute_arguments(one)
    again = words.add_parser("rerun", help="train one row again and compare")
    again.add_argument("name", help="of the experiment")
    again.add_argument("--row", default="random", help="number of the row, counted from 1, or random")
    words.add_parser("report", help="write results/README.md from the tables")
    words.add_parser(
        "verify", help="see that tables, registrations and report fit; exit 1 and say why if not"
    )


def run(options: argparse.Namespace) -> int:
    """Run one word and return its exit status."""
    return _WORDS[options.word](options)


def _list(options: argparse.Namespace) -> int:
    ledger = Ledger()
    for registration in ledger.registrations().values():
        print(f"{registration.name:16} {report.state(ledger, registration)}: {registration.title}")
    return 0


def _compute(options: argparse.Namespace) -> int:
    ledger = Ledger()
    chosen = {name: getattr(options, name) for name in COMPUTE}
    failed = {"tune": execute.tune, "run": execute.run}[options.word](
        ledger, ledger.registration(options.name), **chosen
    )
    return 1 if failed else 0


def _rerun(options: argparse.Namespace) -> int:
    ledger = Ledger()
    outcome = execute.rerun(ledger, ledger.registration(options.name), options.row)
    print(outcome)
    return 0 if outcome.agrees else 1


def _report(options: argparse.Namespace) -> int:
    print(f"written: {report.write_report(Ledger())}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    ledger = Ledger()
    faults = verify.faults(ledger)
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print("Registrations, tables and report fit together.")
    if note := verify.history_missing(ledger):
        print(note, file=sys.stderr)
    return 1 if faults else 0


_WORDS = {
    "list": _list, "tune": _compute, "run": _compute, "rerun": _rerun, "report": _report, "verify": _verify
}  # fmt: skip
