"""Badges and an install cell for Google Colab, once the course has a public address.

The address is ``Repository`` under ``[project.urls]`` in pyproject.toml, the tag ``v`` and the version. While there
is no address, none is invented, and the notebooks are left as they are. ``tools/build_notebooks.py`` applies this to
every notebook; ``python tools/colab_links.py`` does so without executing any.
"""

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
UNSET = (
    "The course has no public address yet: set Repository under [project.urls] in pyproject.toml to where it is "
    "published, such as the address of a GitHub repository, tag the version, and run this again."
)
BADGE = "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({})"
INSTALL = """\
# In Google Colab: install the course's helper package from {tag}. Elsewhere this cell does nothing.
import sys

if "google.colab" in sys.modules:
    %pip install --quiet --no-deps {source}
    from cbam_course.storage import keep_work

    keep_work()"""


@dataclass(frozen=True)
class Published:
    """Where the course is: the address of its GitHub repository, and the tag to install from."""

    address: str
    tag: str

    @property
    def source(self) -> str:
        """What pip installs: the repository at the tag."""
        return f"git+{self.address}@{self.tag}"

    def colab(self, path: str) -> str:
        """Return the address that opens the notebook at ``path``, relative to the repository, in Colab."""
        place = self.address.removeprefix("https://github.com/")
        return f"https://colab.research.google.com/github/{place}/blob/{self.tag}/{path}"

    def badge(self, path: str) -> str:
        """Return the badge that leads there."""
        return BADGE.format(self.colab(path))


def published(pyproject: Path) -> Published | None:
    """Return where the course is published, or ``None`` while nobody has said so.

    Raises:
        ValueError: the address is none of a GitHub repository; Colab opens notebooks from there only.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "").removesuffix("/").removesuffix(".git")
    if not address:
        return None
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise ValueError(
            f"Repository is {address!r}; Colab opens notebooks from GitHub, so give https://github.com/OWNER/NAME."
        )
    return Published(address, f"v{project['version']}")


def link(notebook, path: str, place: Published | None):
    """Put the badge under the title and the install cell behind the first cell, if the course is published."""
    if place is None:
        return
    first = notebook.cells[0]
    title, newline, rest = first.source.partition("\n")
    first.source = f"{title}\n\n{place.badge(path)}{newline}{rest}"
    cell = nbformat.v4.new_code_cell(INSTALL.format(tag=place.tag, source=place.source), id="colab-install")
    notebook.cells.insert(1, cell)


def main() -> int:
    """Write the links into all notebooks, or say what to set."""
    try:
        place = published(ROOT / "pyproject.toml")
    except ValueError as error:
        print(error)
        return 2
    if place is None:
        print(UNSET)
        return 0
    build = [sys.executable, str(ROOT / "tools" / "build_notebooks.py"), "--no-execute"]
    return subprocess.run(build, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
