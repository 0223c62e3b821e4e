"""The command line: ``python -m cbam_course lab``, ``doctor``, ``progress``, ``sync`` and so on."""

import argparse
import sys
from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 where all is well.

    Args:
        argv: the words after the program's name; by default those of the command line.
    """
    words = sys.argv[1:] if argv is None else argv
    try:
        parser = _parser(words)
        options, others = parser.parse_known_args(words)
        if others and not hasattr(options, "others"):
            parser.error(f"unrecognized arguments: {' '.join(others)}")
        options.words, options.others = words, others
        return options.run(options)
    except (OSError, ValueError) as error:  # a sentence for whoever typed the command
        print(_sentence(error), file=sys.stderr)
    except ModuleNotFoundError as error:
        print(_missing(words[0], error.name or ""), file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 1


def _parser(words: list[str]) -> argparse.ArgumentParser:
    """Return a parser that knows every command by name, and the arguments of the one that was typed."""
    parser = argparse.ArgumentParser(prog="python -m cbam_course", description="The course's own tools.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=command.text, allow_abbrev=False)
        # Only the command that was typed is imported: the others may be slow to load, or lack a package.
        if words[:1] == [name]:
            offers = import_module(f"cbam_course.{command.module}") if command.module else command
            offers.add_arguments(subparser)
            subparser.set_defaults(run=offers.run)
    return parser


def _missing(command: str, module: str) -> str:
    if module.startswith("cbam_course"):
        return f"{command} is not part of this version of the course ({module} is missing)."
    return f"{command} needs the package {module}, which is not installed: pip install {module}"


def _doctor(options: argparse.Namespace) -> int:
    from .doctor import doctor

    report = doctor()
    print(report)
    return 0 if report.healthy else 1


def _progress(options: argparse.Namespace) -> int:
    from .checks import progress

    print(progress())
    return 0


def _sync(options: argparse.Namespace) -> int:
    from .workspace import sync

    return _told(sync(), otherwise="work/ is up to date.")


def _reset(options: argparse.Namespace) -> int:
    from .workspace import reset

    return _told(reset(options.number))


def _told(outcomes, otherwise: str = "") -> int:
    """Print a sentence for each file; the exit status is 1 where something could not be written or read."""
    print("\n".join(map(str, outcomes)) or otherwise)
    return int(any(outcome.failed for outcome in outcomes))


def _sentence(error: Exception) -> str:
    reason, path = getattr(error, "strerror", None), getattr(error, "filename", None)
    return f"{path} could not be written or read ({reason})." if reason and path else str(error)


def _number(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", help="the lesson's number, for example 03")


def _nothing(parser: argparse.ArgumentParser) -> None:
    pass


class Command(NamedTuple):
    """What a word on the command line does, and where that is written.

    ``module``, below ``cbam_course``, offers ``add_arguments(parser)`` and ``run(options) -> int``; what takes two
    lines stands in this file instead. ``options.words`` holds all that was typed. A command whose
    ``add_arguments`` calls ``parser.set_defaults(others=[])`` also gets the arguments that it does not know, in
    ``options.others``; elsewhere they are refused.
    """

    text: str
    module: str = ""
    run: Callable[[argparse.Namespace], int] | None = None
    add_arguments: Callable[[argparse.ArgumentParser], None] = _nothing


# A new command is one line here.
COMMANDS = {
    "lab": Command("open JupyterLab at the lesson that comes next", module="lab"),
    "doctor": Command("examine this computer", run=_doctor),
    "progress": Command("show the table of all tasks", run=_progress),
    "sync": Command("bring the exercises in work/ up to date; edited ones stay as they are", run=_sync),
    "reset": Command(
        "give a fresh copy of an exercise and keep the old one", run=_reset, add_arguments=_number
    ),
    "measure": Command("run every notebook, show seconds and peak memory", module="measure"),
    "experiment": Command(
        "registered experiments: list, tune, run, rerun, report, verify", module="experiments.command"
    ),
    "sweep": Command("train models with several seeds, one row a run", module="experiments.sweep"),
    "table": Command("show what attention costs in the papers' networks", module="inspection.table"),
    "cost": Command(
        "measure seconds, memory and bytes moved, with and without attention", module="inspection.cost"
    ),
}


if __name__ == "__main__":
    sys.exit(main())
