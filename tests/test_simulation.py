"""A small part of the attack on what learners have: nothing is lost, and the attack notices where something is."""

import os
import random
import re
import sys

import pytest
import simulate_learners
from simulate_learners import Learner, play_kills, play_servers, play_updates

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
