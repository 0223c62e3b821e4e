"""Badges and install cells: nothing while there is no address, everything from one setting once there is."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import build_notebooks
import colab_check
import colab_links
import colab_versions
import nbformat
import pytest
from colab_links import Published, link, published

ROOT = Path(__file__).parents[1]
# "invalid" is nobody's account and can be nobody's: GitHub reserves it.
ADDRESS = "https://github.com/invalid/cbam-course"
NOTEBOOKS = [p for f in ("notebooks", "exercises", "solutions") for p in sorted((ROOT / f).glob("*.ipynb"))]


@pytest.fixture
def pyproject(tmp_path):
    """A copy of our pyproject.toml with an address."""

    def write(address):
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
        text = re.sub(r"\n\[project\.urls\]\n.*\n", "\n", text)
        urls = f'[project.urls]\nRepository = "{address}"\n\n[project.scripts]'
        (tmp_path / "pyproject.toml").write_text(text.replace("[project.scripts]", urls, 1), encoding="utf-8")
        return tmp_path / "pyproject.toml"

    return write


def test_every_notebook_agrees_with_the_setting():
    place = published(ROOT / "pyproject.toml")
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        badges = [cell for cell in cells if "colab-badge.svg" in cell.source]
        installs = [cell for cell in cells if "%pip install" in cell.source and "git+" in cell.source]
        wanted = 0 if place is None else 1
        assert len(badges) == len(installs) == wanted, path.name
        if place:
            assert place.badge(path.relative_to(ROOT).as_posix()) in badges[0].source
            assert place.source in installs[0].source


def test_without_an_address_none_is_invented(monkeypatch, capsys, tmp_path, pyproject):
    assert published(pyproject("")) is None
    monkeypatch.setattr(colab_links, "ROOT", tmp_path)
    assert colab_links.main() == 0
    assert "set Repository under [project.urls]" in capsys.readouterr().out
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# One")])
    link(notebook, "notebooks/01.ipynb", None)
    assert [cell.source for cell in notebook.cells] == ["# One"]


def test_the_build_puts_badge_and_install_cell_into_every_notebook(tmp_path, pyproject):
    version = re.search(r'version = "(.+)"', pyproject(ADDRESS + ".git").read_text(encoding="utf-8"))[1]
    (tmp_path / "authoring").mkdir()
    (tmp_path / "authoring" / "01_one.py").write_text("# %% [markdown]\n# # One\n# Text.\n\n# %%\nx = 1\n")
    (tmp_path / "authoring" / "01_one_exercise.py").write_text("# %% [markdown]\n# # One, exercise\n")
    build_notebooks.main(["--root", str(tmp_path), "--no-execute"])
    lesson = nbformat.read(tmp_path / "notebooks" / "01_one.ipynb", as_version=4)
    badge = f"github/invalid/cbam-course/blob/v{version}/notebooks/01_one.ipynb)"
    assert lesson.cells[0].source.splitlines()[0] == "# One"
    assert badge in lesson.cells[0].source
    assert f"git+{ADDRESS}@v{version}" in lesson.cells[1].source
    assert lesson.cells[2].source == "x = 1"
    solution = nbformat.read(tmp_path / "solutions" / "01_one_solution.ipynb", as_version=4)
    assert "/solutions/01_one_solution.ipynb)" in solution.cells[0].source


def test_colab_opens_github_only(pyproject):
    with pytest.raises(
        ValueError, match=r"Repository is 'https://git\.invalid/c'; Colab opens notebooks from GitHub"
    ):
        published(pyproject("https://git.invalid/c"))


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_the_pip_line_installs_from_the_tag(tmp_path):
    course, target = tmp_path / "course", tmp_path / "target"
    for name in ("cbam_course", "results", "benchmarks"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-text"):
        shutil.copy(ROOT / name, course / name)
    git = ["git", "-C", str(course), "-c", "user.name=test", "-c", "user.email=test@test.invalid"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"], ["tag", "v0.1.0"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    place = Published(ADDRESS, "v0.1.0")
    source = colab_links.INSTALL.format(tag=place.tag, source=place.source)
    words = re.search(r"%pip (install .+)", source)[1].split()
    # git asks the local repository in place of the address; the rest of the line is pip's.
    env = {
        **os.environ,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{course.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
    }
    local = ["--no-build-isolation", "--target", str(target), "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *words, *local], check=True, env=env, capture_output=True)
    assert (target / "cbam_course" / "results" / "learning-rate.csv").exists()
    assert sorted(p.name for p in target.iterdir() if p.suffix != ".dist-info") == ["bin", "cbam_course"]


def test_outside_colab_the_install_cell_does_nothing():
    place = Published(ADDRESS, "v0.1.0")
    source = colab_links.INSTALL.format(tag=place.tag, source=place.source)
    names = {}
    exec(source.replace("%pip", "raise SystemExit #"), names)
    assert "keep_work" not in names


def test_a_list_of_colabs_is_compared_by_canonical_names(tmp_path, monkeypatch, capsys):
    text = "torch==2.11.0+cu128\nscikit_image==0.26.0\npkg @ file:///x\n# note\n"
    assert colab_versions.frozen(text) == {"torch": "2.11.0", "scikit-image": "0.26.0"}
    (tmp_path / "new.txt").write_text(text)
    listed = {"date": "2026-08", "list": (tmp_path / "new.txt").as_uri(), "packages": {"torch": "2.11.0"}}
    monkeypatch.setattr(colab_versions, "known", lambda: listed)
    assert colab_versions.main([]) == 0
    listed["packages"] |= {"scikit-image": "0.25.2", "timm": "1.0"}
    assert colab_versions.main([str(tmp_path / "new.txt")]) == 1
    said = capsys.readouterr().out
    assert "scikit-image: we test 0.25.2, Colab has 0.26.0." in said
    assert "timm: we test 1.0, and Colab's list does not have it." in said


def test_the_dated_list_names_its_source_and_every_package_that_lessons_import():
    listed = colab_versions.known()
    assert listed["source"].endswith("googlecolab/backend-info")
    assert re.fullmatch(r"\d{4}-\d{2}", listed["date"])
    assert {"torch", "torchvision", "numpy", "ipywidgets", "ipython"} <= set(listed["packages"])


def test_the_environment_is_built_once_for_each_list(tmp_path, monkeypatch):
    commands = []

    def note(words, **options):
        commands.append(words)
        (tmp_path / "env").mkdir(exist_ok=True)

    monkeypatch.setattr(colab_check.subprocess, "run", note)
    monkeypatch.setattr(colab_check, "find_python", lambda version: f"python{version}")
    colab_check.environment(tmp_path / "env")
    assert commands[0][:3] == ["python3.13", "-m", "venv"]
    assert "torch==2.11.0" in commands[1]
    colab_check.environment(tmp_path / "env")
    assert len(commands) == 2
