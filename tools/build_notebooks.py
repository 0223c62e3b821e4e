"""Build notebooks/, exercises/ and solutions/ from the sources in authoring/.

``python tools/build_notebooks.py`` executes the notebooks whose source, package or results changed.
``--only 03`` builds one lesson, ``--all`` executes everything, ``--no-execute`` keeps the outputs there are.
It also writes the numbers in README's table, and authoring/built.sha256.
"""

import argparse
import hashlib
import os
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jupytext
import nbformat
from alternatives import describe_pictures
from blanker import blank
from colab_links import link, published
from navigation import add_navigation, with_numbers
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
METADATA = {
    "accelerator": "GPU",
    "colab": {"gpuType": "T4", "provenance": []},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    # No patch version: it would change on every machine.
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
# Tables about the notebooks: no notebook reads them.
MEASURED = ("notebooks.csv", "colab.csv")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CELL_FILE = re.compile(r"[^\s\"'\\]*ipykernel_\d+[\\/]+\d+\.py(:\d+)?")
WIDGET = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Target:
    """One notebook to build: where it goes, its cells, and whether it runs (strictly, for a solution)."""

    path: Path
    notebook: nbformat.NotebookNode
    executed: bool
    strict: bool = False


def targets(root, only=""):
    """Return the notebooks that the sources in root/authoring ask for, in order, without outputs."""
    found, place = [], _published(root)
    for path in sorted((root / "authoring").glob(f"{only}*.py")):
        cells = add_navigation(jupytext.read(path, fmt="py:percent").cells, path.stem, root, place)
        if path.stem.endswith("_exercise"):
            found += _exercise(root, path.stem, cells)
        else:
            found.append(Target(root / "notebooks" / f"{path.stem}.ipynb", _notebook(cells), executed=True))
    for target in found:
        link(target.notebook, target.path.relative_to(root).as_posix(), place)
    return found


def _published(root):
    pyproject = root / "pyproject.toml"
    return published(pyproject) if pyproject.exists() else None


def _exercise(root, stem, cells):
    blanked = _notebook([{**cell, "source": blank(cell.source)} for cell in cells])
    yield Target(root / "exercises" / f"{stem}.ipynb", blanked, executed=False)
    link = f"These are the answers to [the exercise](../exercises/{stem}.ipynb). Try it first."
    title = re.sub(r"\A# (.+)", rf"# \1 · solution\n\n{link}", cells[0].source)
    solved = _notebook([{**cells[0], "source": title}, *cells[1:]])
    name = stem.replace("_exercise", "_solution")
    yield Target(root / "solutions" / f"{name}.ipynb", solved, executed=True, strict=True)


def _notebook(cells):
    notebook = nbformat.v4.new_notebook(metadata=METADATA)
    seen = Counter()
    for cell in cells:
        kind, source = cell["cell_type"], cell["source"]
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        seen[kind, source] += 1
        notebook.cells.append(make(source, id=_cell_id(kind, source, seen), metadata=cell["metadata"]))
    return notebook


def _cell_id(kind, source, seen):
    # The same cell keeps its id wherever it stands; the count keeps twins apart.
    return hashlib.sha256(f"{kind}\n{seen[kind, source]}\n{source}".encode()).hexdigest()[:12]


def fingerprint(target, root):
    """Return a hash of what a notebook's outputs depend on: its cells, the package and the results."""
    digest = hashlib.sha256("\n".join(cell.source for cell in target.notebook.cells).encode())
    for pattern in ("cbam_course/**/*.py", "cbam_course/**/*.toml", "results/**/*.csv"):
        for path in sorted(set(root.glob(pattern)) - {root / "results" / name for name in MEASURED}):
            # Line ends differ between checkouts; what they mean does not.
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def execute(target, root):
    """Run a notebook in its own kernel, with progress in a temporary folder, and clean its outputs."""
    client = NotebookClient(
        target.notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(target.path.parent)}},
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        store_widget_state=False,
        coalesce_streams=True,
    )
    with tempfile.TemporaryDirectory() as home:
        course = {"CBAM_COURSE_HOME": home, "CBAM_COURSE_STRICT": "1" if target.strict else ""}
        client.execute(env={**os.environ, **course, "PYTHONHASHSEED": "0"})
    target.notebook.metadata = nbformat.from_dict(METADATA)  # nbclient adds the exact Python version
    for number, cell in enumerate(target.notebook.cells):
        if cell.cell_type == "code":
            # A widget without a kernel is a blank line for the reader.
            kept = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
            cell.outputs = [_clean(output, home) for output in kept]
            _refuse_machine_paths(f"{target.path.name}, cell {number}", cell.outputs, root)


