"""Where a learner's work lives: a folder on this computer, or in Google Drive when the course runs in Colab.

Also how a file is written whole or not at all: whatever the course keeps is written by :func:`write_whole` or
:func:`write_new`.
"""

import errno
import os
import re
import secrets
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from platformdirs import user_data_dir

_DRIVE = Path("/content/drive")
_FOLDER = "cbam_course"
_SAVE = (
    "save this notebook with File → Save a copy in Drive (or File → Download), because Colab deletes everything "
    "else when it disconnects."
)
# The process that writes, so that others can tell a file in the making from one that a killed process left.
_TEMPORARY = re.compile(r"\.(.+)\.(\d+)(-[0-9a-f]+)?\.tmp")
_DAY = 24 * 60 * 60


def course_home() -> Path:
    """Return the folder that keeps progress and trained networks: ``CBAM_COURSE_HOME`` or the user's data folder.

    It is made if need be, and a relative one is made absolute for the whole session. A folder that is there is
    returned even if it cannot be written to: what it keeps can still be read. Where there is none and none can be
    made, one warning says so and a temporary folder takes its place. Never raises.
    """
    named = os.environ.get("CBAM_COURSE_HOME", "")
    wanted = named
    try:
        wanted = named or user_data_dir("cbam-course", appauthor=False)
        home = _absolute(wanted)
        home.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError, KeyError, ValueError) as error:  # a file in the way, no such user, no HOME
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        instead = _temporary_home(wanted)
        lost = f"progress cannot be kept in {wanted} ({reason}); it goes to {instead} and may be lost"
        warnings.warn(f"{lost}. Set CBAM_COURSE_HOME to a folder that you can write to.", stacklevel=2)
        return instead
    if named and str(home) != named:
        # Once for all: a later change of the working folder must not change where the work is.
        os.environ["CBAM_COURSE_HOME"] = str(home)
    return home


def _absolute(wanted: str) -> Path:
    home = Path(wanted).expanduser()
    if home.parts[:1] and home.parts[0].startswith("~"):  # platformdirs leaves it so where nobody has a home
        raise RuntimeError("the home folder is not known")
    return home.absolute()


@cache
def _temporary_home(wanted: str) -> Path:
    """Return the same folder whenever the same one is wanted."""
    try:
        return Path(tempfile.mkdtemp(prefix="cbam-course-"))
    except OSError:  # nothing can be written anywhere; each writer says so
        return Path(os.devnull, "cbam-course")


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
        if not target.exists():
            write_new(target, path.read_bytes())
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

    What a killed program left of an earlier try is cleared away.

    Args:
        path: the file; its folder is made. What has this name is replaced; a link is, too, and not followed.
        content: all of it.

    Raises:
        OSError: nothing was written.
    """
    with _temporary_file(path, content) as temporary:
        os.replace(temporary, path)


def write_new(path: Path, content: bytes, *, aside: Path | None = None) -> None:
    """Write a file whole to a name that nothing has, however late somebody else takes it.

    Args:
        path: the file; its folder is made.
        content: all of it.
        aside: a name in the same folder that nothing has. What lies at ``path`` is moved there at the last moment,
            with everything that was saved to it until then; what is saved to ``path`` after that stays there.

    Raises:
        FileExistsError: something has the name; it is as it was.
        OSError: nothing was written. With ``aside``, what lay at ``path`` may be there.
    """
    with _temporary_file(path, content) as temporary:
        if aside is not None:
            with suppress(FileNotFoundError):
                os.rename(path, aside)
        rename_new(temporary, path)


def rename_new(old: Path, new: Path) -> None:
    """Rename a file, and never onto another one.

    Args:
        old: the file; nobody else writes to it.
        new: its new name.

    Raises:
        FileExistsError: something has the new name.
        OSError: the file could not be renamed.
    """
    try:
        os.link(old, new, follow_symlinks=False)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError):  # a disk without hard links: Google Drive, a memory stick
        if os.path.lexists(new):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(new)) from None
        os.rename(old, new)
    else:
        with suppress(OSError):  # it has its name; the old one, should it stay, is cleared the next time
            os.unlink(old)


@contextmanager
def _temporary_file(path: Path, content: bytes) -> Iterator[Path]:
    """Write the content beside ``path`` under a name that nobody can guess, and take it away in the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(path.parent, path.name)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(8)}.tmp")
    # O_EXCL: never a file or a link that is there already.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with open(os.open(temporary, flags, _permissions(path)), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _permissions(path: Path) -> int:
    """What was private stays private."""
    try:
        return path.stat().st_mode & 0o666
    except OSError:
        return 0o666


def clear_leftovers(folder: Path, name: str | None = None) -> None:
    """Delete temporary files whose program was killed while it wrote them.

    Args:
        folder: where to look.
        name: of the file that was being written; any file if left out.
    """
    for path in folder.glob(".*.tmp"):
        found = _TEMPORARY.fullmatch(path.name)
        if found and name in (None, found[1]):
            with suppress(OSError):
                if not _running(int(found[2])) or time.time() - path.lstat().st_mtime > _DAY:
                    path.unlink()


def _running(process: int) -> bool:
    import psutil

    return psutil.pid_exists(process)


@contextmanager
def locked(path: Path, *, timeout: float, note: str = "") -> Iterator[None]:
    """Let one program at a time go on; the others wait until it is done or has ended.

    Args:
        path: a file that stands for what is locked; it is made and taken away. Its folder is there. Where no lock
            can be had, on a disk that cannot be written to or knows none, nobody waits.
        timeout: seconds to wait at most.
        note: printed when there is somebody to wait for.

    Raises:
        TimeoutError: the other one is still at it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if note:
                print(note)
            lock.acquire(timeout=timeout)
    except Timeout:
        raise TimeoutError(f"another program has held {path} for {timeout:.0f} s") from None
    except (OSError, NotImplementedError):
        lock = None
    try:
        yield
    finally:
        if lock is not None:
            try:
                with suppress(OSError):  # still held; Windows deletes it when it is released
                    path.unlink(missing_ok=True)
            finally:
                lock.release()
