"""Where data comes from: folders on this computer first, then one source after the other, then a sentence."""

import os
import tarfile
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from platformdirs import user_cache_dir

from .download import fetch

T = TypeVar("T")


class DataNotFound(Exception):
    """The data could not be found or fetched; the message says what was tried and what to do."""


def data_folders() -> list[Path]:
    """Return where data is looked for: ``CBAM_COURSE_DATA``, ``data`` in the working folder, the downloads."""
    named = os.environ.get("CBAM_COURSE_DATA")
    return [*([Path(named)] if named else []), Path("data").resolve(), _downloads()]


def download_folder() -> Path:
    """Return where downloads go: ``CBAM_COURSE_DATA`` if it can be written to, else the user's cache folder."""
    named = os.environ.get("CBAM_COURSE_DATA")
    return Path(named) if named and _writable(Path(named)) else _downloads()


def _downloads() -> Path:
    # Not in course_home: in Colab that is the learner's Drive, and a download takes seconds there.
    return Path(user_cache_dir("cbam-course", appauthor=False)) / "data"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def find_folder(name: str) -> Path:
    """Return the data folder that holds ``name``.

    Args:
        name: of a folder inside it, such as ``"cifar-10-batches-py"``.

    Raises:
        FileNotFoundError: none does.
    """
    for folder in data_folders():
        if (folder / name).is_dir():
            return folder
    raise FileNotFoundError(name)


def first_of(what: str, sources: Mapping[str, Callable[[], T]], cure: str) -> T:
    """Return what the first source gives that has it; a warning says in one sentence why another one failed.

    Args:
        what: the name of the data.
        sources: their names and what to call, in order. ``FileNotFoundError`` means *not there* and is no failure.
        cure: what the learner can do when none has it; the end of a sentence.

    Raises:
        DataNotFound: no source had it.
    """
    tried = []
    for name, source in sources.items():
        try:
            return source()
        except Exception as error:  # whatever a source fails with, the next one is tried
            tried.append(f"{name} ({type(error).__name__})")
            if not isinstance(error, FileNotFoundError):
                warnings.warn(f"{what} could not be loaded from {name}: {_sentence(error)}", stacklevel=3)
    raise DataNotFound(f"{what} could not be loaded from {', '.join(tried)}: {cure}")


def _sentence(error: Exception) -> str:
    line = str(error).partition("\n")[0] or type(error).__name__
    return line if line.endswith(".") else f"{line}."


def fetch_archives(archives: Mapping[str, str], folder: str, root: Path) -> None:
    """Fetch tar archives and unpack them into ``root / folder``, which appears when all of it is there.

    Args:
        archives: address -> checksum, as in :func:`cbam_course.data.download.fetch`.
        folder: where their content goes; an archive's own top folder of this name is not repeated.
        root: a data folder.

    Raises:
        DownloadFailed: an archive could not be fetched.
        FileExistsError: the folder is there, and was of no use, or it would not be fetched.
    """
    target = root / folder
    if target.exists():
        raise FileExistsError(f"{target} is in the way and not complete; delete it, and it is fetched again.")
    files = [fetch(url, root / url.rpartition("/")[2], checksum) for url, checksum in archives.items()]
    # On the same disk, so that one rename makes the content appear whole.
    with tempfile.TemporaryDirectory(dir=root, prefix=".unpacking-", ignore_cleanup_errors=True) as place:
        unpacked = Path(place) / folder
        for file in files:
            with tarfile.open(file) as archive:
                archive.extractall(unpacked, filter="data")
        os.replace(unpacked / folder if (unpacked / folder).is_dir() else unpacked, target)
    for file in files:
        file.unlink()
