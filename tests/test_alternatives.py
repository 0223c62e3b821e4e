"""Text alternatives: every picture of a built notebook says in words what it shows."""

from pathlib import Path

import nbformat
import pytest
from alternatives import describe_pictures

ROOT = Path(__file__).parents[1]
BUILT = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("solutions/*.ipynb")])


def notebook(below):
    cell = nbformat.v4.new_code_cell("show()")
    cell.outputs = [nbformat.v4.new_output("display_data", data={"image/png": "iVBOR"})]
    return nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_markdown_cell(below)])


def alternative(made):
    describe_pictures(made)
    return made.cells[0].outputs[0].metadata["image/png"].get("alt")


def test_the_sentence_below_a_picture_is_its_alternative_without_markup():
    below = "*What to see: a map of `x`,\n$2 × 2$, as in [lesson 1](01.ipynb).* And more."
    assert alternative(notebook(below)) == "a map of x, 2 × 2, as in lesson 1."


def test_an_old_alternative_goes_when_the_sentence_goes():
    made = notebook("*What to see: a map.*")
    describe_pictures(made)
    made.cells[1].source = "Other words."
    assert alternative(made) is None


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.name)
def test_every_picture_has_an_alternative(path):
    outputs = [o for cell in nbformat.read(path, 4).cells for o in cell.get("outputs", [])]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    assert all(o.metadata.get("image/png", {}).get("alt") for o in pictures)
