"""What becomes of a registered comparison: corrected p-values by hand, every verdict, and nothing left out."""

import math

import ledgers
import pytest
from ledgers import TINY, finished, register

from cbam_course.experiments import execute
from cbam_course.experiments.evidence import holm, outcomes
from cbam_course.experiments.registration import Ledger, NotRegistered, parse_registration
from cbam_course.experiments.report import report_text
from cbam_course.experiments.run import Run, perform
from cbam_course.experiments.tables import Table

FLOOR = '\n[floor]\nscore = 0.2\nmargin = 0.05\nwhat = "guessing"\n'


def test_holm_corrects_as_by_hand():
    # Sorted .005 .01 .03 .04, times 4 3 2 1: .02 .03 .06 .04; no p-value falls below the one before it.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([0.04]) == [0.04]


def verdict(text=TINY, seeds=(21, 22, 23, 24, 25), withdrawn=None, **means):
    """The outcome of the tiny registration with scores around these means."""
    registration = parse_registration("tiny", text.encode())
    table = Table(None)
    means = {"plain": 0.6, "cbam": 0.8, **means}
    for seed in seeds:
        for model, mean in means.items():
            noise = ledgers.NOISE[seed] * (1 if model == "plain" else 0.5)
            epochs = 3 if model == "plain-long" else 1
            run = Run("scenes-where", model, seed, epochs, 8, 0.003, 4, 4, 6)
            table.add(ledgers.row(run, mean + noise, {"commit": "c", "registration": registration.hash}))
    (outcome,) = outcomes(registration, table.rows, withdrawn or {})
    return outcome


def expecting(word):
    return TINY.replace('expected = "higher"', f'expected = "{word}"')


@pytest.mark.parametrize(
    ("text", "means", "words"),
    [
        (TINY, {}, "as expected"),
        (TINY, {"cbam": 0.4}, "the other way round"),
        (TINY, {"cbam": 0.6}, "not shown"),
        (expecting("lower"), {}, "the other way round"),
        (expecting("lower"), {"cbam": 0.4}, "as expected"),
        (expecting("none"), {}, "not as expected: higher"),
        (expecting("none"), {"cbam": 0.4}, "not as expected: lower"),
        (
            expecting("none"),
            {"cbam": 0.6},
            "as expected: no difference shown, which does not prove that there is none",
        ),
        (TINY + FLOOR, {"plain": 0.22}, "too short to tell: plain is still at the floor"),
        (TINY + FLOOR, {"plain": 0.22, "plain-long": 0.5}, "too short to tell: plain is still at the floor"),
        (TINY + FLOOR, {"plain": 0.22, "plain-long": 0.22}, "as expected"),
        (TINY + FLOOR, {"plain": 0.3}, "as expected"),
    ],
)
def test_every_verdict(text, means, words):
    text = (
        text.replace(FLOOR, "").replace("\n[[primary]]", f"{FLOOR}\n[[primary]]") if FLOOR in text else text
    )
    assert verdict(text, **means).verdict == words


def test_unfinished_and_too_few_are_no_verdicts():
    assert verdict(seeds=()).verdict == "not run"
    assert verdict(seeds=(21,)).verdict == "not run"
    early = verdict(seeds=(21, 22))
    assert early.verdict == "in progress: 2 of 5 seeds"
    assert math.isnan(early.corrected)
    few = TINY.replace("[21, 22, 23, 24, 25]", "[21, 22]")
    assert verdict(few, seeds=(21, 22)).verdict == "too few seeds for a claim"


def test_a_withdrawn_comparison_says_so_and_how_it_came_out():
    key = "cbam against plain on scenes-where"
    assert (
        verdict(withdrawn={key: "A mistake."}).verdict
        == "withdrawn: A mistake. (it came out as: as expected)"
    )
    assert verdict(withdrawn={key: "A mistake."}, seeds=()).verdict == "withdrawn: A mistake."


def test_a_gain_is_read_against_the_room_that_the_baseline_leaves():
    outcome = verdict()
    assert (outcome.first, outcome.second, outcome.room) == pytest.approx((0.8, 0.6, 0.4))
    assert outcome.difference.mean == pytest.approx(0.2)


def test_a_failed_run_is_no_score():
    registration, table = parse_registration("tiny", TINY.encode()), Table(None)
    run = Run("scenes-where", "plain", 21, 1, 8, 0.003, 4, 4, 6)
    table.add(
        ledgers.row(run, None, {"commit": "c", "registration": registration.hash, "error": "OSError: no"})
    )
    assert outcomes(registration, table.rows, {})[0].verdict == "not run"


