"""Where data comes from: folders on this computer first, then one source after the other, then a sentence.

A file is fetched once, whoever asks for it at the same time, resumed after a break, checked, and under its name only
when it is whole. The standard library does the transfer: CONTRIBUTING says which libraries were looked at, and what
each of them lacks.
"""

import hashlib
import io
import os
import re
import secrets
import shutil
import stat
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, Request, build_opener

from platformdirs import user_cache_dir
from tqdm.auto import tqdm

from ..storage import locked

T = TypeVar("T")
_PIECE = 1 << 16
# The server is there and asks for patience.
_BUSY = (429, 500, 502, 503, 504)


class DataNotFound(Exception):
    """The data could not be found or fetched; the message says what was tried and what to do."""


class DownloadFailed(OSError):
    """A file could not be fetched; the message is one sentence that names the server and the reason."""


class _Broken(Exception):
    """The connection failed, or the server is busy; what has arrived is good.

    Args:
        reason: in a few words.
        pause: seconds after which the server wants to be asked again, if it said so.
        there: whether the server answered at all.
    """

    def __init__(self, reason: str, pause: float | None = None, there: bool = False):
        super().__init__(reason)
        self.pause, self.there = pause, there


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


@dataclass(frozen=True)
class Patience:
    """When to give up on a server.

    Args:
        timeout: seconds without a byte.
        attempts: connections in a row that bring nothing new, at least 1; where nobody answers one is enough.
        connections: connections for one file, whatever they bring.
        pause: seconds before the second attempt, twice as many before each further one.
        longest_pause: seconds that a busy server may ask for.
        slowest: bytes per second that are still worth waiting for.
        grace: seconds after which that is judged, again and again.
        total: seconds for one file, pauses included.
    """

    timeout: float = 20.0
    attempts: int = 5
    connections: int = 60
    pause: float = 1.0
    longest_pause: float = 60.0
    slowest: float = 50_000
    grace: float = 20.0
    total: float = 2 * 60 * 60


def fetch(
    url: str,
    path: Path,
    checksum: str,
    *,
    at_most: int = 2 * 2**30,
    patience: Patience | None = None,
    progress: bool = True,
) -> Path:
    """Return ``path``, after fetching it from ``url`` unless it is there already with the right content.

    Where another program is fetching it, it is waited for. What has arrived when a download is stopped, killed or
    given up is kept beside it under a name that nobody can guess, and the next one goes on from there; nothing is
    kept of a file that turns out to be another one, or on a full disk.

    Args:
        url: http or https.
        path: where the file goes; its folder is made.
        checksum: the algorithm and the hexadecimal digest, or how the digest begins: ``"sha256:8428b53a"``.
        at_most: bytes that the file can have; a server that announces or sends more is sent away.
        patience: when to give up.
        progress: show a bar.

    Raises:
        DownloadFailed: the server does not answer, refuses, breaks off, is too slow, or sends another file.
        OSError: the file cannot be written.
    """
    if path.exists() and matches(path, checksum):
        return path
    patience = patience or Patience()
    path.parent.mkdir(parents=True, exist_ok=True)
    note = f"Another program is fetching {path.name}; waiting for it."
    with locked(path.with_name(f".{path.name}.lock"), timeout=patience.total, note=note):
        if path.exists() and matches(path, checksum):  # whoever was waited for has fetched it
            return path
        part = _claim_part(path)
        try:
            if not matches(
                part, checksum
            ):  # it does where a kernel was killed just before the file got its name
                _Transfer(url, path.name, part, at_most, patience).run(checksum, progress)
            os.replace(part, path)
        except BaseException as error:
            full_disk = isinstance(error, Exception) and not isinstance(error, DownloadFailed)
            if part.exists() and (full_disk or not part.stat().st_size):
                part.unlink()
            raise
    return path


def _claim_part(path: Path) -> Path:
    """Return a file for what arrives: one that an earlier download left, under a new name, or an empty one."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    ours = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.part|{re.escape(path.name)}\.part")
    left = [p for p in path.parent.iterdir() if ours.fullmatch(p.name) and _is_plain(p)]
    for found in sorted(left, key=lambda p: p.stat().st_size):
        os.replace(found, part)  # the largest in the end
    part.touch()
    return part


def _is_plain(path: Path) -> bool:
    """Whether this is a file of one's own: no link to somewhere else, no other name for another file."""
    found = path.lstat()
    return (
        stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == getattr(os, "getuid", int)()
    )


def matches(path: Path, checksum: str) -> bool:
    """Return whether the file has the content that was expected.

    Args:
        path: the file.
        checksum: as in :func:`fetch`.
    """
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest().startswith(expected)


