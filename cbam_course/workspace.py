"""The learner's own copies of the exercises, safe from updates."""

import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from .storage import clear_leftovers, locked, rename_new, write_new, write_whole

_ASIDE = re.compile(r"\.(.+\.ipynb)\.[0-9a-f]+\.aside")


@dataclass(frozen=True)
class Outcome:
    """What happened to one file: a sentence, and whether something could not be written or read."""

    says: str
    failed: bool = False

    def __str__(self) -> str:
        return self.says


def find_course(start: Path | None = None) -> Path:
    """Return the folder of the course: the nearest one above ``start`` that holds notebooks/ and exercises/.

    Args:
        start: where to begin; by default the current folder, then the folder the package was installed from.

    Raises:
        FileNotFoundError: there is none.
    """
    starts = [start] if start else [Path.cwd(), Path(__file__).resolve().parent]
    for begin in starts:
        for folder in (begin, *begin.parents):
            if (folder / "notebooks").is_dir() and (folder / "exercises").is_dir():
                return folder
    raise FileNotFoundError(
        f"{starts[0]} is not inside the course; go to the folder that holds exercises/ and notebooks/."
    )


def sync(root: Path | None = None) -> list[Outcome]:
    """Bring the exercises in work/ up to date and return a sentence for each that was touched or held back.

    A new exercise is added and an unedited one updated; the outputs of a copy that was run are kept in a copy of
    their own. An edited one is never written to: where the course's version changed too, that version is put
    beside it. What the learner deleted or renamed stays so. Trouble with one file stops none of the others.

    Args:
        root: the folder of the course; by default ``find_course()``.

    Raises:
        OSError: work/ cannot be made, or another sync does not end.
    """
    copies = _Copies(root or find_course())
    with copies.alone():
        return [*copies.recover(), *(o for name in copies.names() for o in copies.guarded(copies.sync, name))]


def reset(number: str | int, root: Path | None = None) -> list[Outcome]:
    """Give a fresh copy of an exercise, keep the old one beside it, and return a sentence for each.

    Args:
        number: the number of the lesson, for example ``3`` or ``"03"``.
        root: the folder of the course; by default ``find_course()``.

    Raises:
        ValueError: no exercise has this number.
        OSError: work/ cannot be made, or another sync does not end.
    """
    copies = _Copies(root or find_course())
    asked = str(number)
    wanted = [name for name in copies.names() if asked and name[:2] == asked.zfill(2)]
    if not wanted:
        numbers = ", ".join(sorted({name[:2] for name in copies.names()}))
        raise ValueError(f"number is {number!r}; give the number of an exercise: {numbers}.")
    with copies.alone():
        return [*copies.recover(), *(o for name in wanted for o in copies.guarded(copies.reset, name))]


