"""How the tests run notebooks: without a network, and with checks that must say the right thing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import build_notebooks
import pytest

ROOT = Path(__file__).parent.parent
LESSON = """\
# %%
import socket
try:
    socket.create_connection(("93.184.215.14", 80), timeout=1)
    reached = True
except ConnectionRefusedError as error:
    reached = "tests use no network" not in str(error)
assert not reached

# %%
try:
    socket.getaddrinfo("example.org", 80)
    reached = True
except ConnectionRefusedError:
    reached = False
assert not reached

# %%
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()

# %%
assert "sys" not in globals()

# %%
import os
from cbam_course import check
check("squeeze", lambda x: x.sum((2, 3)))
assert os.path.exists(os.environ["CBAM_COURSE_HOME"] + "/progress.jsonl")
"""
EXERCISE = """\
# %% [markdown]
# # Exercise

# %%
from cbam_course import check

# %%
### BEGIN SOLUTION
def squeeze(x):
    return x.mean((2, 3))
### END SOLUTION

# %%
check("squeeze", squeeze)

# %%
check("squeeze", lambda x: x.sum((2, 3)))

# %%
assert "squeeze" in globals()
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Run a lesson, an exercise and a solution as `make test` does; return what became of each cell."""
    root = tmp_path_factory.mktemp("course")
    (root / "authoring").mkdir()
    (root / "authoring" / "01_one.py").write_text(LESSON)
    (root / "authoring" / "01_one_exercise.py").write_text(EXERCISE)
    build_notebooks.main(["--root", str(root), "--no-execute"])
    command = [sys.executable, "-m", "pytest", "-c", "tests/nbval.ini", "-rA", "--rootdir", str(root)]
    env = {**os.environ, "CBAM_COURSE_HOME": str(root / "learner"), "PY_COLORS": "0", "COLUMNS": "200"}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", str(root)], cwd=ROOT, env=env, capture_output=True, text=True
    )
    lines = re.findall(r"^(PASSED|FAILED) .*?(\w+\.ipynb)::Cell (\d+)", done.stdout, re.MULTILINE)
    cells = {(name, int(number)): verdict for verdict, name, number in lines}
    return cells, done.stdout, root


def verdicts(outcome, name):
    cells, output, _ = outcome
    found = [verdict for cell, verdict in sorted(cells.items()) if cell[0] == f"{name}.ipynb"]
    assert found, output
    return found


def test_kernels_reach_no_network_keep_localhost_and_get_no_stray_names(outcome):
    assert verdicts(outcome, "01_one") == ["PASSED"] * 5, outcome[1]


def test_an_unanswered_exercise_runs_through_and_only_not_attempted_is_right(outcome):
    assert verdicts(outcome, "01_one_exercise") == ["PASSED"] * 3 + ["FAILED", "PASSED"]
    assert "an unanswered check must say *not attempted*" in outcome[1]


def test_a_wrong_solution_turns_red(outcome):
    assert verdicts(outcome, "01_one_solution") == ["PASSED"] * 3 + ["FAILED", "PASSED"]
    assert "CheckNotPassed" in outcome[1]


def test_the_progress_of_the_learner_is_not_touched(outcome):
    assert not (outcome[2] / "learner").exists()
