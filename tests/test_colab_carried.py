"""Self-contained notebooks: the first cell really installs the package, once, and leaves a checkout alone."""

import json
import os
import re
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
from build_colab import build_wheel, first_cell, self_contained

from cbam_course import storage

ROOT = Path(__file__).parents[1]
IMPORT = "import cbam_course; print(cbam_course.__file__, cbam_course.__version__)"


KEEP = '__import__("cbam_course.storage").storage.keep_work()'


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    return first_cell(build_wheel(ROOT, tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An environment of its own, empty but for pip and what keep_work needs."""
    folder = tmp_path_factory.mktemp("empty")
    venv.create(folder, with_pip=True)
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(python, code, folder, **env):
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    options = {"cwd": folder, "env": {**clean, **env}, "capture_output": True, "text": True}
    script = folder / "cell.py"  # too long for a command line
    script.write_text(code, encoding="utf-8")
    return subprocess.run([str(python), str(script)], **options, check=False)


def test_the_cell_installs_what_it_carries_and_only_once(cell, python, tmp_path):
    # keep_work is imported from the package; here it must not need more than Python has.
    assert cell.source.endswith(KEEP)
    code = cell.source.removesuffix(KEEP)
    first = run(python, code, tmp_path)
    assert first.returncode == 0, first.stderr
    found = run(python, IMPORT, tmp_path).stdout
    assert str(python.parent.parent) in found
    package = Path(found.split()[0]).parent
    assert (package / "results" / "learning-rate.csv").exists()
    assert (package / "benchmarks" / "attention.csv").exists()
    assert (package / "networks" / "weights" / "resnet20_cifar10.safetensors").exists()
    (package / "__init__.py").write_text("__file__, __version__ = 'kept', ''\n")
    assert run(python, code, tmp_path).returncode == 0
    assert run(python, "import cbam_course; print(cbam_course.__file__)", tmp_path).stdout.strip() == "kept"
    (note,) = package.parent.glob("cbam_course-*.dist-info/direct_url.json")
    note.write_text(re.sub("[0-9a-f]{64}", "0" * 64, note.read_text()))  # as if another version were there
    assert run(python, code, tmp_path).returncode == 0
    assert "kept" not in run(python, IMPORT, tmp_path).stdout


def test_a_checkout_that_somebody_works_in_is_left_alone(cell, tmp_path):
    note = {"url": "file:///course", "dir_info": {"editable": True}}
    checkout = tmp_path / "cbam_course-9.9.dist-info"
    checkout.mkdir()
    (checkout / "METADATA").write_text("Metadata-Version: 2.1\nName: cbam-course\nVersion: 9.9\n")
    (checkout / "direct_url.json").write_text(json.dumps(note))
    broken = re.sub(r'carried=""".*?"""', 'carried="not a wheel"', cell.source, flags=re.DOTALL)
    done = run(sys.executable, broken, tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("harm", ["cut", "changed", "no base64", "empty"])
def test_a_damaged_wheel_is_refused_with_a_sentence_and_nothing_is_installed(cell, monkeypatch, harm):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    found = re.search(r'carried="""\n(.*?)\n"""', cell.source, re.DOTALL)[1]
    letter = "B" if found[5000] == "A" else "A"
    changed = found[:5000] + letter + found[5001:]
    content = {"cut": found[:5001], "changed": changed, "no base64": "===", "empty": ""}[harm]
    monkeypatch.setattr(metadata, "distribution", missing)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was installed"))
    names = {"__builtins__": __builtins__}
    with pytest.raises(
        SystemExit, match=r"carries is damaged: nothing was installed\. Get the notebook again\."
    ):
        exec(cell.source.replace(found, content), names)
    assert set(names) == {"__builtins__"}


def test_the_cell_leaves_no_name_behind(cell, monkeypatch):
    """A lesson that forgot an import has to fail here as everywhere."""
    asked = []
    editable = type("Distribution", (), {"read_text": lambda self, name: '{"editable": true}'})
    monkeypatch.setattr(metadata, "distribution", lambda name: editable())
    monkeypatch.setattr(storage, "keep_work", lambda: asked.append(True))
    names = {"__builtins__": __builtins__, "name": "the learner's"}
    exec(cell.source, names)
    assert set(names) == {"__builtins__", "name"}
    assert asked == [True]


def test_the_cell_is_folded_and_asks_pip_for_nothing_else(cell):
    assert cell.metadata == {"cellView": "form", "jupyter": {"source_hidden": True}}
    assert {"--no-index", "--no-deps"} <= set(re.findall(r'"(--[\w-]+)"', cell.source))
    assert cell.source.startswith("# @title")


def test_links_between_files_become_words_and_addresses_stay(cell):
    text = "To [your copy](../work/03_x_exercise.ipynb), the [glossary](../GLOSSARY.md), [here](https://x.org/a_b)."
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    made = self_contained(notebook, cell)
    assert made.cells[1].source == (
        "To your copy (`03_x_exercise.ipynb`), the glossary, [here](https://x.org/a_b)."
    )
    nbformat.validate(made)
