"""Whether registrations, tables and the report fit together: ``experiment verify``."""

import csv
import io
import subprocess
from collections.abc import Iterator
from pathlib import PurePosixPath

import pandas as pd

from .registration import Ledger, NotRegistered, Registration, parse_registration
from .report import report_text
from .tables import COLUMNS, NotATable, run_of

_SHOWN = 3  # rows of one table that are named; more of them say the same


def faults(ledger: Ledger) -> list[str]:
    """Return a sentence for everything that does not fit; an empty list means that all is well.

    What is looked at: every row belongs to its registration (hash, seed, sizes, metric, the chosen rate), tuning
    came before evaluation, and the report is what the tables say; and, where there is a git history, no
    registration, comparison or finished row that was ever committed has vanished or changed, and every row was
    made by a commit that had its registration.

    Args:
        ledger: what to look at; it is not changed.
    """
    try:
        known, given_up = ledger.registrations(), ledger.withdrawn()
    except ValueError as error:
        return [str(error)]
    found = _withdrawn(known, given_up) + _strays(ledger, known)
    for registration in known.values():
        try:
            found += _tables(ledger, registration)
        except NotATable as error:
            found.append(str(error))
    found += _History(ledger, known, given_up).faults()
    return found + _report(ledger)


def history_missing(ledger: Ledger) -> str:
    """Return a sentence if there is no complete git history to compare with, else nothing."""
    try:
        if not ledger.git("ls-files", "registered"):
            return "The registrations are not in git, so nothing was compared with its history."
        if ledger.git("rev-parse", "--is-shallow-repository").strip() == b"true":
            return "This clone has part of the history only, and older rows were not compared."
    except (OSError, subprocess.CalledProcessError):
        return "There is no git history here, so nothing was compared with it."
    return ""


def _report(ledger: Ledger) -> list[str]:
    try:
        text = report_text(ledger)
    except ValueError as error:
        return [f"there can be no report: {error}"]
    written = ledger.report.read_text(encoding="utf-8") if ledger.report.is_file() else ""
    if written == text:
        return []
    return ["results/README.md is not what the tables say; run python -m cbam_course experiment report"]


def _tables(ledger: Ledger, registration: Registration) -> list[str]:
    tuning, table = ledger.tuning(registration), ledger.evaluation(registration)
    found = _rows(registration, "tuning", tuning, registration.tuning_runs())
    try:
        rates = registration.chosen_rates(tuning)
    except NotRegistered as error:
        return [*found, f"there are evaluation rows, but {error}"] if len(table) else found
    found += _rows(registration, "evaluation", table, registration.evaluation_runs(rates))
    for data, metrics in table[table["error"] == ""].groupby("data")["metric"]:
        if metrics.nunique() > 1:
            found.append(
                f"{registration.name}: scores of several kinds on {data}: {', '.join(sorted(set(metrics)))}"
            )
    return found


def _rows(registration: Registration, kind: str, table: pd.DataFrame, wanted: list) -> list[str]:
    """Every row is one of the registered runs, with the registration's hash and a score."""
    found, expected = [], set(wanted)
    for number, row in enumerate(table.to_dict("records"), start=1):
        where = f"{registration.name}, {kind} row {number} ({row['model']}, seed {row['seed']})"
        if row["registration"] != registration.hash:
            found.append(
                f"{where} carries the hash {row['registration'] or 'of nothing'}, and the registration has "
                f"{registration.hash}"
            )
        if run_of(row) not in expected:
            found.append(
                f"{where} is no run of this registration: its seed, size, model or learning rate differs"
            )
        if not row["error"] and not 0 <= row["accuracy"] <= 1:
            found.append(f"{where} has the score {row['accuracy']}")
        if not row["commit"] or row["commit"].endswith("+"):
            found.append(f"{where} was made by code that was not committed")
    return found


def _withdrawn(known: dict[str, Registration], given_up: dict[str, dict[str, str]]) -> list[str]:
    found = []
    for name, reasons in given_up.items():
        keys = {c.key for c in known[name].primary} if name in known else set()
        found += [f"withdrawn.toml: {name} has no comparison {key!r}" for key in reasons if key not in keys]
        found += [
            f"withdrawn.toml: {name}, {key}: there is no reason"
            for key, reason in reasons.items()
            if not str(reason).strip()
        ]
    return found


def _strays(ledger: Ledger, known: dict[str, Registration]) -> list[str]:
    """A table of runs without a registration is evidence for nothing, so it does not lie here."""
    names = {path.name for r in known.values() for path in (ledger.evaluation_path(r), ledger.tuning_path(r))}
    return [
        f"results/{path.name} is a table of runs without a registration"
        for path in sorted(ledger.folder.glob("*.csv"))
        if path.name not in names and path.read_bytes().startswith(b"data,model,seed,")
    ]


