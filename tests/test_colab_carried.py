"""Self-contained notebooks: the first cell really installs the package, once, and leaves a checkout alone."""

import json
import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import nbformat
import pytest
from build_colab import build_wheel, first_cell, self_contained

ROOT = Path(__file__).parents[1]
IMPORT = "import cbam_course; print(cbam_course.__file__, cbam_course.__version__)"


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
    code = cell.source.replace("from cbam_course.storage import keep_work", "keep_work = print")
    first = run(python, code, tmp_path)
    assert first.returncode == 0, first.stderr
    found = run(python, IMPORT, tmp_path).stdout
    assert str(python.parent.parent) in found
    package = Path(found.split()[0]).parent
    assert (package / "results" / "where.csv").exists()
    assert (package / "networks" / "weights" / "resnet20_cifar10.safetensors").exists()
    (package / "__init__.py").write_text("__file__, __version__ = 'kept', ''\n")
    assert run(python, code, tmp_path).returncode == 0
    assert run(python, "import cbam_course; print(cbam_course.__file__)", tmp_path).stdout.strip() == "kept"
    other = re.sub(r'"[0-9a-f]{64}"', f'"{"0" * 64}"', code)
    assert run(python, other, tmp_path).returncode == 0
    assert "kept" not in run(python, IMPORT, tmp_path).stdout


def test_a_checkout_that_somebody_works_in_is_left_alone(cell, tmp_path):
    note = {"url": "file:///course", "dir_info": {"editable": True}}
    metadata = tmp_path / "cbam_course-9.9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cbam-course\nVersion: 9.9\n")
    (metadata / "direct_url.json").write_text(json.dumps(note))
    broken = re.sub(r'WHEEL = """.*?"""', 'WHEEL = "not a wheel"', cell.source, flags=re.DOTALL)
    done = run(sys.executable, broken, tmp_path, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr


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
