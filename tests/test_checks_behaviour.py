"""What lesson owners build on: naming by behaviour, the smallest example, and how values are read and shown."""

import time

import numpy
import pytest
import torch

from cbam_course.checks.behaviour import name_function, name_value, one_of, same, smallest_difference
from cbam_course.checks.report import Example, Find, Report
from cbam_course.checks.tasks import Task
from cbam_course.checks.values import as_number, as_numbers, show

WORDS = {"value": {"says": "the value is right", "expected": "{expected}", "got": "{got}"}}
SHARED = dict.fromkeys(
    ("maximum", "sum", "mean-of-all", "squeezed-batch", "list-not-tensor", "argument-ignored"), "a text"
)


@pytest.fixture
def find():
    return Find(Task("squeeze", "02", "Lesson", "Title", "function", ("a", "b", "c"), WORDS, SHARED))


def images(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(shape, generator=generator),) for shape in shapes]


INPUTS = images((2, 3, 4, 5), (1, 2, 3, 3), (3, 1, 1, 2), (2, 3, 3, 3))
WRONG = {
    "maximum": lambda x: x.amax((2, 3)),
    "sum": one_of(lambda x: x.sum((2, 3)), lambda x: x.sum((1, 2, 3))),
    "mean-of-all": lambda x: x.mean().expand(x.shape[:2]),
}


def mean(x):
    return x.mean((2, 3))


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x: x.flatten(2).max(-1).values, "maximum"),
        (lambda x: x.sum(-1).sum(-1), "sum"),
        (lambda x: x.sum((1, 2, 3)), "sum"),
        (lambda x: x.mean((2, 3)) + 1, None),
        (lambda x: x.amax((2, 3)) if x.shape[0] == 2 else x.mean((2, 3)), None),  # not on every input
        (lambda x: x.mean((2, 3)).squeeze(0), "squeezed-batch"),
        (lambda x: x.mean((2, 3)).tolist(), "list-not-tensor"),
        (mean, None),
    ],
)
def test_a_name_is_given_only_where_it_explains_every_input(answer, name):
    assert name_function(answer, mean, WRONG, INPUTS) == name


def test_no_name_where_two_fit_or_where_the_wrong_one_is_right():
    assert name_function(WRONG["maximum"], mean, {**WRONG, "twin": WRONG["maximum"]}, INPUTS) is None
    assert name_function(lambda x: x + 1, mean, {"right": mean}, INPUTS) is None


def test_a_wrong_function_that_raises_explains_an_answer_that_raises_on_the_same_inputs():
    def fixed(x):
        return x.view(x.shape[0], x.shape[1], 9).mean(2)

    assert name_function(
        lambda x: x.reshape(*x.shape[:2], 9).mean(2), mean, {"fixed-size": fixed}, INPUTS
    ) == ("fixed-size")
    assert name_function(lambda x: x[5], mean, {"fixed-size": fixed}, INPUTS) is None


def test_an_ignored_argument_is_named():
    pairs = [(torch.tensor([1.0, 2.0]), 3.0), (torch.tensor([2.0, -1.0]), 5.0)]
    assert name_function(lambda x, k: x * 3.0, lambda x, k: x * k, {}, pairs) == "argument-ignored"
    assert name_function(lambda x, k: x * k + 1, lambda x, k: x * k, {}, pairs) is None


def test_values_are_named_once():
    wrong = {"one-layer": 4096, "with-bias": one_of(8464, 8208), "twice": 2}
    assert name_value(8464, wrong) == "with-bias"
    assert name_value(torch.tensor(4096), wrong, right=8192) == "one-layer"
    assert name_value(5, wrong) is None
    assert name_value(2, {**wrong, "also": 2}) is None
    assert name_value(2, wrong, right=2) is None


@pytest.mark.parametrize(
    "number", [numpy.float32(2), numpy.array(2.0), numpy.array([2]), torch.tensor([[2]]), 2]
)
def test_numbers_of_all_kinds_are_numbers(number):
    assert as_number(number) == 2.0
    assert as_numbers([number, number]) == [2.0, 2.0]


@pytest.mark.parametrize("thing", [True, numpy.bool_(True), "2", None, 1j, numpy.ones(2), 10**400, object()])
def test_what_is_no_number_is_none(thing):
    assert as_number(thing) is None


def test_what_is_the_same():
    assert same((1, 2.0), [1, 2])
    assert same(numpy.array(3), 3)
    assert same({"a": torch.ones(2)}, {"a": torch.ones(2)})
    assert not same(True, 1)
    assert not same([1.0, 2.0], torch.tensor([1.0, 2.0]))
    assert not same(torch.ones(2), torch.ones(1, 2))


