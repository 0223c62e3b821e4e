"""`make lab` and `python -m cbam_course lab`: the whole course is in reach, at the lesson that comes next."""

import json
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import unquote

import nbformat
import pytest
from lab_server import ROOT, copy_course, make_lab, serve
from nbformat.sign import NotebookNotary

from cbam_course import lab
from cbam_course.__main__ import main
from cbam_course.checks.tasks import all_tasks

LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=[\"']([^\"']+)[\"']")
FOLDERS = ("notebooks", "exercises", "solutions", "work")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    with serve(make_lab(), copy_course(folder / "course"), folder) as server:
        yield server


def relative_links(text):
    links = [first or second for first, second in LINK.findall(text)]
    return [link for link in links if not re.match(r"[a-z]+:|#", link)]


def words(notebook):
    return "\n".join(cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown")


def test_the_file_browser_shows_the_whole_course(server):
    assert server.root.name == "course"
    names = {entry["name"] for entry in server.contents("", whole=True)["content"]}
    assert {*FOLDERS, "GLOSSARY.md", "README.md", "results"} <= names


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_relative_link_of_every_notebook_leads_somewhere(server, folder):
    notebooks = [entry["path"] for entry in server.contents(folder, whole=True)["content"]]
    notebooks = [path for path in notebooks if path.endswith(".ipynb")]
    source = ROOT / ("exercises" if folder == "work" else folder)
    assert len(notebooks) == len(list(source.glob("*.ipynb"))) > 0
    dead, followed = [], 0
    for path in notebooks:
        for link in relative_links(words(server.contents(path, whole=True)["content"])):
            target = normpath(PurePosixPath(path).parent / unquote(link).partition("#")[0])
            followed += 1
            if isinstance(server.contents(target), int):
                dead.append(f"{path}: {link}")
    assert not dead
    assert followed >= 3 * len(notebooks)


def test_the_links_of_the_readme_and_the_glossary_lead_somewhere(server):
    for name in ("README.md", "GLOSSARY.md"):
        for link in relative_links((ROOT / name).read_text(encoding="utf-8")):
            assert not isinstance(server.contents(link.partition("#")[0]), int), f"{name}: {link}"


def test_it_says_what_it_does_and_prints_the_address_of_the_first_lesson(server):
    said = server.log.read_text(encoding="utf-8")
    assert "work/00_start_here_exercise.ipynb is new." in said
    assert f"Your copies of the exercises are in {server.root / 'work'}." in said
    assert "Opening JupyterLab at notebooks/00_start_here.ipynb." in said
    assert "/lab/tree/notebooks/00_start_here.ipynb?token=" in said


def test_a_notebook_as_it_was_built_is_trusted(server):
    lesson = server.contents("notebooks/00_start_here.ipynb", whole=True)["content"]
    trusted = [cell["metadata"].get("trusted") for cell in lesson["cells"] if cell["cell_type"] == "code"]
    assert trusted
    assert all(trusted)


@pytest.fixture
def small_course(tmp_path, monkeypatch):
    """A course of two lessons, as the current folder; JupyterLab is not started, its arguments are noted."""
    for folder in ("notebooks", "exercises", "authoring"):
        (tmp_path / folder).mkdir()
    for name in ("00_start_here", "03_channel_attention"):
        nbformat.write(nbformat.v4.new_notebook(), tmp_path / "notebooks" / f"{name}.ipynb")
    monkeypatch.chdir(tmp_path)
    for name in ("CONFIG", "DATA", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / "jupyter" / name))
    return tmp_path


@pytest.fixture
def started(monkeypatch):
    noted = []
    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", noted.extend)
    return noted


def passed(home, lessons):
    home.mkdir(exist_ok=True)
    done = [task.task_id for task in all_tasks().values() if task.lesson in lessons]
    lines = [json.dumps({"task": task, "status": "passed"}) + "\n" for task in done]
    (home / "progress.jsonl").write_text("".join(lines), encoding="utf-8")


