"""The built notebooks: they are what their sources say, they ran to the end, and nothing stray was saved."""

import re
from pathlib import Path

import build_notebooks
import nbformat
import pytest

ROOT = Path(__file__).parent.parent
TARGETS = {f"{t.path.parent.name}/{t.path.name}": t for t in build_notebooks.targets(ROOT)}
BUILT = sorted(
    f"{folder}/{path.name}"
    for folder in ("notebooks", "exercises", "solutions")
    for path in (ROOT / folder).glob("*.ipynb")
)
EXECUTED = [name for name in BUILT if not name.startswith("exercises/")]


def read(name):
    return nbformat.read(ROOT / name, as_version=4)


def code_cells(name):
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def outputs(name):
    return [output for cell in code_cells(name) for output in cell.outputs]


def test_every_source_is_built_and_every_notebook_has_a_source():
    assert sorted(TARGETS) == BUILT, "run `make notebooks`; delete what has no source any more"


@pytest.mark.parametrize("name", BUILT)
def test_cells_are_those_of_the_source(name):
    def cells(notebook):
        return [(cell.id, cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]

    assert cells(read(name)) == cells(TARGETS[name].notebook), "run `make notebooks`"


@pytest.mark.parametrize("name", BUILT)
def test_the_file_is_valid_and_its_metadata_are_the_same_on_every_machine(name):
    notebook = read(name)
    nbformat.validate(notebook)
    notebook.metadata.pop("cbam_course", None)
    assert notebook.metadata == build_notebooks.METADATA


def test_every_executed_notebook_is_as_new_as_its_code_its_modules_and_its_tables():
    hashes = {name: build_notebooks.inputs_hash(TARGETS[name], ROOT) for name in EXECUTED}
    old = [name for name, current in hashes.items() if build_notebooks.recorded_hash(read(name)) != current]
    assert not old, "run `make notebooks`: something that these outputs were made from has changed since"


@pytest.mark.parametrize("name", EXECUTED)
def test_every_code_cell_ran_in_order_without_an_error(name):
    counts = [cell.execution_count for cell in code_cells(name)]
    assert counts == list(range(1, len(counts) + 1)), "run `make notebooks`"
    assert not [output for output in outputs(name) if output.output_type == "error"]


@pytest.mark.parametrize("name", [name for name in BUILT if name.startswith("exercises/")])
def test_an_exercise_holds_no_outputs_and_no_solution(name):
    assert not outputs(name)
    assert all(cell.execution_count is None for cell in code_cells(name))
    assert "SOLUTION" not in "".join(cell.source for cell in code_cells(name))


@pytest.mark.parametrize("name", EXECUTED)
def test_no_widget_state_and_no_timing_is_saved(name):
    assert "widget" not in str(outputs(name))
    assert "iopub" not in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", EXECUTED)
def test_no_output_shows_a_path_of_a_machine(name):
    shown = "".join(str({**output, "data": _without_images(output)}) for output in outputs(name))
    found = re.findall(r"/home/\w+|/root\b|/Users/\w+|/tmp/\w+|[A-Z]:\\\\\w+|ipykernel_\d+|\.venv", shown)
    assert not found


def _without_images(output):
    return {kind: data for kind, data in output.get("data", {}).items() if not kind.startswith("image/")}


@pytest.mark.parametrize("name", EXECUTED)
def test_a_cell_whose_output_is_compared_has_an_output(name):
    """Nbval compares nothing where nothing was saved, so that a tag alone would prove nothing."""
    for cell in code_cells(name):
        if "nbval-check-output" in cell.metadata.get("tags", []):
            assert cell.execution_count, cell.source
            assert cell.outputs, cell.source


@pytest.mark.parametrize("name", EXECUTED)
def test_no_warning_was_left_in_an_output(name):
    shown = [output.text for output in outputs(name) if output.get("name") == "stderr"]
    assert not [text for text in shown if "Warning" in text]
