"""Changes that no test noticed once are noticed now: each is made in a process of its own, and a test goes red."""

import os
from pathlib import Path

import package_mutants
import pytest

PACKAGE = Path(__file__).parent.parent / "cbam_course"
ONCE_UNNOTICED = [
    (
        "inspection/plots/charts.py",
        "scores.mean()] * 2",
        "scores.max()] * 2",
        "test_plots.py::test_single_runs_are_points_and_their_mean_is_a_bar_across",
    ),
    (
        "inspection/pointing.py",
        'mode="nearest"',
        'mode="bilinear"',
        "test_pointing.py::test_enlarging_repeats_pixels_and_does_not_blend_them",
    ),
    (
        "inspection/plots/pictures.py",
        "high = max(abs(low), abs(high))",
        "high = abs(high)",
        "test_plots.py::test_a_signed_scale_is_centred_at_zero",
    ),
]

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no os.fork")


@needs_fork
@pytest.mark.parametrize(("module", "old", "new", "test"), ONCE_UNNOTICED)
def test_a_change_that_no_test_noticed_once_turns_a_test_red(module, old, new, test):
    source = (PACKAGE / module).read_text(encoding="utf-8")
    assert source.count(old) == 1
    assert not package_mutants.survives(module, source.replace(old, new), [test])


@needs_fork
def test_the_package_as_it_is_survives():
    source = (PACKAGE / "inspection/pointing.py").read_text(encoding="utf-8")
    assert package_mutants.survives("inspection/pointing.py", source, ["test_pointing.py"])


def test_every_change_is_made_alone_and_only_once():
    mutants = dict(package_mutants.package_mutants("def f(a, b):\n    return a < b and max(a, 1) + b\n"))
    assert {"return a <= b and max(a, 1) + b", "return a < b or max(a, 1) + b"} <= set(mutants)
    assert {"return a < b and min(a, 1) + b", "return a < b and max(a, 2) + b"} <= set(mutants)
    assert len(mutants) == 7


def test_the_sample_is_the_same_at_each_call_and_its_modules_and_tests_exist():
    first = package_mutants.sample("inspection/pointing.py", 3)
    assert first == package_mutants.sample("inspection/pointing.py", 3)
    assert len(first) == 3
    for module, tests in package_mutants.TESTS.items():
        assert (PACKAGE / module).is_file()
        assert all((PACKAGE.parent / "tests" / test).is_file() for test in tests)