@pytest.mark.parametrize(
    ("lessons", "opened"),
    [
        ((), "00_start_here"),
        (("00", "01", "02"), "03_channel_attention"),
        (("00", "02"), "00_start_here"),  # lesson 01 is next, and this small course has none
        ([f"{n:02}" for n in range(100)], "00_start_here"),
    ],
)
def test_the_lesson_of_the_next_task_opens(small_course, started, tmp_path, lessons, opened):
    passed(tmp_path / "home", lessons)
    assert main(["lab"]) == 0
    assert f"--LabApp.default_url=/lab/tree/notebooks/{opened}.ipynb" in started
    assert f"--ServerApp.root_dir={small_course}" in started


def test_what_it_does_not_know_goes_to_jupyterlab_behind_its_own(small_course, started, capsys):
    assert main(["lab", "--no-browser", "--port", "8890", "work/03.ipynb"]) == 0
    assert "Opening JupyterLab at work/03.ipynb." in capsys.readouterr().out
    assert started[-4:] == ["--no-browser", "--port", "8890", "work/03.ipynb"]


@pytest.mark.parametrize(
    ("user", "words", "added"),
    [(0, [], 1), (0, ["--allow-root"], 0), (0, ["--ServerApp.allow_root=True"], 0), (1000, [], 0)],
)
def test_root_is_let_in_with_a_sentence(small_course, started, monkeypatch, capsys, user, words, added):
    monkeypatch.setattr("os.geteuid", lambda: user, raising=False)
    assert main(["lab", *words]) == 0
    assert started.count("--allow-root") == added + words.count("--allow-root")
    assert capsys.readouterr().out.count("You are root, so JupyterLab is started with --allow-root") == added


def test_without_jupyterlab_it_says_what_to_install(small_course, monkeypatch, capsys):
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    assert main(["lab"]) == 1
    assert f"{sys.executable} -m pip install jupyterlab" in capsys.readouterr().err


def test_outside_the_course_it_says_where_to_go(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("cbam_course.workspace.__file__", str(tmp_path / "workspace.py"))
    monkeypatch.chdir(tmp_path)
    assert main(["lab"]) == 1
    assert "is not inside the course; go to the folder" in capsys.readouterr().err


def test_only_notebooks_with_the_bytes_of_the_build_are_trusted(small_course):
    names = ["notebooks/00_start_here.ipynb", "notebooks/03_channel_attention.ipynb"]
    sums = subprocess.run(
        [sys.executable, "-c", "import hashlib, sys; [print(hashlib.sha256(open(n, 'rb').read()).hexdigest(), '',"
         " n) for n in sys.argv[1:]]", *names], capture_output=True, text=True, check=True,
    )  # fmt: skip
    (small_course / "authoring" / "built.sha256").write_text(sums.stdout, encoding="utf-8")
    edited = small_course / names[1]
    edited.write_bytes(edited.read_bytes() + b"\n")
    assert lab.trust(small_course) == names[:1]
    (small_course / names[0]).write_bytes((small_course / names[0]).read_bytes().replace(b"\n", b"\r\n"))
    assert lab.trust(small_course) == names[:1], "line ends differ between checkouts"
    assert NotebookNotary().check_signature(nbformat.read(small_course / names[0], as_version=4))


def test_without_a_place_for_signatures_the_course_opens_all_the_same(
    small_course, started, monkeypatch, capsys
):
    def full(root):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lab, "trust", full)
    assert main(["lab"]) == 0
    assert "could not be marked as trusted (No space left on device)" in capsys.readouterr().out
    assert started


def test_the_list_of_built_notebooks_is_that_of_the_notebooks(monkeypatch):
    lines = (ROOT / "authoring" / "built.sha256").read_text(encoding="utf-8").splitlines()
    listed = [line.split("  ")[1] for line in lines]
    there = [path for folder in FOLDERS[:3] for path in (ROOT / folder).glob("*.ipynb")]
    assert listed == sorted(path.relative_to(ROOT).as_posix() for path in there)
    assert list(lab._as_built(ROOT)) == listed, "run `make notebooks`"
    assert Path(listed[0]).parts[0] == "exercises"
