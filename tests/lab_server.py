"""JupyterLab as `make lab` starts it, in a copy of the course that a test may write into."""

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).parents[1]
PATIENCE = 300  # seconds until a server must answer, or have stopped; it takes two or three
# What git does not track, and what no learner's command reads.
LEFT_OUT = (".*", "__pycache__", "work", "build", "dist", "data", "tests", "*.egg-info")
# All cells are on the page, also those out of sight; nothing asks about news; a line breaks where it was typed.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "codemirror-extension/plugin": {"defaultConfig": {"autoClosingBrackets": False}},
}


@dataclass(frozen=True)
class Server:
    """A running server: its address, its token, the folder that it serves, and what it and its start printed."""

    address: str
    token: str
    root: Path
    log: Path

    def get(self, path):
        """Return what the server's API answers to a path, or the status of its refusal."""
        request = urllib.request.Request(
            f"{self.address}/api/{path}", headers={"Authorization": f"token {self.token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code

    def contents(self, path, *, whole=False):
        """Return a file or a folder as the file browser gets it, or the status of a refusal."""
        return self.get(f"contents/{quote(str(path))}?content={int(whole)}")


def make_lab(arguments="--no-browser"):
    """Return the commands of `make lab`, read from the Makefile."""
    recipe = re.search(r"^lab:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)[1]
    filled = recipe.replace("$(PY)", shlex.quote(sys.executable)).replace("$(ARGS)", arguments)
    assert "$" not in filled, f"a variable of the Makefile is not known here: {filled}"
    return [shlex.split(line) for line in filled.splitlines()]


def copy_course(folder):
    """Copy the course as a fresh clone has it, without the parts that no learner's command reads."""

    def left_out(place, names):
        # The package has a folder data/ of its own.
        patterns = [name for name in LEFT_OUT if name != "data" or Path(place) == ROOT]
        return shutil.ignore_patterns(*patterns)(place, names)

    return shutil.copytree(ROOT, folder, ignore=left_out)


@contextmanager
def serve(commands, course, folder, **environment):
    """Run commands in the course's folder, the last of which starts JupyterLab, and yield the :class:`Server`.

    Args:
        commands: lists of words.
        course: the folder to run them in.
        folder: for settings, run files, progress and the log; the learner's own stay untouched.
        environment: variables to set beside those.
    """
    token, log = secrets.token_hex(), folder / "server.log"
    env = {**_own_environment(folder, token), **environment}
    with log.open("wb") as written:
        where = {"cwd": course, "env": env, "stdout": written, "stderr": subprocess.STDOUT}
        for command in commands[:-1]:
            subprocess.run(command, **where, check=True)
        process = subprocess.Popen(commands[-1], **where, start_new_session=True)
    try:
        yield _wait_until_it_answers(process, folder, token, log)
    finally:
        _stop(process)


def _own_environment(folder, token):
    settings = folder / "settings"
    for name, values in SETTINGS.items():
        path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    own = {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_DATA_DIR": folder / "share",
        "JUPYTER_RUNTIME_DIR": folder / "run",
        "JUPYTERLAB_SETTINGS_DIR": settings,
        "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        "CBAM_COURSE_HOME": folder / "home",
    }
    return {**os.environ, **{name: str(value) for name, value in own.items()}}


def _wait_until_it_answers(process, folder, token, log):
    """Read the address from the file that the server writes; another port than the wanted one may have been free."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        for note in (folder / "run").glob("jpserver-*.json"):
            try:
                facts = json.loads(note.read_text(encoding="utf-8"))
                server = Server(f"http://127.0.0.1:{facts['port']}", token, Path(facts["root_dir"]), log)
                server.get("status")
                return server
            except (OSError, ValueError):  # half a note, or nobody listening yet
                pass
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _stop(process):
    if process.poll() is None:
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGTERM)  # make and the server that it started
        else:
            process.terminate()
    process.wait(PATIENCE)
