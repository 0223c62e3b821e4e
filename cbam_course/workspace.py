"""The learner's own copies of the exercises, safe from updates."""

import hashlib
import json
from datetime import date
from pathlib import Path

from .home import course_home, keep_work, write_whole

__all__ = ["course_home", "find_course", "keep_work", "reset", "sync"]


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


def sync(root: Path | None = None) -> list[str]:
    """Bring the exercises in work/ up to date and return one sentence for each that was touched or held back.

    A new exercise is added and an unedited one updated. An edited one is never written to: where the course's
    version changed too, that version is put beside it. What the learner deleted or renamed stays so.

    Args:
        root: the folder of the course; by default ``find_course()``.
    """
    copies = _Copies(root or find_course())
    return [sentence for name in copies.names() if (sentence := copies.guarded(copies.sync, name))]


def reset(number: str | int, root: Path | None = None) -> list[str]:
    """Give a fresh copy of an exercise, keep the old one beside it, and return one sentence for each.

    Args:
        number: the number of the lesson, for example ``3`` or ``"03"``.
        root: the folder of the course; by default ``find_course()``.

    Raises:
        ValueError: no exercise has this number.
    """
    copies = _Copies(root or find_course())
    numbers = sorted({name[:2] for name in copies.names()})
    wanted = [name for name in copies.names() if name[:2] == str(number).zfill(2)]
    if not wanted:
        raise ValueError(f"number is {number!r}; give the number of an exercise: {', '.join(numbers)}.")
    return [copies.guarded(copies.reset, name) for name in wanted]


class _Copies:
    """The folders exercises/ and work/, and the note of which version each copy came from."""

    def __init__(self, root: Path):
        self.course, self.work = root / "exercises", root / "work"
        self.note = self.work / ".versions.json"
        noted = _read_json(self.note)
        self.versions = noted if isinstance(noted, dict) else {}

    def names(self) -> list[str]:
        return sorted(path.name for path in self.course.glob("*.ipynb"))

    def guarded(self, step, name: str) -> str | None:
        try:
            return step(name)
        except OSError as error:
            return f"work/{name} is as it was: writing failed ({error.strerror or error})."

    def sync(self, name: str) -> str | None:
        current, copy = _version(self.course / name), self.work / name
        known = self.versions.get(name, {})
        if not copy.exists():
            if known:
                return f"work/{name} was deleted or renamed and stays so; reset {name[:2]} brings it back."
            return self._give(name, current, f"work/{name} is new.")
        mine = _version(copy)
        if mine == current:
            return self._remember(name, from_version=current)
        if mine == known.get("from_version"):
            return self._give(name, current, f"work/{name} was unedited and is now the new version.")
        if current not in (known.get("from_version"), known.get("offered")):
            return self._offer(name, current)
        return None

    def reset(self, name: str) -> str:
        copy, kept = self.work / name, None
        if copy.exists() and copy.read_bytes() != (self.course / name).read_bytes():
            kept = _free_name(copy, "kept")
            write_whole(kept, copy.read_bytes())
        sentence = f"work/{name} is a fresh copy"
        return self._give(
            name,
            _version(self.course / name),
            f"{sentence}; yours is now work/{kept.name}." if kept else f"{sentence}.",
        )

    def _give(self, name: str, current: str, sentence: str) -> str:
        write_whole(self.work / name, (self.course / name).read_bytes())
        self._remember(name, from_version=current)
        return sentence

    def _offer(self, name: str, current: str) -> str:
        stem = Path(name).stem
        beside = [path for path in self.work.glob(f"{stem}.new-*.ipynb") if _version(path) == current]
        new = beside[0] if beside else _free_name(self.work / name, "new")
        if not beside:  # an interrupted sync may have put it there already
            write_whole(new, (self.course / name).read_bytes())
        self._remember(name, offered=current)
        return f"work/{name} has your edits and stays as it is; the course's new version is work/{new.name}."

    def _remember(self, name: str, **facts: str) -> None:
        """Write the note after the copy: killed in between, the next sync finds out what it needs again."""
        entry = {**self.versions.get(name, {}), **facts}
        if self.versions.get(name) != entry:
            self.versions[name] = entry
            write_whole(self.note, json.dumps(self.versions, indent=1).encode())


def _version(path: Path) -> str:
    """Return a hash of what a person wrote: opening, running and saving a notebook do not change it."""
    notebook = _read_json(path)
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    written = []
    for cell in notebook["cells"]:
        source = "".join(cell.get("source", ""))
        if source.strip():  # running the last cell adds an empty one
            written.append([cell.get("cell_type"), source, cell.get("attachments")])
    return hashlib.sha256(json.dumps(written).encode()).hexdigest()


def _read_json(path: Path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _free_name(path: Path, word: str) -> Path:
    """Return a dated name that nothing has yet, such as ``03_cbam_exercise.kept-2026-11-24.ipynb``."""
    stem, count = f"{path.stem}.{word}-{date.today().isoformat()}", 1
    while (free := path.with_name(f"{stem}{f'-{count}' if count > 1 else ''}.ipynb")).exists():
        count += 1
    return free