def _clean(value, home):
    if isinstance(value, str):
        value = value.replace(home, "~/cbam-course")
        # Asked first: on a picture, one long word, the expression alone would take minutes.
        return CELL_FILE.sub("<cell>", value) if "ipykernel_" in value else value
    if isinstance(value, dict):
        return nbformat.from_dict({key: _clean(part, home) for key, part in value.items()})
    return [_clean(part, home) for part in value] if isinstance(value, list) else value


def _refuse_machine_paths(place, outputs, root):
    for path in {str(root), sys.prefix, str(Path.home()), os.environ.get("CBAM_COURSE_DATA", "")} - {"", "/"}:
        if path in str(outputs):
            raise SystemExit(f"{place}: an output shows the path {path}, which only this computer has.")


def build(target, root, *, run=True, force=False):
    """Write one notebook if it changed and return what was done: "up to date", "written" or "executed"."""
    old = nbformat.read(target.path, as_version=4) if target.path.exists() else None
    _keep_outputs(target.notebook, old)
    current = fingerprint(target, root)
    stale = old is None or old.metadata.get("cbam_course", {}).get("built_from") != current
    executes = target.executed and run and (force or stale)
    target.path.parent.mkdir(exist_ok=True)
    if executes:
        execute(target, root)
    describe_pictures(target.notebook)
    if executes or (target.executed and not stale):
        target.notebook.metadata["cbam_course"] = {"built_from": current}
    return _write(target, "executed" if executes else "written")


def _keep_outputs(notebook, old):
    known = {cell.id: cell for cell in old.cells if cell.cell_type == "code"} if old else {}
    for cell in notebook.cells:
        if cell.id in known:
            cell.outputs, cell.execution_count = known[cell.id].outputs, known[cell.id].execution_count


def _write(target, done):
    nbformat.validate(target.notebook)
    changed = _write_text(target.path, nbformat.writes(target.notebook) + "\n")
    return done if changed or done == "executed" else "up to date"


def _write_text(path, text):
    """Write a file whole if it changed, and return whether it did."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)
    return True


def digests(root, built=()):
    """Return the text of authoring/built.sha256: a line for each notebook as the build left it.

    ``python -m cbam_course lab`` tells by it which notebooks are as the course made them.

    Args:
        root: the folder that holds authoring/.
        built: paths of the notebooks that were written just now; the lines of the others stay as they are.
    """
    path = root / "authoring" / "built.sha256"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    known = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    for notebook in built:
        content = notebook.read_bytes().replace(b"\r\n", b"\n")
        known[notebook.relative_to(root).as_posix()] = hashlib.sha256(content).hexdigest()
    return "".join(f"{known[name]}  {name}\n" for name in sorted(known) if (root / name).exists())


def main(argv=None):
    """Build what the command line asks for; stop at the first cell that fails, naming notebook and cell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="build the sources whose name begins so, for example 03")
    parser.add_argument("--all", action="store_true", help="execute notebooks that are up to date, too")
    parser.add_argument("--no-execute", action="store_true", help="write cells, keep their outputs")
    parser.add_argument("--root", type=Path, default=ROOT, help="the folder that holds authoring/")
    options = parser.parse_args(argv)
    root = options.root.resolve()
    wanted = targets(root, options.only)
    if not wanted:
        raise SystemExit(f"no file authoring/{options.only}*.py in {root}")
    for target in wanted:
        start = time.perf_counter()
        try:
            done = build(target, root, run=not options.no_execute, force=options.all)
        except CellExecutionError as error:
            raise SystemExit(_where(target, error)) from None
        print(f"{target.path.relative_to(root)}: {done} ({time.perf_counter() - start:.0f} s)", flush=True)
        _write_text(root / "authoring" / "built.sha256", digests(root, [target.path]))
    if (root / "README.md").exists():
        _write_text(root / "README.md", with_numbers(root))


def _where(target, error):
    failed = [n for n, cell in enumerate(target.notebook.cells) if _has_error(cell)]
    return f"{target.path.name}, cell {failed[-1] if failed else '?'} raised:\n{COLOUR.sub('', str(error))}"


def _has_error(cell):
    return any(output.output_type == "error" for output in cell.get("outputs", []))


if __name__ == "__main__":
    main()