def read_checked(path: Path, checksum: str) -> bytes:
    """Return the content of a file, which is the one that was expected: nobody can change it after the check.

    Args:
        path: the file.
        checksum: as in :func:`fetch`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it holds something else.
    """
    algorithm, _, expected = checksum.partition(":")
    content = path.read_bytes()
    if not hashlib.new(algorithm, content, usedforsecurity=False).hexdigest().startswith(expected):
        raise ValueError(f"{path} is damaged: its {algorithm} is not the one that was published")
    return content


class _Transfer:
    """One file on its way: as many connections as it takes, within limits."""

    def __init__(self, url: str, name: str, part: Path, at_most: int, patience: Patience):
        self.url, self.name, self.part, self.at_most, self.patience = url, name, part, at_most, patience
        self.server = urlsplit(url).netloc
        self.started = time.monotonic()
        self.opener = _opener(self._judge)
        self.since, self.received = self.started, 0

    def run(self, checksum: str, progress: bool) -> None:
        """Fetch the file into ``part``; what does not fit the checksum is thrown away."""
        with tqdm(unit="B", unit_scale=True, disable=not progress, leave=False, desc=self.name) as bar:
            resumed = self._size() > 0
            self._gather(bar)
            if not matches(self.part, checksum) and resumed:  # what an earlier download left may be at fault
                self._empty()
                self._gather(bar)
        if not matches(self.part, checksum):
            self._empty()
            raise DownloadFailed(f"{self.server} sent another file than the one that was expected.")

    def _gather(self, bar) -> None:
        left, pause = self.patience.attempts, self.patience.pause
        for _ in range(self.patience.connections):
            before = self._size()
            try:
                return self._connect(bar)
            except _Broken as reason:
                if self._size() > before:
                    left, pause = self.patience.attempts, self.patience.pause
                left -= 1
                if not left or not (reason.there or self._size()):
                    raise DownloadFailed(self._how_far(reason)) from None
                self._wait(max(pause, reason.pause or 0), reason)
                pause *= 2
        raise DownloadFailed(f"{self.server} broke off {self.patience.connections} times.")

    def _wait(self, seconds: float, reason: _Broken) -> None:
        if seconds > self.patience.longest_pause:
            raise DownloadFailed(
                f"{self.server} {reason} and wants to be asked again in {seconds:.0f} s."
            ) from None
        time.sleep(seconds)
        self._judge(0)

    def _connect(self, bar) -> None:
        start = self._size()
        headers = {"User-Agent": "cbam-course", **({"Range": f"bytes={start}-"} if start else {})}
        self.since, self.received = time.monotonic(), 0
        with self._opened(Request(self.url, headers=headers)) as response:
            if response.status != 206 or not _continues(response, start):
                start = 0  # the server sends the whole file, whatever was asked for
            announced = response.headers.get("Content-Length")
            total = start + int(announced) if (announced or "").isdigit() else None
            self._refuse_too_much(total or 0)
            bar.reset(total)
            bar.update(start)
            with self.part.open("r+b") as file:
                file.seek(start)
                file.truncate()
                for piece in self._pieces(response):
                    self._refuse_too_much(file.tell() + len(piece))
                    file.write(piece)
                    bar.update(len(piece))
        if self._size() < (total or 0):
            raise _Broken("cut the connection", there=True)

    def _opened(self, request: Request):
        try:
            with _network():
                return self.opener.open(request, timeout=self.patience.timeout)
        except HTTPError as error:
            with error:
                answer = f"answered {error.code} ({error.reason})"
                if error.code == 416:  # it ends before what is here: begin again
                    self._empty()
                    raise _Broken(answer, there=True) from None
                if error.code in _BUSY:
                    raise _Broken(answer, _retry_after(error.headers), there=True) from None
                raise DownloadFailed(f"{self.server} {answer}.") from None

    def _pieces(self, response) -> Iterator[bytes]:
        while True:
            with _network():
                # read() would wait until a piece is full, however slowly it fills.
                piece = response.read1(_PIECE)
            if not piece:
                return
            yield piece

    def _judge(self, received: int) -> None:
        """Notice, after whatever arrives, headers included, that it is too slow or takes too long."""
        now = time.monotonic()
        self.received += received
        if now - self.started > self.patience.total:
            raise DownloadFailed(f"{self.server} took longer than {self.patience.total:.0f} s.")
        seconds = now - self.since
        if seconds > self.patience.grace:
            speed = self.received / seconds
            if speed < self.patience.slowest:
                raise DownloadFailed(f"{self.server} is too slow ({speed / 1000:.0f} kB per second).")
            self.since, self.received = now, 0

    def _refuse_too_much(self, size: int) -> None:
        if size > self.at_most:
            self._empty()
            limit = self.at_most / 1e6
            raise DownloadFailed(f"{self.server} sends more than the {limit:.1f} MB that this file can have.")

    def _size(self) -> int:
        return self.part.stat().st_size

    def _empty(self) -> None:
        os.truncate(self.part, 0)

    def _how_far(self, reason: _Broken) -> str:
        size = self._size()
        if reason.there and not size:
            return f"{self.server} {reason}."
        return f"{self.server} {f'broke off after {size / 1e6:.1f} MB' if size else 'cannot be reached'} ({reason})."