def test_every_registered_comparison_stands_in_the_report_of_this_repository():
    ledger = Ledger()
    text, known = report_text(ledger), ledger.registrations()
    assert known
    for registration in known.values():
        section = text.split(f"\n## {registration.name}\n")[1].split("\n## ")[0]
        assert registration.hash in section
        for comparison in registration.primary:
            assert f"| {comparison.key} |" in section
            assert comparison.why in section
            assert f"(#{registration.name}) | {comparison.key} |" in text


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("[21, 22, 23, 24, 25]", "[20, 22, 23]", r"seeds \[20\] are used for tuning and for evaluation"),
        ("[21, 22, 23, 24, 25]", "[3, 21, 22]", r"seeds \[3\] were seen in prototypes"),
        ("[21, 22, 23, 24, 25]", "[21, 21, 22]", "seeds repeat"),
        ('few_seeds = "A test."\n', "", "has 5 seeds; take ten, or say why in few_seeds"),
        ("rates = [0.003, 0.01]\n", "", "needs either"),
        ('first = "cbam"', 'first = "se"', "compares se without models of that name"),
        ('expected = "higher"', 'expected = "better"', "expected out of higher, lower, none"),
        ('seen = "Nothing."\n', "", "has no seen; add it"),
        ("epochs = 1", "epochs = 1.5", "epochs is 1.5; give a int"),
        ('title = "Tiny"', 'title = "Tiny"\nmood = "good"', "has mood, which means nothing"),
        ('models = ["plain", "cbam"]', 'models = ["plain", "cbm"]', "models has 'cbm'; choose from"),
        ("title", "title title", "cannot be read"),
    ],
)
def test_a_registration_that_would_not_count_gets_a_sentence(before, after, sentence):
    assert before in TINY
    with pytest.raises(ValueError, match=sentence):
        parse_registration("tiny", TINY.replace(before, after, 1).encode())


def test_a_row_made_again_agrees_to_the_last_digit_and_an_edited_one_does_not(tmp_path):
    ledger = register(tmp_path)
    registration = ledger.registration("tiny")
    made_by = {"registration": registration.hash, "commit": "c", "versions": execute.versions(),
               "processor": execute.processor(), "command": "c"}  # fmt: skip
    path = ledger.evaluation_path(registration)
    Table(path).add(perform(Run("scenes-where", "plain", 21, 1, 8, 0.003, 4, 4, 6), made_by, 1, "cpu"))
    outcome = execute.rerun(ledger, registration, 1)
    assert outcome.exact
    assert outcome.agrees
    assert "agrees (equal digits)" in str(outcome)
    cells = path.read_text().splitlines()[1].split(",")
    cells[3] = repr(round(float(cells[3]) + 0.00001, 5))
    path.write_text(path.read_text().splitlines()[0] + "\n" + ",".join(cells) + "\n")
    edited = execute.rerun(ledger, registration, "1")
    assert not edited.agrees
    assert "DOES NOT AGREE" in str(edited)
    with pytest.raises(NotRegistered, match="row is 2; give the number of a finished row, from 1 to 1"):
        execute.rerun(ledger, registration, 2)


def test_on_another_processor_a_tolerance_is_stated():
    run = Run("scenes-where", "plain", 21, 1, 8)
    near, far = (
        execute.Rerun(1, run, {"accuracy": 0.5}, {"accuracy": now}, exact=False) for now in (0.54, 0.56)
    )
    assert near.agrees
    assert not far.agrees
    assert "within 0.05, because versions or processor differ" in str(near)


def test_a_short_row_of_this_repository_is_what_it_was():
    ledger, rows = Ledger(), []
    for name, registration in ledger.registrations().items():
        if any(data.startswith("scenes-where") for data in registration.data):
            table = ledger.evaluation(registration)
            rows += [
                (row.seconds, name, number)
                for number, row in enumerate(table.itertuples(), 1)
                if not row.error
            ]
    if not rows:
        pytest.skip("there is no finished row of scenes-where yet")
    _, name, number = min(rows)
    outcome = execute.rerun(ledger, ledger.registration(name), number)
    assert outcome.agrees, str(outcome)


def test_a_random_row_is_a_finished_one(tmp_path, monkeypatch):
    ledger = finished(tmp_path)
    registration = ledger.registration("tiny")
    asked = []
    monkeypatch.setattr(
        execute, "perform", lambda run, *_, **__: asked.append(run) or {"error": "OSError: no"}
    )
    with pytest.raises(NotRegistered, match=r"tiny, row \d+, failed now: OSError: no"):
        execute.rerun(ledger, registration)
    assert asked[0].model in ("plain", "cbam", "cbam-k3")
