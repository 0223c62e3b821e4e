"""A pytest plugin for kernels: no network, progress in a temporary folder, and strict checks in solutions.

The test suite loads it through conftest.py, the notebooks through nbval.ini.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

import pytest

OFFLINE = Path(__file__).with_name("offline.py")


def pytest_configure(config):
    """Point the course and IPython at an empty folder; the workers of pytest-xdist inherit it."""
    if hasattr(config, "workerinput"):
        return
    config.isolated = folder = Path(tempfile.mkdtemp(prefix="cbam-course-tests-"))
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    shutil.copy(OFFLINE, startup / "00_offline.py")
    os.environ["IPYTHONDIR"] = str(folder / "ipython")
    os.environ["CBAM_COURSE_HOME"] = str(folder / "home")
    os.environ["CBAM_COURSE_STRICT"] = ""


def pytest_unconfigure(config):
    """Take the folder away again."""
    shutil.rmtree(getattr(config, "isolated", ""), ignore_errors=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Make checks raise in solution notebooks; nbval hands the environment on to the kernel it starts."""
    if item.path.suffix == ".ipynb":
        os.environ["CBAM_COURSE_STRICT"] = "1" if item.path.parent.name == "solutions" else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """An exercise that nobody has answered yet: each of its checks says *not attempted*, and nothing else."""
    result = yield
    if item.path.suffix == ".ipynb" and item.path.parent.name == "exercises":
        calls = re.findall(r"^check\(", item.cell.source, re.MULTILINE)
        shown = str(item.test_outputs).count(": not attempted")
        if calls and not shown:
            raise AssertionError(f"an unanswered check must say *not attempted*:\n{item.cell.source}")
    return result