def _continues(response, start: int) -> bool:
    said = response.headers.get("Content-Range")
    return said is None or said.startswith(f"bytes {start}-")


def _retry_after(headers) -> float | None:
    """Return the seconds that a busy server asks for, as a number or as a date."""
    said = (headers.get("Retry-After") or "").strip()
    if said.isascii() and said.isdigit():
        return float(said)
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


class _Watched(io.RawIOBase):
    """What comes from a socket, with a look at the clock after each read: a server can drip headers, too."""

    def __init__(self, raw, judge: Callable[[int], None]):
        self.raw, self.judge = raw, judge

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int | None:
        count = self.raw.readinto(buffer)
        self.judge(count or 0)
        return count

    def close(self) -> None:
        self.raw.close()
        super().close()


class _WatchedResponse(HTTPResponse):
    def __init__(self, sock, *arguments, judge: Callable[[int], None], **options):
        super().__init__(sock, *arguments, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_Watched(sock.makefile("rb", buffering=0), judge), _PIECE)


def _opener(judge: Callable[[int], None]):
    """Return what opens addresses as urlopen does, proxies and redirections included, and watches what comes."""

    def watched(kind):
        def connection(host, **options):
            made = kind(host, **options)
            made.response_class = partial(_WatchedResponse, judge=judge)
            return made

        return connection

    class Plain(HTTPHandler):
        def http_open(self, request):
            return self.do_open(watched(HTTPConnection), request)

    class Secure(HTTPSHandler):
        def https_open(self, request):
            return self.do_open(watched(HTTPSConnection), request)

    return build_opener(Plain, Secure)


@contextmanager
def _network() -> Iterator[None]:
    """Tell the network's failures from the disk's: both are OSError."""
    try:
        yield
    except (HTTPError, DownloadFailed):
        raise
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, DownloadFailed):
            raise reason from None
        words = " ".join(str(reason).split())  # what a server says is no sentence of ours
        raise _Broken(words or type(error).__name__) from None


def fetch_archives(archives: Mapping[str, tuple[str, int]], folder: str, root: Path) -> None:
    """Fetch tar archives and unpack them into ``root / folder``, which appears when all of it is there.

    Args:
        archives: address -> checksum and number of bytes at most, as in :func:`fetch`.
        folder: where their content goes; an archive's own top folder of this name is not repeated. If it is
            there, whatever it holds, nothing is fetched.
        root: a data folder.

    Raises:
        DownloadFailed: an archive could not be fetched.
    """
    target = root / folder
    root.mkdir(parents=True, exist_ok=True)
    note = f"Another program is fetching {folder}; waiting for it."
    with locked(root / f".{folder}.lock", timeout=Patience().total * len(archives), note=note):
        if target.exists():
            return
        for left in (*root.glob(f".{folder}-unpacking-*"), *root.glob(".unpacking-*")):  # by a killed program
            shutil.rmtree(left, ignore_errors=True)
        files = [
            fetch(url, root / url.rpartition("/")[2], checksum, at_most=at_most)
            for url, (checksum, at_most) in archives.items()
        ]
        # On the same disk, so that one rename makes the content appear whole.
        with tempfile.TemporaryDirectory(dir=root, prefix=f".{folder}-unpacking-") as place:
            unpacked = Path(place) / folder
            for file in files:
                unpack(file, unpacked)
            os.replace(unpacked / folder if (unpacked / folder).is_dir() else unpacked, target)
        for file in files:
            file.unlink()


def unpack(file: Path, folder: Path) -> None:
    """Unpack the files of a tar archive, and nothing else: no links, no devices, nothing outside the folder.

    Python before 3.11.4 cannot be asked for that (``extractall(filter="data")``).

    Args:
        file: the archive.
        folder: where its files go; it is made.

    Raises:
        tarfile.TarError: it is no archive, or one of its files would lie outside the folder.
    """
    inside = folder.resolve()
    with tarfile.open(file) as archive:
        for member in archive:
            if not member.isfile():
                continue
            target = (inside / member.name).resolve()
            if not target.is_relative_to(inside):
                raise tarfile.ReadError(f"{file.name} holds {member.name!r}, which lies outside its folder")
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.extractfile(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out)
