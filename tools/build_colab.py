"""Write build/colab/*.ipynb: notebooks that carry the helper package in their first cell.

Such a notebook works in Google Colab through *File → Upload notebook*, with no repository and no network of its own.
"""

import base64
import hashlib
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("notebooks", "exercises", "solutions")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#)([^)\s]+)\)")
CELL = '''\
# @title Run this cell first: it installs the course's helper package, which it carries
# Nothing is downloaded, and torch, numpy and ipywidgets are left as they are.
def install_cbam_course(name="{name}", sha256="{sha256}", carried="""
{content}
"""):
    import base64
    import hashlib
    import subprocess
    import sys
    import tempfile
    from importlib import metadata
    from pathlib import Path

    try:  # what pip noted where the package came from
        installed = metadata.distribution("cbam-course").read_text("direct_url.json") or ""
    except metadata.PackageNotFoundError:
        installed = ""
    # A checkout that somebody works in is left alone.
    if sha256 in installed or '"editable": true' in installed:
        return
    try:
        wheel = base64.b64decode(carried)
    except ValueError:
        wheel = b""
    if hashlib.sha256(wheel).hexdigest() != sha256:
        sys.exit("The package that this notebook carries is damaged: nothing was installed. Get the notebook again.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(wheel)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        pip += ["--no-index", "--no-deps", "--force-reinstall", str(file)]
        done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"The package that this notebook carries could not be installed: {{done.stderr.strip()}}")


try:
    install_cbam_course()
finally:
    del install_cbam_course

__import__("cbam_course.storage").storage.keep_work()'''


def build_wheel(root: Path, folder: Path) -> Path:
    """Build the package's wheel into a folder, without a network."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(root)], check=True
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def first_cell(wheel: Path):
    """Return the cell that carries and installs a wheel, folded in Colab and in JupyterLab."""
    content = wheel.read_bytes()
    lines = textwrap.wrap(base64.b64encode(content).decode(), 4000)
    source = CELL.format(
        name=wheel.name, sha256=hashlib.sha256(content).hexdigest(), content="\n".join(lines)
    )
    folded = {"cellView": "form", "jupyter": {"source_hidden": True}}
    return nbformat.v4.new_code_cell(source, metadata=folded, id="cbam-course")


def self_contained(notebook, cell):
    """Put the cell in front, and turn links to other files of the course into words: they lead nowhere in Colab."""
    for text in (c for c in notebook.cells if c.cell_type == "markdown"):
        text.source = LINK.sub(_words, text.source)
    notebook.cells.insert(0, cell)
    return notebook


def _words(link: re.Match) -> str:
    file = link[2].rpartition("/")[2]
    return f"{link[1]} (`{file}`)" if file.endswith(".ipynb") else link[1]


def build(root: Path, out: Path) -> list[Path]:
    """Write all notebooks of the course, self-contained, into a folder, and return their paths."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        cell = first_cell(build_wheel(root, Path(folder)))
    written = []
    for path in (p for folder in FOLDERS for p in sorted((root / folder).glob("*.ipynb"))):
        made = self_contained(nbformat.read(path, as_version=4), nbformat.from_dict(cell))
        target = out / path.name
        target.write_text(nbformat.writes(made) + "\n", encoding="utf-8", newline="\n")
        written.append(target)
    return written


def main() -> None:
    """Build, and say where the notebooks are and how large."""
    out = ROOT / "build" / "colab"
    for path in build(ROOT, out):
        print(f"{path.relative_to(ROOT).as_posix()}  {path.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
