"""Where a learner's work lives: a folder on this computer, or in Google Drive when the course runs in Colab."""

import os
import shutil
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

from platformdirs import user_data_dir

_DRIVE = Path("/content/drive")
_FOLDER = "cbam_course"
_SAVE = (
    "save this notebook with File → Save a copy in Drive (or File → Download), because Colab deletes everything "
    "else when it disconnects."
)


def course_home() -> Path:
    """Return the folder that keeps progress: ``CBAM_COURSE_HOME`` or the user's data folder.

    Where nothing can be written there, one warning says so and a temporary folder takes its place.
    """
    wanted = os.environ.get("CBAM_COURSE_HOME") or user_data_dir("cbam-course", appauthor=False)
    home, problem = _writable(Path(wanted).expanduser())
    if problem:
        warnings.warn(problem, stacklevel=2)
    return home


@cache
def _writable(wanted: Path) -> tuple[Path, str]:
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted) as probe:
            probe.write(b"0")
        return wanted, ""
    except OSError as error:
        instead = Path(tempfile.mkdtemp(prefix="cbam-course-"))
        lost = f"progress cannot be kept in {wanted} ({error.strerror}); it goes to {instead} and may be lost"
        return instead, f"{lost}. Set CBAM_COURSE_HOME to a folder that you can write to."


def keep_work(*, drive: bool = True) -> None:
    """Keep progress and trained networks beyond a Colab session, and print one sentence that says where.

    Elsewhere nothing happens: the folder of :func:`course_home` stays. Never raises. What was done before the
    call is carried over; a folder that ``CBAM_COURSE_HOME`` names is left in charge.

    Args:
        drive: ask for the learner's Google Drive; without it, or when the learner declines, the sentence says
            how to save.
    """
    if "google.colab" not in sys.modules:  # Colab's kernel loads it at its start
        return
    if os.environ.get("CBAM_COURSE_HOME"):
        print(f"Progress and trained networks are kept in {course_home()}; this notebook itself: {_SAVE}")
        return
    problem = _move_to_drive() if drive else "Google Drive is not used"
    if problem:
        print(f"{problem}, so progress lasts as long as this session: {_SAVE}")
    else:
        print(
            f"Progress and trained networks are kept in your Google Drive, folder {_FOLDER}, and are found again "
            "after a disconnection; the notebook itself is kept by File → Save a copy in Drive."
        )


def _move_to_drive() -> str:
    """Mount the Drive and work there from now on; return what went wrong, "" for nothing."""
    try:
        if not (_DRIVE / "MyDrive").is_dir():
            from google.colab import drive

            drive.mount(str(_DRIVE))
        home = _DRIVE / "MyDrive" / _FOLDER
        home.mkdir(parents=True, exist_ok=True)
        _carry_over(course_home(), home)
    except (Exception, KeyboardInterrupt) as error:  # declined, no permission, a full Drive, stopped by hand
        reason = str(error).partition("\n")[0] or type(error).__name__
        return f"Google Drive could not be used ({reason})"
    os.environ["CBAM_COURSE_HOME"] = str(home)
    return ""


def _carry_over(old: Path, new: Path) -> None:
    """Add what this session has kept so far to the Drive; nothing that is there already is replaced."""
    for path in sorted(path for path in old.rglob("*") if path.is_file()):
        target = new / path.relative_to(old)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.copyfile(path, target)
        elif path.suffix == ".jsonl":
            _add_lines(path, target)


def _add_lines(path: Path, target: Path) -> None:
    known = target.read_bytes().splitlines()
    fresh = [line for line in path.read_bytes().splitlines() if line not in known]
    torn = known and not target.read_bytes().endswith(b"\n")
    if fresh:
        with target.open("ab") as file:
            file.write((b"\n" if torn else b"") + b"\n".join(fresh) + b"\n")


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, also when the program is killed or the disk is full.

    Args:
        path: the file; its folder is made.
        content: all of it.

    Raises:
        OSError: nothing was written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