class _Copies:
    """The folders exercises/ and work/, and the note of which version each copy came from."""

    def __init__(self, root: Path):
        self.course, self.work = root / "exercises", root / "work"
        self.note = self.work / ".versions.json"
        self.versions: dict[str, dict] = {}

    def alone(self):
        """Wait until no other sync or reset is at work, read the note, and keep the others waiting."""
        self.work.mkdir(parents=True, exist_ok=True)
        return locked(self.work / ".lock", timeout=60, note="Another sync is at work; waiting for it.")

    def names(self) -> list[str]:
        return sorted(path.name for path in self.course.glob("*.ipynb"))

    def recover(self) -> list[Outcome]:
        """Read the note, and put in order what a program that was killed has left."""
        noted = _read_json(self.note)
        self.versions = (
            {k: v for k, v in noted.items() if isinstance(v, dict)} if isinstance(noted, dict) else {}
        )
        clear_leftovers(self.work)
        left = [
            (path, found[1]) for path in sorted(self.work.iterdir()) if (found := _ASIDE.fullmatch(path.name))
        ]
        return [outcome for path, name in left for outcome in self.guarded(self._put_back, name, path)]

    def guarded(self, step: Callable, name: str, *arguments) -> list[Outcome]:
        """Do one step for one file; whatever goes wrong is a sentence and what is true now."""
        try:
            outcome = step(name, *arguments)
        except OSError as error:
            return [self._trouble(name, error.strerror or str(error))]
        return [outcome] if isinstance(outcome, Outcome) else []

    def _trouble(self, name: str, reason: str) -> Outcome:
        copy, asides = self.work / name, sorted(self.work.glob(f".{name}.*.aside"))
        if asides:
            with suppress(OSError):
                rename_new(asides[-1], copy)
                return Outcome(f"work/{name} is as it was: writing failed ({reason}).", failed=True)
            says = f"Writing work/{name} failed ({reason}); what was in it is safe in work/{asides[-1].name}, and the"
            return Outcome(f"{says} next sync brings it back.", failed=True)
        says = "is as it was: writing failed" if os.path.lexists(copy) else "could not be written"
        return Outcome(f"work/{name} {says} ({reason}).", failed=True)

    def sync(self, name: str) -> Outcome | None:
        current, copy = _version(self.course / name), self.work / name
        if current.damaged:
            return self._course_damaged(name)
        known = self.versions.get(name, {})
        if not os.path.lexists(copy):
            if known:
                says = f"work/{name} was deleted or renamed and stays so; reset {name[:2]} brings it back."
                return Outcome(says)
            return self._add(name, current)
        mine = _version(copy)
        if mine.damaged:
            says = f"work/{name} cannot be read as a notebook and stays as it is; reset {name[:2]} gives a fresh copy"
            return Outcome(f"{says} and keeps this one.")
        if mine.text == current.text:
            return self._noted(name, None, from_version=current.text)
        if mine.text == known.get("from_version"):
            return self._update(name, current)
        if current.text not in (known.get("from_version"), known.get("offered")):
            return self._offer(name, current)
        return None

    def _add(self, name: str, current: "_Version") -> Outcome:
        try:
            write_new(self.work / name, current.content)
        except FileExistsError:
            return Outcome(f"work/{name} appeared while it was being added, and stays as it is.")
        return self._noted(name, f"work/{name} is new.", from_version=current.text)

    def _update(self, name: str, current: "_Version") -> Outcome:
        before = self.versions[name]["from_version"]
        old, kept, saved = self._replace(
            name, current.content, lambda old: old.text == before and not old.outputs
        )
        where = f" What was in it, outputs included, is in work/{kept.name}." if kept else ""
        if saved:
            return Outcome(f"work/{name} was saved at the same time and stays as it is.{where}")
        says = f"work/{name} was unedited and is now the new version."
        if old and old.text != before:
            says = f"work/{name} was saved at the same time and is now the new version."
        return self._noted(name, says + where, from_version=current.text)

    def reset(self, name: str) -> Outcome:
        current = _version(self.course / name)
        if current.damaged:
            return self._course_damaged(name)
        _, kept, saved = self._replace(name, current.content, lambda old: old.content == current.content)
        yours = f"yours is now work/{kept.name}." if kept else ""
        if saved:
            says = f"work/{name} was saved at the same time and stays as it is; reset it again."
            return Outcome(f"{says} What was in it before: {yours}" if kept else says)
        says = f"work/{name} is a fresh copy"
        return self._noted(name, f"{says}; {yours}" if kept else f"{says}.", from_version=current.text)

    def _course_damaged(self, name: str) -> Outcome:
        says = f"exercises/{name} of the course is damaged: get the course again. work/{name} stays as it is."
        return Outcome(says, failed=True)

    def _replace(
        self, name: str, content: bytes, worthless: Callable
    ) -> tuple["_Version | None", Path | None, bool]:
        """Put new content in the place of a copy that is moved aside, whatever is in it at that moment.

        Returns:
            What was in the copy, where that is kept unless it is worthless, and whether the learner saved
            another one under its name meanwhile.
        """
        aside, saved = self.work / f".{name}.{secrets.token_hex(8)}.aside", False
        try:
            write_new(self.work / name, content, aside=aside)
        except FileExistsError:
            saved = True
        if not os.path.lexists(aside):
            return None, None, saved
        old = _version(aside)
        if not worthless(old):
            return old, self._keep(name, aside), saved
        aside.unlink()
        return old, None, saved

    def _keep(self, name: str, aside: Path) -> Path:
        while True:
            kept = _free_name(self.work / name, "kept")
            with suppress(FileExistsError):
                rename_new(aside, kept)
                return kept

    def _put_back(self, name: str, aside: Path) -> Outcome | None:
        """Finish what a killed program began with a copy that it had moved aside."""
        copy = self.work / name
        if not os.path.lexists(copy):
            rename_new(aside, copy)
            return Outcome(f"An interrupted reset or sync had moved work/{name} aside; it is back.")
        old = _version(aside)
        known = self.versions.get(name, {}).get("from_version")
        kept = {_version(path).content for path in self.work.glob(f"{Path(name).stem}.kept-*.ipynb")}
        if old.content in kept | {_version(copy).content} or (old.text == known and not old.outputs):
            aside.unlink()  # it was moved already, or nobody wrote in it
            return None
        says = f"An interrupted reset or sync is finished: what was in work/{name} is now"
        return Outcome(f"{says} work/{self._keep(name, aside).name}.")

    def _offer(self, name: str, current: "_Version") -> Outcome:
        stem = Path(name).stem
        beside = [
            path for path in self.work.glob(f"{stem}.new-*.ipynb") if _version(path).text == current.text
        ]
        while not beside:  # an interrupted sync may have put it there already
            new = _free_name(self.work / name, "new")
            with suppress(FileExistsError):
                write_new(new, current.content)
                beside = [new]
        says = f"work/{name} has your edits and stays as it is; the course's new version is work/{beside[0].name}."
        return self._noted(name, says, offered=current.text)

    def _noted(self, name: str, says: str | None, **facts: str) -> Outcome | None:
        """Write the note after the copy: killed in between, the next sync finds out what it needs again."""
        entry = {**self.versions.get(name, {}), **facts}
        if self.versions.get(name) != entry:
            self.versions[name] = entry
            try:
                write_whole(self.note, json.dumps(self.versions, indent=1).encode())
            except OSError as error:
                problem = f"The note about it, work/{self.note.name}, could not be written"
                problem = f"{problem} ({error.strerror or error}); the next sync looks again."
                return Outcome(f"{says} {problem}" if says else problem, failed=True)
        return Outcome(says) if says else None


