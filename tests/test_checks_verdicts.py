"""The verdicts on every bank of answers: right ones pass, wrong ones are told their mistake."""

import pytest
import torch
from judge_bank import FOLDER, judge, load_bank
from mutants import MODULES, tally

from cbam_course.checks.runner import examine
from cbam_course.checks.task import find_task
from cbam_course.checks.texts import all_texts

TEXTS = all_texts()


@pytest.mark.parametrize("task", TEXTS)
def test_every_task_has_a_bank_of_answers(task):
    bank = load_bank(FOLDER, task)
    module = task in MODULES
    assert bank is not None
    assert len(bank.RIGHT) >= (4 if module else 1)
    assert sum(map(len, bank.WRONG.values())) >= (6 if module else 3)


@pytest.mark.parametrize("task", TEXTS)
def test_right_answers_pass_and_wrong_answers_are_told_their_mistake(task):
    verdict = judge(task, load_bank(FOLDER, task))
    assert not verdict.complaints, "\n".join(verdict.complaints)


@pytest.mark.parametrize("task", MODULES)
def test_the_verdict_does_not_depend_on_the_random_seed(task):
    for seed in (1, 2):
        for answer in load_bank(FOLDER, task).RIGHT[:4]:
            torch.manual_seed(seed)
            assert examine(find_task(task), answer).passed


@pytest.mark.parametrize("task", MODULES)
def test_mutants_of_the_packages_own_modules_are_noticed(task):
    result = tally(task, every=5 if task == "cbam" else 2)  # tools/judge_bank.py --mutants takes them all
    assert result.rejected
    assert result.share >= 0.95, result.escaped


@pytest.mark.parametrize("task", TEXTS)
def test_every_task_has_three_hints_of_its_own(task):
    others = [hint for text in TEXTS.values() if text.task_id != task for hint in text.hints]
    hints = TEXTS[task].hints
    assert len(set(hints)) == 3
    assert all(hint.strip() for hint in hints)
    assert not set(hints) & set(others)


@pytest.mark.parametrize("task", TEXTS)
def test_none_is_not_attempted(task):
    assert examine(find_task(task), None).status == "not attempted"


@pytest.mark.parametrize("task", MODULES)
def test_a_class_of_stubs_is_not_attempted(task):
    class Stub(torch.nn.Module):
        def __init__(self, *arguments):
            super().__init__()
            raise NotImplementedError

        def forward(self, x):
            raise NotImplementedError

    assert examine(find_task(task), Stub).status == "not attempted"


def test_a_class_with_one_stub_left_names_the_method():
    class Half(torch.nn.Module):
        def __init__(self, *arguments):
            super().__init__()

        def forward(self, x):
            raise NotImplementedError

    report = examine(find_task("cbam"), Half)
    assert report.status == "failed"
    assert "forward" in report.message
