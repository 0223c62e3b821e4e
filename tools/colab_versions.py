"""Compare the versions that we test against with those that Colab has now.

    python tools/colab_versions.py                  # asks for the newest list
    python tools/colab_versions.py pip-freeze.txt   # reads a copy of it

Exit status 0: they agree. 1: they differ; colab_versions.toml needs new numbers and a new date.
"""

import sys
import tomllib
import urllib.request
from pathlib import Path

from packaging.utils import canonicalize_name

FILE = Path(__file__).with_name("colab_versions.toml")


def known(file: Path = FILE) -> dict:
    """Return the dated list: date, source, list, python and packages."""
    return tomllib.loads(file.read_text(encoding="utf-8"))


def frozen(text: str) -> dict[str, str]:
    """Read the output of ``pip freeze``: canonical name -> version, without local parts such as ``+cu128``."""
    pairs = (line.split("==") for line in text.splitlines() if line.count("==") == 1)
    return {canonicalize_name(name.strip()): version.strip().partition("+")[0] for name, version in pairs}


def differences(ours: dict[str, str], theirs: dict[str, str]) -> list[str]:
    """Return one sentence for each package whose version is another one, or that is gone."""
    changed = []
    for name, version in ours.items():
        now = theirs.get(canonicalize_name(name))
        if now is None:
            changed.append(f"{name}: we test {version}, and Colab's list does not have it.")
        elif now != version:
            changed.append(f"{name}: we test {version}, Colab has {now}.")
    return changed


def main(argv: list[str]) -> int:
    """Print what differs and return the exit status."""
    listed = known()
    if argv:
        text = Path(argv[0]).read_text(encoding="utf-8")
    else:
        with urllib.request.urlopen(listed["list"], timeout=60) as answer:
            text = answer.read().decode()
    found = differences(listed["packages"], frozen(text))
    print("\n".join(found) or f"Colab's versions are those of {listed['date']}.")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