def test_the_smallest_input_is_small_and_shows_both_results():
    example = smallest_difference(lambda x: x.amax((2, 3)), mean, images((3, 4, 7, 8)))
    items = dict(example.items)
    assert items["x"].shape in ((1, 1, 1, 2), (1, 1, 2, 1))
    assert sorted(items["x"].flatten().tolist()) in ([0.0, 1.0], [-1.0, 0.0])
    assert not same(items["yours"], items["expected"])
    assert "expected" in str(example)


def test_arguments_shrink_together_and_what_the_reference_refuses_is_never_shown():
    x, gate = torch.rand(4, 5, 6, 6), torch.rand(4, 5)
    example = smallest_difference(
        lambda x, gate: x * gate[:, :, None, None] + 1,
        lambda x, gate: x * gate[:, :, None, None],
        [(x, gate)],
    )
    items = dict(example.items)
    assert items["x"].numel() == items["gate"].numel() == 1


def test_an_error_is_not_exchanged_for_a_wrong_value():
    def answer(x):
        return x[:, :2].mean((2, 3)) if x.shape[2] > 2 else [][0]

    example = smallest_difference(answer, mean, images((2, 3, 4, 4)))
    assert isinstance(dict(example.items)["yours"], torch.Tensor)


def test_lists_of_numbers_shrink_too():
    example = smallest_difference(max, min, [([0.3, 0.75, 0.1, 0.6],)])
    assert len(dict(example.items)["argument 1"]) == 2


def test_shrinking_takes_half_a_second_of_processor_time():
    start = time.process_time()
    smallest_difference(lambda x: x.cumsum(0), lambda x: x.cumsum(1), images((40, 40, 3, 3)))
    assert time.process_time() - start < 1.5


def test_agrees_records_the_name_the_words_and_the_example(find):
    assert not find.agrees("value", WRONG["maximum"], mean, INPUTS, WRONG)
    (finding,) = find.findings
    assert finding.mistake == "maximum"
    assert finding.expected != finding.got
    assert find.example is not None


def test_agrees_holds_for_the_right_function(find):
    assert find.agrees("value", lambda x: x.flatten(2).mean(2), mean, INPUTS, WRONG)
    assert find.example is None


def test_an_unnamed_error_is_raised_for_the_report(find):
    with pytest.raises(IndexError):
        find.agrees("value", lambda x: [][0], mean, INPUTS, WRONG)
    assert find.context


def test_the_first_failure_of_a_property_is_the_one_that_is_told(find):
    assert find("value", True)
    assert not find("value", False, "sum", expected=1, got=2)
    assert find("value", True)
    assert not find("value", False, "maximum", expected=1, got=3)
    (finding,) = find.findings
    assert (finding.holds, finding.mistake, finding.got) == (False, "sum", "2")


def test_a_mistake_is_looked_for_only_on_failure_and_needs_a_text(find):
    assert find("value", True, lambda: 1 / 0)
    with pytest.raises(KeyError, match="no text"):
        find("value", False, "unheard-of", expected=1, got=2)


def test_two_sides_that_read_the_same_say_how_they_differ(find):
    big = torch.zeros(5, 5)
    find("value", False, None, expected=big, got=big + 0.25)
    assert "values differ by up to 0.25" in find.findings[0].got
    other = Find(find.task)
    other("value", False, None, expected="3", got=3)
    assert other.findings[0].got != other.findings[0].expected


def test_a_small_map_is_a_table_of_its_numbers_in_a_report():
    example = Example("smallest", (("x", torch.tensor([[1.0, 2.5]])), ("yours", "IndexError: no")))
    html = Report("squeeze", "failed", example=example)._repr_html_()
    assert ">2.5</td>" in html
    assert "IndexError" in html
    assert "[[1, 2.5]]" in str(example)
    large = Example("smallest", (("x", torch.rand(1, 20, 20)),))
    assert (
        "alt='a tensor of the shape (1, 20, 20)'" in Report("squeeze", "failed", example=large)._repr_html_()
    )


def test_values_are_shown_short_and_in_full_where_small():
    assert show(torch.tensor([1.0, 0.123456])) == "[1, 0.1235], shape (2,)"
    assert show(numpy.array([True, False])) == "[True, False], shape (2,)"
    assert show(torch.zeros(20, dtype=torch.long)).endswith("of int64")
    assert len(show("x" * 1000)) <= 120