class _History:
    """Everything that was ever committed, beside what lies here now."""

    def __init__(self, ledger: Ledger, known: dict[str, Registration], given_up: dict[str, dict[str, str]]):
        self.ledger, self.known, self.given_up = ledger, known, given_up

    def faults(self) -> list[str]:
        """Return what vanished or changed; without a history there is nothing to compare with."""
        try:
            if not self.ledger.git("ls-files", "registered"):
                return []
            versions = list(self._versions())
            found = self._registrations(versions) + self._lost(versions) + self._made_by()
        except (OSError, subprocess.CalledProcessError):
            return []
        return list(dict.fromkeys(found))

    def _versions(self) -> Iterator[tuple[str, PurePosixPath, bytes]]:
        """Commit, path below the folder, and content of every version of every file, the newest first."""
        words = (
            "log",
            "-z",
            "--format=%x01%h",
            "--name-only",
            "--no-renames",
            "--diff-filter=AM",
            "--relative",
        )
        names, commit = [], ""
        for word in self.ledger.git(*words, "--", ".").decode().replace("\n", "\0").split("\0"):
            if word.startswith("\x01"):
                commit = word[1:]
            elif word.endswith((".csv", ".toml")):
                names.append((commit, PurePosixPath(word)))
        contents = self._contents([f"{commit}:./{path}" for commit, path in names])
        for (commit, path), content in zip(names, contents, strict=True):
            if content is not None:
                yield commit, path, content.replace(b"\r\n", b"\n")

    def _contents(self, objects: list[str]) -> Iterator[bytes | None]:
        """What git has under these names, all asked at once; ``None`` where it has nothing."""
        answer = self.ledger.git("cat-file", "--batch", given="".join(f"{o}\n" for o in objects).encode())
        stream = io.BytesIO(answer)
        for _ in objects:
            head = stream.readline().split()
            if head[-1:] == [b"missing"]:
                yield None
                continue
            yield stream.read(int(head[2]))
            stream.readline()

    def _registrations(self, versions) -> list[str]:
        """No registration is gone, and none was changed once it had runs."""
        used, found = self._hashes_of_rows(versions), []
        for commit, path, content in versions:
            name = path.stem
            if path.parent.name != "registered" or name == "withdrawn":
                continue
            try:
                then = parse_registration(name, content)
            except ValueError:
                continue  # a draft that could never have run
            if name not in self.known:
                found.append(
                    f"the registration {name} was committed ({commit}) and is gone; withdraw its comparisons instead"
                )
                continue
            now = self.known[name]
            gone = {c.key for c in then.primary} - {c.key for c in now.primary}
            found += [
                f"{name}: the comparison {key!r} was registered ({commit}) and is gone"
                for key in sorted(gone)
            ]
            if then.hash != now.hash and then.hash in used:
                found.append(f"{name}: the registration was edited after runs were made with it ({commit})")
        return found

    def _hashes_of_rows(self, versions) -> set[str]:
        tables = [content.decode(errors="replace") for _, path, content in versions if _is_table(path)]
        return {row.get("registration") or "" for text in tables for row in csv.DictReader(io.StringIO(text))}

    def _lost(self, versions) -> list[str]:
        """Finished rows stay what they were, byte by byte."""
        hashes = self._ever_registered(versions)
        lost: dict[PurePosixPath, dict[str, str]] = {}
        for commit, path, content in versions:
            if not _is_table(path):
                continue
            present = self.ledger.folder / path
            now = set(present.read_text(encoding="utf-8").splitlines()) if present.is_file() else set()
            for line, row in _lines(content):
                # A failed run is tried again, and tables from before the registration were something else.
                counts = row.get("registration") in hashes and not row.get("error")
                if counts and line not in now:
                    lost.setdefault(path, {})[line] = (
                        f"results/{path}: a row of {commit} is gone or was changed: {row['data']}, {row['model']}, "
                        f"seed {row['seed']}, {row['accuracy']}"
                    )
        return [sentence for rows in lost.values() for sentence in list(rows.values())[:_SHOWN]]

    def _ever_registered(self, versions) -> set[str]:
        hashes = {registration.hash for registration in self.known.values()}
        for _, path, content in versions:
            if path.parent.name == "registered":
                try:
                    hashes.add(parse_registration(path.stem, content).hash)
                except ValueError:
                    continue
        return hashes

    def _made_by(self) -> list[str]:
        """The commit in a row is one of this repository, and had the row's registration."""
        pairs: dict[tuple[str, str, str], None] = {}
        for name, registration in self.known.items():
            try:
                tables = self.ledger.tuning(registration), self.ledger.evaluation(registration)
            except NotATable:
                continue  # told elsewhere
            for table in tables:
                used = table[["commit", "registration"]].drop_duplicates().itertuples(index=False)
                pairs |= {(name, *pair): None for pair in used if pair[0] and not pair[0].endswith("+")}
        contents = self._contents([f"{commit}:./registered/{name}.toml" for name, commit, _ in pairs])
        shallow = self.ledger.git("rev-parse", "--is-shallow-repository").strip() == b"true"
        found = []
        for (name, commit, wanted), content in zip(pairs, contents, strict=True):
            if content is None and not shallow:
                found.append(
                    f"{name}: rows were made by {commit}, which is no commit here with that registration"
                )
            elif content is not None and _hash_then(name, content) != wanted:
                found.append(f"{name}: rows carry the hash {wanted}, and their commit {commit} had another")
        return found


def _is_table(path: PurePosixPath) -> bool:
    return path.suffix == ".csv" and len(path.parts) == 1


def _lines(content: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """The lines of a table that was committed, as they stand and as they read."""
    header, *lines = content.decode(errors="replace").splitlines() or [""]
    names = next(csv.reader([header]), [])
    if set(COLUMNS) <= set(names):
        yield from (
            (line, dict(zip(names, next(csv.reader([line])), strict=False))) for line in lines if line
        )


def _hash_then(name: str, content: bytes) -> str:
    try:
        return parse_registration(name, content).hash
    except ValueError:
        return ""
