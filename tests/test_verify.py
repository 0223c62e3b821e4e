"""What is registered, run and reported fits together, and nothing can be taken away or changed unseen."""

import shutil
import subprocess
from contextlib import suppress
from dataclasses import replace

import ledgers
import pytest
from ledgers import TINY, change, commit, finished, git, register

from cbam_course.experiments import execute, verify
from cbam_course.experiments.registration import Ledger, NotRegistered
from cbam_course.experiments.report import state, write_report
from cbam_course.experiments.tables import Table

REST = {"jobs": 1, "progress": False, "device": "cpu"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished experiment; tests change copies of it."""
    folder = tmp_path_factory.mktemp("whole")
    finished(folder)
    return folder


@pytest.fixture
def ledger(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "copy")
    return Ledger(tmp_path / "copy" / "results")


def drop(path, *pieces):
    """Take the first line away that holds all of these."""
    lines = path.read_text().splitlines(keepends=True)
    gone = next(line for line in lines if all(piece in line for piece in pieces))
    path.write_text("".join(line for line in lines if line is not gone))


def test_what_this_repository_has_fits_together():
    assert verify.faults(Ledger()) == []


def test_verify_takes_seconds_on_this_repository():
    # Git is asked a fixed number of times, however long the history is.
    asked, ledger = [], Ledger()

    class Counting(Ledger):
        def git(self, *words, given=None):
            asked.append(words)
            return super().git(*words, given=given)

    verify.faults(Counting(ledger.folder))
    assert len(asked) <= 5


def test_an_honest_experiment_has_no_faults(ledger):
    assert verify.faults(ledger) == []
    assert verify.history_missing(ledger) == ""
    assert state(ledger, ledger.registration("tiny")) == "complete"


@pytest.mark.parametrize("reported", [False, True])
def test_one_accuracy_changed_by_hand(ledger, reported):
    change(ledger.folder / "tiny.csv", "cbam,22,0.805", "cbam,22,0.815")
    if reported:
        write_report(ledger)
        commit(ledger.folder, "nobody will notice")
    found = verify.faults(ledger)
    assert any("a row of" in fault and "cbam, seed 22, 0.805" in fault for fault in found)
    assert any("README.md is not what the tables say" in fault for fault in found) is not reported


def test_the_report_changed_by_hand(ledger):
    change(ledger.report, "+0.200", "+0.300")
    assert verify.faults(ledger) == [
        "results/README.md is not what the tables say; run python -m cbam_course experiment report"
    ]


def test_an_outcome_left_out_of_the_report(ledger):
    drop(ledger.report, "cbam against plain on scenes-where")
    assert "README.md" in verify.faults(ledger)[0]


@pytest.mark.parametrize(
    ("table", "pieces"),
    [("tiny.csv", ["plain,23"]), ("tiny.csv", ["cbam-k3,22"]), ("tiny.tuning.csv", ["cbam,20", "0.01"])],
)
def test_a_row_taken_away(ledger, table, pieces):
    drop(ledger.folder / table, *pieces)
    with suppress(NotRegistered):
        write_report(ledger)
    assert any(f"results/{table}: a row of" in fault for fault in verify.faults(ledger))


def test_a_tuning_run_missing_makes_the_evaluation_count_for_nothing(ledger):
    drop(ledger.folder / "tiny.tuning.csv", "cbam,20", "0.01")
    assert any(
        "there are evaluation rows, but tiny: 1 of 4 tuning runs are missing" in f
        for f in verify.faults(ledger)
    )


def test_a_seed_taken_away(ledger):
    for model in ("plain", "cbam"):
        drop(ledger.folder / "tiny.csv", f"{model},24")
    write_report(ledger)
    assert sum("seed 24" in fault for fault in verify.faults(ledger)) == 2


def test_a_table_taken_away(ledger):
    (ledger.folder / "tiny.csv").unlink()
    write_report(ledger)
    assert any("results/tiny.csv: a row of" in fault for fault in verify.faults(ledger))


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (",22,0.805", ",32,0.805", "is no run of this registration: its seed"),
        ("1,8,0.003,", "1,8,0.01,", "its seed, size, model or learning rate differs"),
    ],
)
def test_a_row_that_was_not_registered(ledger, before, after, sentence):
    change(ledger.folder / "tiny.csv", before, after)
    assert any(sentence in fault for fault in verify.faults(ledger))


def test_a_hash_that_is_not_that_of_the_registration(ledger):
    registration = ledger.registration("tiny")
    change(ledger.folder / "tiny.csv", registration.hash, "0123456789ab")
    assert any("carries the hash 0123456789ab" in fault for fault in verify.faults(ledger))
    change(ledger.folder / "tiny.csv", "0123456789ab", "")
    assert any("carries the hash of nothing" in fault for fault in verify.faults(ledger))


def test_a_commit_that_there_is_not_or_that_had_no_registration(ledger):
    head = git(ledger.folder, "rev-parse", "--short=10", "HEAD~1")
    change(ledger.folder / "tiny.csv", head, "0123456789")
    assert any("0123456789, which is no commit here" in fault for fault in verify.faults(ledger))
    change(ledger.folder / "tiny.csv", "0123456789", f"{head}+")
    assert any("was made by code that was not committed" in fault for fault in verify.faults(ledger))


def test_a_registration_edited_after_its_runs_is_seen_even_where_all_hashes_were_made_to_fit(ledger):
    registration = ledger.registration("tiny")
    change(ledger.folder / "registered" / "tiny.toml", 'expected = "higher"', 'expected = "none"')
    edited = ledger.registration("tiny")
    assert edited.hash != registration.hash
    for table in ("tiny.csv", "tiny.tuning.csv"):
        path = ledger.folder / table
        path.write_text(path.read_text().replace(registration.hash, edited.hash))
    write_report(ledger)
    commit(ledger.folder, "nobody will notice")
    found = verify.faults(ledger)
    assert any("the registration was edited after runs were made with it" in fault for fault in found)
    assert any("a row of" in fault for fault in found)
    assert any(f"carry the hash {edited.hash}, and their commit" in fault for fault in found)


def test_a_registration_edited_before_its_runs_is_a_draft(tmp_path):
    ledger = register(tmp_path)
    change(ledger.folder / "registered" / "tiny.toml", "Does it help?", "Does it help much?")
    commit(tmp_path)
    registration = ledger.registration("tiny")
    ledgers.tune(ledger, registration)
    write_report(ledger)
    commit(tmp_path)
    assert verify.faults(ledger) == []


def test_a_comparison_that_vanished(tmp_path):
    second = (
        TINY[TINY.index("[[primary]]") :]
        .replace('"cbam"', '"plain"', 1)
        .replace('second = "plain"', 'second = "cbam"')
    )
    ledger = register(tmp_path, TINY + second)
    (ledger.folder / "registered" / "tiny.toml").write_text(TINY)
    write_report(ledger)
    commit(tmp_path)
    assert any("'plain against cbam on scenes-where' was registered" in f for f in verify.faults(ledger))


def test_a_registration_that_vanished(ledger):
    for path in [*ledger.folder.glob("*.csv"), ledger.folder / "registered" / "tiny.toml"]:
        path.unlink()
    (ledger.folder / "registered" / "other.toml").write_text(TINY)
    write_report(ledger)
    commit(ledger.folder)
    found = verify.faults(ledger)
    assert any("the registration tiny was committed" in f and "is gone" in f for f in found)


def test_a_comparison_that_was_given_up_stays_listed_with_its_reason(ledger):
    path = ledger.folder / "registered" / "withdrawn.toml"
    path.write_text('[tiny]\n"cbam against plain on scenes-where" = "The question was wrong."\n')
    write_report(ledger)
    assert verify.faults(ledger) == []
    text = ledger.report.read_text()
    assert text.count("withdrawn (it came out as: as expected)") == 2
    assert text.count("Withdrawn (all): The question was wrong.") == 1
    path.write_text('[tiny]\n"cbam against se on scenes-where" = " "\n')
    write_report(ledger)
    assert verify.faults(ledger) == [
        "withdrawn.toml: tiny has no comparison 'cbam against se on scenes-where'",
        "withdrawn.toml: tiny, cbam against se on scenes-where: there is no reason",
    ]


def test_unfinished_experiments_are_fine_and_said_to_be_in_progress(ledger, tmp_path):
    (tmp_path / "other").mkdir()
    other = register(tmp_path / "other")
    assert verify.faults(other)[0].startswith("results/README.md")
    registration = other.registration("tiny")
    ledgers.tune(other, registration)
    runs = registration.evaluation_runs(registration.chosen_rates(other.tuning(registration)))
    table = Table(other.evaluation_path(registration))
    made_by = {
        "registration": registration.hash,
        "commit": git(other.folder, "rev-parse", "--short=10", "HEAD"),
    }
    for run in runs[:4]:
        table.add(ledgers.row(run, 0.5, made_by))
    write_report(other)
    assert verify.faults(other) == []
    assert "*In progress: 4 of 12 runs.*" in other.report.read_text()
    assert "in progress: 2 of 5 seeds" in other.report.read_text()
    keys = "\n".join(f'"{comparison.key}" = "Too short."' for comparison in registration.primary)
    (other.folder / "registered" / "withdrawn.toml").write_text(f"[tiny]\n{keys}\n")
    write_report(other)
    assert "*Withdrawn: 4 of 12 runs.*" in other.report.read_text()


def test_a_run_that_failed_and_was_made_again_is_no_lost_row(tmp_path):
    ledger = register(tmp_path)
    registration = ledger.registration("tiny")
    ledgers.tune(ledger, registration)
    table = Table(ledger.tuning_path(registration))
    with_error = {
        **table.rows.iloc[0].to_dict(),
        "learning_rate": 0.003,
        "accuracy": None,
        "error": "OSError: no",
    }
    path = ledger.tuning_path(registration)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:1]))
    table = Table(path)
    table.add(with_error)
    write_report(ledger)
    commit(tmp_path)
    table.drop_failed()
    ledgers.tune(ledger, registration)
    write_report(ledger)
    assert verify.faults(ledger) == []


def test_a_table_without_a_registration_does_not_lie_here(ledger):
    shutil.copy(ledger.folder / "tiny.csv", ledger.folder / "where-fast.csv")
    assert verify.faults(ledger) == ["results/where-fast.csv is a table of runs without a registration"]


def test_a_damaged_table_gets_a_sentence(ledger):
    change(ledger.folder / "tiny.csv", "cbam,22,0.805", "cbam,22,0.8o5")
    assert any("tiny.csv, line 5: accuracy is '0.8o5'" in fault for fault in verify.faults(ledger))


def test_without_git_the_rest_is_still_verified(ledger):
    shutil.rmtree(ledger.folder.parent / ".git")
    assert verify.faults(ledger) == []
    assert verify.history_missing(ledger) == "There is no git history here, so nothing was compared with it."
    change(ledger.folder / "tiny.csv", "cbam,22,0.805", "cbam,22,0.905")
    assert "README.md" in verify.faults(ledger)[0]


def test_a_shallow_clone_is_verified_as_far_as_it_goes(ledger, tmp_path):
    source = f"file://{ledger.folder.parent}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", source, str(tmp_path / "shallow")], check=True)
    shallow = Ledger(tmp_path / "shallow" / "results")
    assert verify.faults(shallow) == []
    assert "part of the history" in verify.history_missing(shallow)
    change(shallow.folder / "tiny.csv", "cbam,22,0.805", "cbam,22,0.815")
    assert any("a row of" in fault for fault in verify.faults(shallow))


@pytest.mark.parametrize("word", [execute.tune, execute.run])
def test_nothing_runs_before_the_registration_is_committed_as_it_is(tmp_path, word):
    ledger = register(tmp_path)
    path = ledger.folder / "registered" / "tiny.toml"
    shutil.copy(path, path.with_name("new.toml"))
    with pytest.raises(
        NotRegistered, match=r"results/registered/new\.toml is not committed; commit it first"
    ):
        word(ledger, ledger.registration("new"), **REST)
    change(path, "Does it help?", "Does it help much?")
    with pytest.raises(NotRegistered, match=r"tiny\.toml was changed since it was committed"):
        word(ledger, ledger.registration("tiny"), **REST)
    shutil.rmtree(tmp_path / ".git")
    with pytest.raises(NotRegistered, match="is not committed"):
        word(ledger, ledger.registration("tiny"), **REST)
    assert not list(ledger.folder.glob("*.csv"))


def test_the_test_set_stays_closed_until_tuning_is_complete(tmp_path):
    ledger = register(tmp_path)
    with pytest.raises(
        NotRegistered, match=r"4 of 4 tuning runs are missing; first run .* experiment tune tiny"
    ):
        execute.run(ledger, ledger.registration("tiny"), **REST)
    assert all(run.test == 0 for run in ledger.registration("tiny").tuning_runs())


def test_of_rates_that_are_about_equal_the_smallest_is_taken(ledger):
    registration = ledger.registration("tiny")
    assert registration.chosen_rates(ledger.tuning(registration)) == {
        ("scenes-where", "plain"): 0.01, ("scenes-where", "cbam"): 0.003,
    }  # fmt: skip
    generous = replace(registration, margin=0.2)
    assert set(generous.chosen_rates(ledger.tuning(registration)).values()) == {0.003}


def test_a_real_experiment_that_is_stopped_repeats_and_loses_nothing(tmp_path, monkeypatch):
    ledger = register(
        tmp_path, TINY.replace("[21, 22, 23, 24, 25]", "[21]").replace("seeds = [21, 22]", "seeds = [21]")
    )
    registration = ledger.registration("tiny")
    perform, calls = execute.perform, []

    def stopped(run, *rest):
        calls.append(run)
        if len(calls) in (3, 7):
            raise KeyboardInterrupt
        return perform(run, *rest)

    monkeypatch.setattr(execute, "perform", stopped)
    for word in (execute.tune, execute.run):
        with pytest.raises(KeyboardInterrupt):
            word(ledger, registration, **REST)
        assert word(ledger, registration, **REST) == 0
    assert len(calls) == 4 + 3 + 2
    assert state(ledger, registration) == "complete"
    assert ledger.evaluation(registration)["registration"].unique().tolist() == [registration.hash]
    before = ledger.evaluation_path(registration).read_bytes()
    assert execute.run(ledger, registration, **REST) == 0
    assert (len(calls), ledger.evaluation_path(registration).read_bytes()) == (9, before)
