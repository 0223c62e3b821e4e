"""JupyterLab on this computer, serving a copy of the course that a test may write into."""

import http.client
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from cbam_course.workspace import sync

ROOT = Path(__file__).parents[2]
# All cells are on the page, also those out of sight; nothing asks about news; a line breaks where it was typed.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "codemirror-extension/plugin": {"defaultConfig": {"autoClosingBrackets": False}},
}


@contextmanager
def serve_course(folder, *, patience=60):
    """Copy the course into ``folder``, make work/ as a learner does, and yield the address of a JupyterLab there.

    Args:
        folder: an empty one; ``folder / "home"`` holds the learner's progress.
        patience: seconds until the server must answer.
    """
    course = copy_course(folder / "course")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    token, log = secrets.token_hex(), folder / "server.log"
    with log.open("wb") as written:
        server = subprocess.Popen(
            command(course, port), env=environment(folder, token), stdout=written, stderr=subprocess.STDOUT
        )
    try:
        wait_until_it_answers(server, port, log, patience)
        yield f"http://127.0.0.1:{port}", token
    finally:
        server.terminate()
        server.wait(patience)


def copy_course(course):
    for name in ("notebooks", "exercises"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    sync(course)
    return course


def command(course, port):
    root = ["--allow-root"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    where = [f"--ServerApp.root_dir={course}", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    return [sys.executable, "-m", "jupyter", "lab", "--no-browser", *where, *root]


def environment(folder, token):
    """Return the server's environment: settings, run files and progress of its own, the learner's untouched."""
    settings = folder / "settings"
    for name, values in SETTINGS.items():
        path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    own = {
        "JUPYTER_TOKEN": token,
        "JUPYTER_CONFIG_DIR": folder / "config",
        "JUPYTER_RUNTIME_DIR": folder / "run",
        "JUPYTERLAB_SETTINGS_DIR": settings,
        "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        "CBAM_COURSE_HOME": folder / "home",
    }
    return {**os.environ, **{name: str(value) for name, value in own.items()}}


def wait_until_it_answers(server, port, log, patience):
    end = time.monotonic() + patience
    while not answers(port):
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.2)


def answers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
