"""Small changes to the package, one at a time: the tests of the changed module have to notice.

``python tools/package_mutants.py`` changes a sample of places in each module of ``TESTS`` and prints those that
no test noticed. ``--only inspection/pointing.py`` changes one module, ``--most 0`` every place.

It needs os.fork (Linux, macOS): the libraries are loaded once, and every mutant imports the package anew in a process
of its own.
"""

import argparse
import ast
import importlib.machinery
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy  # noqa: F401  loaded before the fork, so that no mutant loads it again
import pandas  # noqa: F401
import pytest
import torch  # noqa: F401
import torchvision  # noqa: F401
from matplotlib import pyplot  # noqa: F401
from mutants import COMPARISONS, changes, single_changes

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 120  # of one mutant: a loop without end was noticed
# module -> the tests that speak for it
TESTS = {
    "arguments.py": ["test_arguments.py"],
    "inspection/capture.py": ["test_capture.py"],
    "inspection/pointing.py": ["test_pointing.py"],
    "inspection/plots/charts.py": ["test_plots.py"],
    "inspection/plots/pictures.py": ["test_plots.py", "test_plot_glance.py"],
    "networks/attached.py": ["test_insertion.py", "test_insertion_formats.py"],
    "networks/finding_places.py": [
        "test_insertion.py",
        "test_insertion_families.py",
        "test_insertion_errors.py",
    ],
    "networks/insertion.py": ["test_insertion.py", "test_insertion_errors.py"],
    "training/fit.py": ["test_fit.py", "test_precision.py"],
    "training/hardware.py": ["test_precision.py", "test_threads.py"],
    "training/metrics.py": ["test_metrics.py"],
    "training/parameter_groups.py": ["test_parameter_groups.py"],
    "statistics.py": ["test_results.py", "test_statistics.py"],
}
NAMES = {
    "min": "max",
    "max": "min",
    "any": "all",
    "all": "any",
    "mean": "max",
    "amax": "amin",
    "amin": "amax",
}
WORDS = {"nearest": "bilinear", "bilinear": "nearest"}


def package_mutants(source: str) -> Iterator[tuple[str, str]]:
    """Yield the changed line and the source for every single change of a module's functions."""
    yield from single_changes(ast.parse(source), _all_changes)


def _all_changes(node: ast.AST) -> Iterator[Callable[[], None]]:
    """Yield the changes of one node: those of the attention modules' mutants, and some for ordinary code."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            if type(operator) in COMPARISONS:
                yield partial(node.ops.__setitem__, place, COMPARISONS[type(operator)]())
    elif isinstance(node, ast.BoolOp):
        yield partial(setattr, node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.Constant) and node.value in WORDS and isinstance(node.value, str):
        yield partial(setattr, node, "value", WORDS[node.value])
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in NAMES:
        yield partial(setattr, node.func, "attr", NAMES[node.func.attr])
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
        yield partial(setattr, node.func, "id", NAMES[node.func.id])
    elif isinstance(node, (ast.BinOp, ast.Constant)):
        yield from changes(node)


def survives(module: str, source: str, tests: list[str]) -> bool:
    """Tell whether the tests pass although the module's source is this one.

    Args:
        module: a path inside the package, such as ``inspection/pointing.py``.
        source: what stands in it for these tests.
        tests: files in ``tests``, or single tests as ``test_pointing.py::test_name``.
    """
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            code = _run_tests(f"cbam_course.{module.removesuffix('.py').replace('/', '.')}", source, tests)
        except BaseException:
            code = 1
        os._exit(code)
    _, status = os.waitpid(child, 0)
    return status == 0


def _run_tests(name: str, source: str, tests: list[str]) -> int:
    """In a process of its own: replace the module, import the package anew, run the tests in silence."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    signal.alarm(SECONDS)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    for loaded in [
        m for m in sys.modules if m.split(".")[0] == "cbam_course" or m.startswith(("test_", "conftest"))
    ]:
        del sys.modules[loaded]
    original = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader, fullname):
        if fullname == name:
            return compile(source, loader.get_filename(fullname), "exec")
        return original(loader, fullname)

    importlib.machinery.SourceFileLoader.get_code = get_code
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    paths = [str(ROOT / "tests" / test) for test in tests]
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *paths]))


def sample(module: str, most: int) -> list[tuple[str, str]]:
    """Return the mutants of a module, or a sample of them that is the same at each call.

    Args:
        module: a key of ``TESTS``.
        most: how many; 0 for all.
    """
    every = list(package_mutants((ROOT / "cbam_course" / module).read_text(encoding="utf-8")))
    return random.Random(module).sample(every, min(most, len(every))) if most else every


def main(argv: list[str] | None = None) -> int:
    """Print a line for each module and what was not noticed; return 1 if anything was not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=list(TESTS), metavar="MODULE", help="change one module")
    parser.add_argument("--most", type=int, default=8, help="places to change in each module (8); 0 for all")
    options = parser.parse_args(argv)
    escaped = 0
    for module, tests in TESTS.items():
        if options.only in (None, module):
            chosen = sample(module, options.most)
            found = [line for line, source in chosen if survives(module, source, tests)]
            print(f"{module:<32} {len(chosen) - len(found)}/{len(chosen)} noticed", flush=True)
            print(*(f"    not noticed: {line}" for line in found), sep="\n", end="\n" * bool(found))
            escaped += len(found)
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(main())
