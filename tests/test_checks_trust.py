"""What a verdict rests on: the process's own time, and errors told as whose they are."""

import sys
import threading
import time
import tomllib
from pathlib import Path

import pytest
import torch
from torch import nn

from cbam_course.checks import check, guard, tasks
from cbam_course.checks.runner import CheckBroken, examine
from cbam_course.checks.tasks import all_tasks, find_task
from cbam_course.lessons import lesson_02

needs_timers = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread() or sys.platform == "win32",
    reason="a timer needs the main thread of a system that has one",
)


@pytest.fixture
def soon(monkeypatch):
    """Shorter limits for code that never ends."""
    monkeypatch.setattr("cbam_course.checks.runner.guarded", lambda: guard.guarded(0.3, 60))


def stubborn_bare(x):
    while True:
        try:  # noqa: SIM105  (this is how learners write it)
            sum(range(1000))
        except:  # noqa: E722
            pass


def stubborn_nested(x):
    while True:
        try:
            stubborn_bare(x)
        except BaseException:
            continue


def stubborn_other_error(x):
    while True:
        try:
            try:
                sum(range(1000))
            except BaseException:
                raise ValueError from None
        except ValueError:
            pass


def plain_loop(x):
    while True:
        x = x + 0


def polite_loop(x):
    while True:
        try:
            x = x + 0
        except Exception:
            x = x - 0


@needs_timers
@pytest.mark.parametrize(
    "answer", [plain_loop, polite_loop, stubborn_bare, stubborn_nested, stubborn_other_error]
)
def test_code_that_never_ends_is_stopped_whatever_it_swallows(answer, soon):
    before, start = sys.gettrace(), time.process_time()
    report = check("squeeze", answer)
    assert report.status == "stopped"
    assert "seconds of computing" in report.message
    assert time.process_time() - start < 5
    assert sys.gettrace() is before
    assert check("se-parameters", 8192).passed  # nothing is raised later on


@needs_timers
def test_code_that_waits_is_stopped_by_the_clock(monkeypatch):
    monkeypatch.setattr("cbam_course.checks.runner.guarded", lambda: guard.guarded(5, 1))
    report = check("squeeze", lambda x: time.sleep(100))
    assert report.status == "stopped"
    assert "waits for" in report.message


@needs_timers
def test_waiting_does_not_count_as_computing(monkeypatch):
    monkeypatch.setattr("cbam_course.checks.runner.guarded", lambda: guard.guarded(0.3, 60))

    def patient(x):
        time.sleep(0.1)  # several calls: far longer than the limit by the clock
        return x.mean((2, 3))

    assert check("squeeze", patient).passed


def test_torch_computes_on_one_thread_inside_a_check():
    seen = []
    kept = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        check("squeeze", lambda x: seen.append(torch.get_num_threads()) or x.mean((2, 3)))
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(kept)


@pytest.fixture
def broken(monkeypatch):
    """An examiner with an error of its own, after a call of the learner's function that went well."""
    # Compiled as a line of the lesson's: whose an error is shows in the file of its frame.
    source = "def squeeze(answer, find):\n    answer(torch.zeros(1, 2, 3, 3))\n    return [][0]"
    names = {"torch": torch}
    exec(compile(source, lesson_02.__file__, "exec"), names)
    monkeypatch.setattr(lesson_02, "squeeze", names["squeeze"])


def mean(x):
    return x.mean((2, 3))


def test_an_error_of_the_examiners_is_told_as_the_courses(broken):
    report = check("squeeze", mean)
    assert report.status == "error"
    assert "This check is broken" in report.message
    assert "IndexError" in report.message
    assert "Your code" not in str(report)
    assert not report.next_step


def test_an_error_of_the_examiners_is_raised_in_strict_mode(broken, monkeypatch):
    monkeypatch.setenv("CBAM_COURSE_STRICT", "1")
    with pytest.raises(CheckBroken) as caught:
        check("squeeze", mean)
    assert isinstance(caught.value.__cause__, IndexError)


def raises_itself(x):
    return [][0]


def raises_in_a_library(x):
    return torch.zeros(2) @ x


class NoInit(nn.Module):
    def __init__(self, *arguments):
        pass

    def forward(self, x):
        return x


class FewArguments(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        return x


class NoArgument(nn.Module):
    def __init__(self, *arguments):
        super().__init__()

    def forward(self):
        return 1


class Layers(nn.Sequential):
    def __init__(self, *arguments):
        super().__init__(nn.Linear(3, 4))


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ("squeeze", raises_itself),
        ("squeeze", raises_in_a_library),
        ("squeeze", torch.cat),
        ("cbam", NoInit),
        ("cbam", FewArguments),
        ("cbam", NoArgument),
        ("cbam", Layers),
        ("cbam", dict),
        ("cbam", nn.Linear),
    ],
)
def test_an_error_of_the_learners_is_told_as_theirs(task, answer):
    report = examine(find_task(task), answer)
    assert report.status == "failed"
    assert "Your code raised" in report.message
    assert any(finding.holds is False for finding in report.findings)


def test_an_examiner_that_says_nothing_is_broken(monkeypatch):
    monkeypatch.setattr("cbam_course.lessons.lesson_02.squeeze", lambda answer, find: None)
    assert check("squeeze", mean).status == "error"


def test_input_that_was_changed_is_noticed_where_the_task_does_not_ask():
    def squeeze(x):
        result = x.mean((2, 3))
        x.zero_()
        return result

    assert check("squeeze", squeeze).mistake == "in-place-change"


def test_a_retired_task_names_its_successor_and_keeps_its_pass(monkeypatch):
    retired = {"old-task": "cbam", "gone-task": ""}
    monkeypatch.setitem(tasks.texts(), "retired", retired)
    assert "There is no task 'old-task'" in str(check("old-task", 1))
    assert "cbam has taken its place" in str(check("old-task", 1))
    assert "nothing takes its place" in str(check("gone-task", 1))


def test_no_retired_task_is_one_of_the_course():
    retired = tomllib.loads(Path(guard.__file__).with_name("texts.toml").read_text(encoding="utf-8"))[
        "retired"
    ]
    assert not set(retired) & set(all_tasks())
    assert all(new == "" or new in all_tasks() for new in retired.values())
