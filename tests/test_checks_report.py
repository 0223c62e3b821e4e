"""What a learner reads: verdict in words, both sides of a failure, their own line, the cell and its time."""

import os
import re
from pathlib import Path

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell
from judge_bank import FOLDER, load_bank
from torch import nn
from traitlets.config import Config

from cbam_course.checks import check
from cbam_course.checks.answers import watch_cells
from cbam_course.checks.runner import CheckNotPassed, examine
from cbam_course.checks.tasks import find_task

MODULE = """
import torch
from torch import nn
class Answer(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        self.conv = nn.Conv2d(2, 1, 7, padding=3)
    def forward(self, x):
        return {forward}
"""
POOLED = "x * torch.sigmoid(self.conv(torch.stack([x.mean(1), x.amax(1)], 1)))"


@pytest.fixture
def shell():
    config = Config()
    config.HistoryManager.enabled = False  # nothing of a test's belongs into a history file
    shell = InteractiveShell.instance(config=config)
    watch_cells()
    yield shell
    shell.reset()
    InteractiveShell.clear_instance()


def answer(shell, forward):
    shell.run_cell(MODULE.format(forward=forward), store_history=True)
    return shell.user_ns["Answer"]


def test_a_failed_map_is_shown_beside_the_expected_one(shell):
    report = check("spatial-attention", answer(shell, POOLED))
    assert report.mistake == "kernel-ignored"
    assert "expected  7 × 7 positions" in str(report)
    assert report._repr_html_().count("<img ") == 2


def test_the_report_names_the_cell_and_its_time(shell):
    report = check("spatial-attention", answer(shell, POOLED))
    assert f"from cell [{shell.execution_count - 1}]" in report.source
    assert re.search(r"run at \d\d:\d\d:\d\d", report.source)


def test_an_error_shows_the_learners_line_and_nothing_of_ours(shell):
    report = check("spatial-attention", answer(shell, "x * undefined_name"))
    assert report.status == "failed"
    assert "x * undefined_name" in report.message
    assert "probes" not in str(report)


def test_exit_in_a_notebook_does_not_end_the_kernel(shell):
    asked = []
    type(shell).ask_exit = lambda self: asked.append(True)
    try:
        report = check("spatial-attention", answer(shell, "get_ipython().ask_exit()"))
    finally:
        del type(shell).ask_exit
    assert report.status == "failed"
    assert "exit()" in report.message
    assert not asked


def test_strict_mode_raises_unless_passed(monkeypatch):
    monkeypatch.setenv("CBAM_COURSE_STRICT", "1")
    assert check("se-parameters", 8192).passed
    with pytest.raises(CheckNotPassed, match="one-layer"):
        check("se-parameters", 4096)


def test_examining_leaves_the_files_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examine(find_task("se-parameters"), 3)
    assert not os.listdir(Path.cwd())


@pytest.mark.parametrize(
    ("task", "mistake"),
    [
        ("channel-attention", "average-only"),
        ("channel-attention", "maximum-only"),
        ("squeeze-excitation", "maximum-too"),
        ("squeeze-excitation", "batch-mixed"),
        ("spatial-attention", "average-only"),
        ("spatial-attention", "maximum-only"),
    ],
)
def test_two_small_images_tell_the_story_of_a_module(task, mistake):
    report = examine(find_task(task), load_bank(FOLDER, task).wrong[mistake][-1])
    items = [value for _, value in report.example.items]
    factors = items[1:] if mistake == "batch-mixed" else items[1::2]
    assert all(tensor.numel() <= 8 for tensor in items)
    assert ("-only" in mistake) == bool(torch.allclose(*factors, atol=1e-6))
    assert "mall image" in str(report)


@pytest.mark.parametrize(("task", "answer"), [("se-parameters", "8192"), ("halfway-logit", "1")])
def test_a_number_in_quotation_marks_is_shown_with_them(task, answer):
    """Without them expected and got would both be numbers."""
    assert f"got       '{answer}'\n" in str(examine(find_task(task), answer))


def test_a_value_in_the_place_of_a_function_says_what_came_and_what_is_meant():
    (finding, *_) = examine(find_task("squeeze"), torch.ones(2, 3)).findings
    assert finding.got == "a value. Hand in the function itself: its name, with no brackets after it."


def test_layers_in_a_plain_list_are_told_as_parameters_that_are_missing():
    class Plain(nn.Module):
        def __init__(self, channels, ratio):
            super().__init__()
            hidden = max(1, channels // ratio)
            self.layers = [nn.Linear(channels, hidden), nn.Linear(hidden, channels)]

        def forward(self, x):
            first, second = (layer.to(x.dtype) for layer in self.layers)
            return x * torch.sigmoid(second(torch.relu(first(x.mean((2, 3))))))[:, :, None, None]

    report = examine(find_task("squeeze-excitation"), Plain)
    assert report.mistake == "unregistered"
    (failed,) = [finding for finding in report.findings if finding.holds is False]
    assert failed.got == "no parameters in the module"
