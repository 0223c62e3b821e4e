"""Intervals and paired differences against numbers from a table of the t distribution."""

import math

import pandas as pd
import pytest

from cbam_course.statistics import compare, paired_difference, summarise, summary

# The 97.5 % point of t with 4 degrees of freedom.
T4 = 2.7764451


def test_the_interval_is_that_of_the_t_distribution():
    s = summary([1, 2, 3, 4, 5])
    sd = math.sqrt(2.5)
    assert (s.n, s.mean) == (5, 3)
    assert s.sd == pytest.approx(sd)
    assert (s.low, s.high) == pytest.approx((3 - T4 * sd / math.sqrt(5), 3 + T4 * sd / math.sqrt(5)))


def test_one_run_has_a_mean_and_no_interval():
    s = summary([0.5])
    assert (s.n, s.mean) == (1, 0.5)
    assert math.isnan(s.sd) and math.isnan(s.low) and math.isnan(s.high)  # noqa: PT018


def test_pairing_removes_what_the_seeds_share():
    first, second = [0.11, 0.52, 0.93, 0.31, 0.72], [0.10, 0.50, 0.90, 0.30, 0.70]
    d = paired_difference(first, second)
    assert d.mean == pytest.approx(0.018)
    sd = math.sqrt(2.8e-4 / 4)
    assert d.effect_size == pytest.approx(0.018 / sd)
    assert (d.low, d.high) == pytest.approx((0.018 - T4 * sd / math.sqrt(5), 0.018 + T4 * sd / math.sqrt(5)))
    assert d.p_value < 0.05


def test_the_statement_says_which_is_higher_or_that_nothing_is_shown():
    a, b = [0.9, 0.91, 0.92, 0.9, 0.91], [0.8, 0.8, 0.81, 0.8, 0.8]
    assert "with these 5 seeds CBAM scores higher than SE." in str(paired_difference(a, b, ("CBAM", "SE")))
    assert "with these 5 seeds CBAM scores higher than SE." in str(paired_difference(b, a, ("SE", "CBAM")))
    unclear = str(paired_difference([0.9, 0.7, 0.8, 0.9, 0.7], [0.8, 0.8, 0.8, 0.8, 0.8], ("CBAM", "SE")))
    assert unclear.endswith(
        "the interval of the difference includes 0: these 5 seeds do not show that CBAM differs from SE."
    )
    assert str(paired_difference(a[:4], b[:4])).endswith("4 seeds are too few for a claim.")


def test_equal_differences_make_a_point_and_no_warning():
    d = paired_difference([2.0, 3.0, 4.0], [1.0, 2.0, 3.0])
    assert (d.mean, d.low, d.high, d.effect_size) == (1.0, 1.0, 1.0, math.inf)
    assert paired_difference([1, 1], [1, 1]).p_value == 1.0


@pytest.fixture
def table():
    rows = [
        ("plain", 1, 0.5),
        ("plain", 2, 0.6),
        ("se", 2, 0.8),
        ("se", 1, 0.6),
        ("se", 0, 0.55),
        ("plain", 0, None),
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "accuracy"])


def test_models_are_paired_by_seed_and_not_by_row(table):
    d = compare(table, "se", "plain")
    assert (d.first, d.second, d.n) == ("se", "plain", 2)
    assert d.mean == pytest.approx(0.15)


def test_the_column_to_compare_can_be_chosen(table):
    assert compare(table.assign(seconds=table.seed), "se", "plain", column="seconds").mean == 0


def test_the_summary_has_one_row_per_model_and_differences_from_a_baseline(table):
    rows = summarise(table, baseline="plain")
    assert list(rows.index) == ["plain", "se"]
    assert rows.loc["se", "n"] == 3
    assert rows.loc["se", "difference"] == pytest.approx(0.15)
    assert rows.loc["plain", "difference"] == 0
    assert "difference" not in summarise(table)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda t: summary([]), r"values is \[\]; give at least one score"),
        (lambda t: summary([1.0, None]), "none of them missing"),
        (
            lambda t: paired_difference([1, 2], [1]),
            "first has 2 scores and second 1; give at least two of each",
        ),
        (lambda t: paired_difference([1], [1]), "give at least two of each, paired by seed"),
        (lambda t: compare(t, "cbam", "se"), "the table has no runs of 'cbam'; it has plain, se."),
        (lambda t: compare(pd.concat([t, t]), "se", "plain"), "two runs of one model with one seed"),
    ],
)
def test_a_bad_argument_gets_one_sentence(table, call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call(table)
