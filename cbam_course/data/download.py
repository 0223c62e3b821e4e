"""Fetch one file: resumed after a break, checked, and under its name only when it is whole.

The standard library does the transfer: torch and torchvision neither resume nor give up on a silent server,
huggingface_hub begins again in each call and does not compare the content with a hash.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tqdm.auto import tqdm

_PIECE = 1 << 16


class DownloadFailed(OSError):
    """A file could not be fetched; the message is one sentence that names the server and the reason."""


class _Broken(Exception):
    """The connection failed; what has arrived is good."""


@dataclass(frozen=True)
class Patience:
    """When to give up on a server.

    Args:
        timeout: seconds without a byte.
        attempts: connections in a row that bring nothing new, at least 1; before the first byte one is enough.
        pause: seconds before the second attempt, twice as many before each further one.
        slowest: bytes per second, on average, that are still worth waiting for.
        grace: seconds before the average is judged.
    """

    timeout: float = 20.0
    attempts: int = 5
    pause: float = 1.0
    slowest: float = 50_000
    grace: float = 20.0


def fetch(
    url: str, path: Path, checksum: str, *, patience: Patience | None = None, progress: bool = True
) -> Path:
    """Return ``path``, after fetching it from ``url`` unless it is there already with the right content.

    While it arrives the file is called ``NAME.part``. A run that is stopped or killed leaves that behind, and the
    next one goes on from there; a download that fails leaves nothing.

    Args:
        url: http or https.
        path: where the file goes; its folder is made.
        checksum: the algorithm and the hexadecimal digest, or how the digest begins: ``"sha256:8428b53a"``.
        patience: when to give up.
        progress: show a bar.

    Raises:
        DownloadFailed: the server does not answer, refuses, breaks off, is too slow, or sends another file.
        OSError: the file cannot be written.
    """
    if path.exists() and matches(path, checksum):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        if not (part.exists() and matches(part, checksum)):  # killed just before it got its name
            _Transfer(url, part, patience or Patience()).run(progress)
        if not matches(part, checksum):
            raise DownloadFailed(f"{urlsplit(url).netloc} sent another file than the one that was expected.")
        os.replace(part, path)
    except Exception:
        part.unlink(missing_ok=True)
        raise
    return path


def matches(path: Path, checksum: str) -> bool:
    """Return whether the file has the content that was expected.

    Args:
        path: the file.
        checksum: as in :func:`fetch`.
    """
    algorithm, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest().startswith(expected)


class _Transfer:
    """One file on its way: as many connections as it takes."""

    def __init__(self, url: str, part: Path, patience: Patience):
        self.url, self.part, self.patience = url, part, patience
        self.server = urlsplit(url).netloc
        self.started, self.received = time.monotonic(), 0

    def run(self, progress: bool) -> None:
        with tqdm(unit="B", unit_scale=True, disable=not progress, leave=False, desc=self.part.stem) as bar:
            left, pause = self.patience.attempts, self.patience.pause
            while True:
                before = self.received
                try:
                    return self._connect(bar)
                except _Broken as reason:
                    if self.received > before:
                        left, pause = self.patience.attempts, self.patience.pause
                    left -= 1
                    if not left or not self._there():
                        raise DownloadFailed(f"{self.server} {self._how_far()} ({reason}).") from None
                time.sleep(pause)
                pause *= 2

    def _connect(self, bar) -> None:
        start = self._there()
        headers = {"User-Agent": "cbam-course", **({"Range": f"bytes={start}-"} if start else {})}
        with self._opened(Request(self.url, headers=headers)) as response:
            if response.status != 206:  # the server sends the whole file, whatever was asked for
                start = 0
            total = start + int(response.headers.get("Content-Length") or 0)
            bar.reset(total)
            bar.update(start)
            with self.part.open("r+b" if start else "wb") as file:
                file.seek(start)
                for piece in self._pieces(response):
                    file.write(piece)
                    bar.update(len(piece))
        if self._there() < total:
            raise _Broken("the connection was cut")

    def _opened(self, request: Request):
        try:
            with _network():
                return urlopen(request, timeout=self.patience.timeout)
        except HTTPError as error:
            with error:
                raise DownloadFailed(f"{self.server} answered {error.code} ({error.reason}).") from None

    def _pieces(self, response) -> Iterator[bytes]:
        while True:
            with _network():
                # read() would wait until a piece is full, however slowly it fills.
                piece = response.read1(_PIECE)
            if not piece:
                return
            self.received += len(piece)
            yield piece
            self._judge_speed()

    def _judge_speed(self) -> None:
        seconds = time.monotonic() - self.started
        if seconds > self.patience.grace and self.received / seconds < self.patience.slowest:
            speed = self.received / seconds / 1000
            raise DownloadFailed(f"{self.server} is too slow ({speed:.0f} kB per second).")

    def _there(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _how_far(self) -> str:
        there = self._there()
        return f"broke off after {there / 1e6:.1f} MB" if there else "cannot be reached"


@contextmanager
def _network() -> Iterator[None]:
    """Tell the network's failures from the disk's: both are OSError."""
    try:
        yield
    except HTTPError:
        raise
    except (OSError, HTTPException) as error:
        raise _Broken(str(getattr(error, "reason", None) or error) or type(error).__name__) from None