@dataclass(frozen=True)
class _Version:
    """One notebook: its bytes, a hash of what a person wrote, whether it has outputs, whether it can be read."""

    content: bytes
    text: str
    outputs: bool = False
    damaged: bool = False


def _version(path: Path) -> _Version:
    """Read a notebook. Opening, running and saving it do not change the hash of its text."""
    content = path.read_bytes()
    try:
        written, outputs = [], False
        for cell in json.loads(content.decode("utf-8"))["cells"]:
            source = "".join(cell.get("source", ""))
            outputs |= bool(cell.get("outputs"))
            if source.strip():  # running the last cell adds an empty one
                written.append([cell.get("cell_type"), source, cell.get("attachments")])
        return _Version(content, hashlib.sha256(json.dumps(written).encode()).hexdigest(), outputs)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return _Version(content, hashlib.sha256(content).hexdigest(), damaged=True)


def _read_json(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _free_name(path: Path, word: str) -> Path:
    """Return a dated name that nothing has yet, such as ``03_cbam_exercise.kept-2026-11-24.ipynb``."""
    stem, count = f"{path.stem}.{word}-{date.today().isoformat()}", 1
    while os.path.lexists(free := path.with_name(f"{stem}{f'-{count}' if count > 1 else ''}.ipynb")):
        count += 1
    return free
