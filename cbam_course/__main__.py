"""The command line: ``python -m cbam_course doctor``, ``measure``, ``progress``, ``sync`` and so on."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

# These commands read their own arguments: everything after the word goes to the main() of the module.
_FORWARDED = {"sweep": "training.sweep", "table": "inspection.table", "cost": "inspection.cost"}
_TEXTS = {
    "sweep": "run the experiments",
    "table": "show a table of results",
    "cost": "measure seconds, memory and bytes moved of a network with and without attention",
}


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status: 0 where all is well.

    Args:
        argv: the words after the program's name; by default those of the command line.
    """
    parser = _parser()
    options, rest = parser.parse_known_args(argv)
    if rest and options.command not in _FORWARDED:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        return _run(options, rest) or 0
    except ModuleNotFoundError as error:
        print(_missing(options.command, error.name or ""), file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cbam_course", description="The course's own tools.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("doctor", help="examine this computer")
    commands.add_parser("progress", help="show the table of all tasks")
    commands.add_parser("sync", help="bring the exercises in work/ up to date; edited ones stay as they are")
    reset = commands.add_parser("reset", help="give a fresh copy of an exercise and keep the old one")
    reset.add_argument("number", help="the lesson's number, for example 03")
    measure = commands.add_parser("measure", help="run every notebook, show seconds and peak memory")
    measure.add_argument("--only", default="", help="notebooks whose name begins so, for example 03")
    measure.add_argument("--out", type=Path, help="also write the table to this CSV file")
    for name, text in _TEXTS.items():
        commands.add_parser(name, help=f"{text}; see `{name} --help`", add_help=False)
    return parser


def _run(options: argparse.Namespace, rest: list[str]) -> int | None:
    try:
        if options.command in _FORWARDED:
            return import_module(f"cbam_course.{_FORWARDED[options.command]}").main(rest)
        return _COMMANDS[options.command](options)
    except (FileNotFoundError, ValueError) as error:  # a sentence for whoever typed the command
        print(error, file=sys.stderr)
        return 1


def _doctor(options) -> int:
    from .environment import doctor

    report = doctor()
    print(report)
    return 0 if report.healthy else 1


def _measure(options) -> int:
    from .measure import measure_course

    return measure_course(only=options.only, out=options.out)


def _progress(options) -> None:
    from .checks import progress

    print(progress())


def _sync(options) -> None:
    from .workspace import sync

    print("\n".join(sync()) or "work/ is up to date.")


def _reset(options) -> None:
    from .workspace import reset

    print("\n".join(reset(options.number)))


def _missing(command: str, module: str) -> str:
    if module.startswith("cbam_course"):
        return f"{command} is not part of this version of the course ({module} is missing)."
    return f"{command} needs the package {module}, which is not installed: pip install {module}"


_COMMANDS = {"doctor": _doctor, "measure": _measure, "progress": _progress, "sync": _sync, "reset": _reset}


if __name__ == "__main__":
    sys.exit(main())
