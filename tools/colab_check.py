"""Execute each self-contained notebook alone in an empty folder, with Colab's Python and Colab's versions.

    python tools/colab_check.py              # all notebooks; writes results/colab.csv
    python tools/colab_check.py --only 03    # some of them; writes nothing

The environment is built once, in build/colab-env (several minutes, a few gigabytes), and again when
tools/colab_versions.toml changes. The kernels reach no network: what a notebook needs, it carries.
"""

import argparse
import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from datetime import date
from pathlib import Path

from build_colab import build
from colab_versions import FILE, known

from cbam_course.measure import Measurement, measure

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "build" / "colab-env"
OFFLINE = ROOT / "tests" / "offline.py"


def find_python(version: str) -> str:
    """Return a Python of this version, on the path or among pyenv's, else the one that runs this."""
    found = shutil.which(f"python{version}")
    pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
        return found
    return str(pyenv[-1]) if pyenv else sys.executable


def environment(folder: Path) -> Path:
    """Build the environment, if it is not there yet, and return its Python."""
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp, wanted = folder / "versions.sha256", hashlib.sha256(FILE.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([find_python(known()["python"]), "-m", "venv", str(folder)], check=True)
    pins = [f"{name}=={version}" for name, version in known()["packages"].items()]
    # A computer may cap versions in pip's configuration; here exactly these are asked for.
    env = {**os.environ, "PIP_CONFIG_FILE": os.devnull}
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *pins, "nbclient"], check=True, env=env)
    stamp.write_text(wanted)
    return python


def run_alone(notebook: Path, python: Path) -> Measurement:
    """Execute a copy of the notebook in an empty folder; the package must come out of its first cell."""
    uninstall = [str(python), "-m", "pip", "uninstall", "--quiet", "--yes", "cbam-course"]
    subprocess.run(uninstall, check=True, capture_output=True)
    with tempfile.TemporaryDirectory() as empty, tempfile.TemporaryDirectory() as ipython:
        startup = Path(ipython) / "profile_default" / "startup"
        startup.mkdir(parents=True)
        shutil.copy(OFFLINE, startup / "00_offline.py")
        copy = Path(shutil.copy(notebook, empty))
        strict = {"CBAM_COURSE_STRICT": "1"} if copy.stem.endswith("_solution") else {}
        env = {"IPYTHONDIR": ipython, "CBAM_COURSE_DATA": "", "PYTHONPATH": "", **strict}
        return measure(copy, root=Path(empty), python=str(python), env=env)


def main() -> int:
    """Check the notebooks and return 1 if one of them stopped with an error."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="notebooks whose name begins so, for example 03")
    options = parser.parse_args()
    python = environment(ENVIRONMENT)
    made_with = _versions(python)
    rows = []
    for notebook in build(ROOT, ROOT / "build" / "colab"):
        if notebook.name.startswith(options.only):
            rows.append(run_alone(notebook, python))
            state = "ok" if rows[-1].finished else "stopped with an error"
            print(f"{notebook.name}: {state}, {rows[-1].seconds} s, {rows[-1].peak_gib} GiB", flush=True)
    if not options.only:
        with (ROOT / "results" / "colab.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, [*asdict(rows[0]), *made_with], lineterminator="\n")
            writer.writeheader()
            writer.writerows({**asdict(row), **made_with} for row in rows)
    return int(not all(row.finished for row in rows))


def _versions(python: Path) -> dict[str, str]:
    code = "import platform, torch, IPython; print(platform.python_version(), torch.__version__, IPython.__version__)"
    found = subprocess.run(
        [str(python), "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    pythons, torch, ipython = (re.sub(r"\+.*", "", word) for word in found)
    today = date.today().isoformat()
    return {"python": pythons, "torch": torch, "ipython": ipython, "device": "cpu", "date": today}


if __name__ == "__main__":
    raise SystemExit(main())
