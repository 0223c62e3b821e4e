"""A small part of the attack on what learners have: nothing is lost, and the attack notices where something is."""

import os
import random
import re
import sys

import pytest
import simulate_learners
from simulate_learners import NAMES, Learner, notebook, play_kills, play_servers, play_updates

from cbam_course import workspace


@pytest.fixture
def learner(tmp_path):
    return Learner(tmp_path.resolve() / "course", seed=0)


def test_updates_edits_full_disks_and_saves_in_the_middle_lose_nothing(learner):
    play_updates(learner, 60)
    assert learner.problems == []
    assert learner.counted["updates"] == 60
    assert min(
        learner.counted[f"{action} {trouble}"]
        for action in ("sync", "reset")
        for trouble in ("full disk", "a save")
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
def test_kills_lose_nothing_and_leave_nothing(learner, monkeypatch):
    # A new process asks the main module where it came from; IPython's stand-in, of another test, cannot say.
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    play_kills(learner, 6)
    assert learner.problems == []
    assert learner.counted["killed"] == 6


def test_bad_servers_are_given_up_in_a_sentence_and_a_good_one_brings_the_file(tmp_path):
    counted, problems = play_servers(tmp_path, random.Random(0), 12)
    assert problems == []
    assert counted["given up"] > 0


def replaces(path, content, *, aside=None):
    """What writes over the learner's copy instead of moving it aside."""
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("broken", "name", "sign"),
    [
        (replaces, "write_new", "lost after"),
        (lambda outcome: "work/nothing.ipynb is new.", "Outcome.__str__", "a file is missing"),
    ],
)
def test_the_attack_notices_what_is_broken(learner, monkeypatch, broken, name, sign):
    monkeypatch.setattr(f"cbam_course.workspace.{name}", broken)
    play_updates(learner, 20)
    assert re.search(sign, "\n".join(learner.problems))


def moved_aside(learner):
    """Put a copy where a killed reset leaves it, and let the course have a new version."""
    workspace.sync(learner.root)
    learner.save(learner.work / NAMES[0], notebook("mine"))
    (learner.work / NAMES[0]).rename(learner.work / f".{NAMES[0]}.0123456789abcdef.aside")
    learner.publish(NAMES[0])


def test_a_copy_that_a_killed_program_moved_aside_counts_as_what_was_there(learner):
    moved_aside(learner)
    learner.bring_up_to_date()
    assert learner.counted["sync"] == 1  # which says of this copy that it stays as it is
    assert learner.problems == []


def test_the_attack_notices_a_copy_that_does_not_come_back_as_it_was(learner, monkeypatch):
    def mixed_up(old, new):
        content = old.read_bytes()
        old.unlink()
        new.with_stem("elsewhere").write_bytes(content)
        new.write_text(notebook("another's"), encoding="utf-8")

    moved_aside(learner)
    monkeypatch.setattr("cbam_course.workspace.rename_new", mixed_up)
    learner.bring_up_to_date()
    assert [problem.partition(":")[0] for problem in learner.problems] == ["it is not as it was"]


def test_the_attack_notices_a_leftover(learner):
    workspace.sync(learner.root)
    (learner.work / ".left.1.tmp").touch()
    learner.look("a test")
    assert learner.problems == ["left after a test: ['.left.1.tmp']"]


def test_the_command_counts_and_fails_with_what_went_wrong(monkeypatch, capsys):
    monkeypatch.setattr(simulate_learners, "simulate", lambda *_: ({"updates": 3}, ["lost"]))
    assert simulate_learners.main([]) == 1
    assert capsys.readouterr().out == "     3  updates\nlost\n"
    monkeypatch.setattr(simulate_learners, "simulate", lambda *_: ({"updates": 3}, []))
    assert simulate_learners.main([]) == 0
