"""Give every picture in a notebook its text alternative: the sentence below it that says what to see."""

import re

SEES = re.compile(r"\*What to see: (.+?)\*(?=\s|\Z)", re.DOTALL)
MARKUP = re.compile(r"[*`$]|\[([^\]]+)\]\([^)]*\)")


def describe_pictures(notebook):
    """Set ``alt`` in the metadata of each PNG that a cell shows; a page made by nbconvert reads it out."""
    for cell, below in zip(notebook.cells, [*notebook.cells[1:], None], strict=True):
        pictures = [output for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
        found = SEES.match(below.source) if pictures and below and below.cell_type == "markdown" else None
        for output in pictures:
            picture = output.setdefault("metadata", {}).setdefault("image/png", {})
            picture.pop("alt", None)
            if found:
                picture["alt"] = " ".join(MARKUP.sub(r"\1", found[1]).split())
