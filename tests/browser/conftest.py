"""A browser, a JupyterLab and an open page for the tests here; each is skipped with a reason where it is missing."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from lab_page import LabPage
from lab_server import copy_course, make_lab, serve
from screenshots import take_picture

from cbam_course.checks.texts import all_texts

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium(playwright):
    """Return the program that ``CHROMIUM`` names, else one on the path, else playwright's own; None for none."""
    if wanted := os.environ.get("CHROMIUM"):
        assert shutil.which(wanted), f"CHROMIUM is {wanted!r}, and there is no such program"
        return shutil.which(wanted)
    own = playwright.chromium.executable_path
    return next(filter(None, map(shutil.which, [*NAMES, own])), None)


@pytest.fixture(scope="module")
def browser():
    """Return a browser without a window."""
    api = pytest.importorskip("playwright.sync_api", reason='needs playwright: pip install -e ".[browser]"')
    with api.sync_playwright() as playwright:
        program = find_chromium(playwright)
        if not program:
            pytest.skip("needs Chromium: install it, or: python -m playwright install chromium")
        root = getattr(os, "geteuid", lambda: 1)() == 0
        with playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"] if root else []
        ) as opened:
            yield opened


@pytest.fixture(scope="module")
def server(browser, tmp_path_factory):
    """Return the JupyterLab of `make lab`, for a learner who has come to lesson 03."""
    folder = tmp_path_factory.mktemp("browser")
    (folder / "home").mkdir()
    earlier = [text.task_id for text in all_texts().values() if text.lesson < "03"]
    lines = [json.dumps({"task": task, "status": "passed"}) + "\n" for task in earlier]
    (folder / "home" / "progress.jsonl").write_text("".join(lines), encoding="utf-8")
    with serve(make_lab(), copy_course(folder / "course"), folder) as server:
        yield server


@pytest.fixture
def lab(browser, server):
    """Return a page to open notebooks on."""
    with browser.new_context(viewport={"width": 1000, "height": 1600}) as context:
        yield LabPage(context.new_page(), server.address, server.token)


@pytest.fixture
def newcomer(browser, tmp_path):
    """Return the page that `make lab` shows on a fresh clone."""
    with (
        serve(make_lab(), copy_course(tmp_path / "course"), tmp_path) as server,
        browser.new_context(viewport={"width": 1500, "height": 1200}) as context,
    ):
        lab = LabPage(context.new_page(), server.address, server.token)
        printed = re.search(rf"{server.address}/(\S+)\?token=", server.log.read_text(encoding="utf-8"))
        lab.page.goto(f"{server.address}/{printed[1]}?token={server.token}")
        yield lab


@pytest.fixture
def picture(lab):
    """Return a function that keeps a picture of the page in the folder ``SCREENSHOTS``, if one is named."""

    def keep(name, first, last):
        if folder := os.environ.get("SCREENSHOTS"):
            take_picture(lab.page, Path(folder) / f"{name}.png", first, last)

    return keep
