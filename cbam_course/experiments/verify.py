"""Whether registrations, tables and the report fit together: ``experiment verify``."""

import subprocess
from pathlib import Path

import pandas as pd

from .execute import evaluation_path, tuning_path
from .provenance import git
from .registration import (
    NotRegistered,
    Registration,
    folder,
    parse_registration,
    registrations,
    run_of,
    withdrawn,
)
from .report import report_text
from .tables import read_table


def faults() -> list[str]:
    """Return a sentence for everything that does not fit; an empty list means that all is well.

    What is looked at: every row belongs to its registration (hash, seed, sizes, metric, the chosen rate), none is
    missing from a finished table, tuning came before evaluation, the report is what the tables say; and, where
    there is a git history, no registration, comparison or row that was ever committed has vanished or changed.
    """
    try:
        known = registrations()
        found = [fault for registration in known.values() for fault in _tables(registration)]
        found += _withdrawn(known) + _strays(known) + _history(known)
        readme = folder() / "README.md"
        written = readme.read_text(encoding="utf-8") if readme.is_file() else ""
        if written != report_text():
            found.append(
                "results/README.md is not what the tables say; run python -m cbam_course experiment report"
            )
    except (NotRegistered, ValueError) as error:
        return [str(error)]
    return found


def _tables(registration: Registration) -> list[str]:
    tuning, table = read_table(tuning_path(registration)), read_table(evaluation_path(registration))
    found = _rows(registration, "tuning", tuning, registration.tuning_runs())
    try:
        rates = registration.chosen_rates(tuning)
    except NotRegistered as error:
        return [*found, f"there are evaluation rows, but {error}"] if len(table) else found
    found += _rows(registration, "evaluation", table, registration.evaluation_runs(rates))
    metrics = set(table["metric"].dropna())
    if len(metrics) > 1:
        found.append(
            f"{registration.name}: scores of several kinds in one table: {', '.join(sorted(metrics))}"
        )
    return found


def _rows(registration: Registration, kind: str, table: pd.DataFrame, wanted: list) -> list[str]:
    """Every row is one of the registered runs, once, with the registration's hash and a score."""
    found, seen, expected = [], set(), set(wanted)
    for number, row in enumerate(table.to_dict("records"), start=1):
        where = f"{registration.name}, {kind} row {number} ({row['model']}, seed {row['seed']})"
        if row["registration"] != registration.hash:
            found.append(
                f"{where} carries the hash {row['registration']}, and the registration has {registration.hash}"
            )
        run = run_of(row)
        if run not in expected:
            found.append(
                f"{where} is no run of this registration: its seed, size, model or learning rate differs"
            )
        if run in seen:
            found.append(f"{where} is there twice")
        seen.add(run)
        if not row["error"] and not 0 <= row["accuracy"] <= 1:
            found.append(f"{where} has the score {row['accuracy']}")
        if not row["commit"] or str(row["commit"]).endswith("+"):
            found.append(f"{where} was made by code that was not committed")
    return found


def _withdrawn(known: dict[str, Registration]) -> list[str]:
    found = []
    for name, reasons in withdrawn().items():
        keys = {c.key for c in known[name].primary} if name in known else set()
        found += [f"withdrawn.toml: {name} has no comparison {key!r}" for key in reasons if key not in keys]
        found += [
            f"withdrawn.toml: {key} has no reason"
            for key, reason in reasons.items()
            if not str(reason).strip()
        ]
    return found


def _strays(known: dict[str, Registration]) -> list[str]:
    """A table of runs without a registration is evidence for nothing, so it does not lie here."""
    names = {path.name for r in known.values() for path in (evaluation_path(r), tuning_path(r))}
    return [
        f"results/{path.name} is a table of runs without a registration"
        for path in sorted(folder().glob("*.csv"))
        if path.name not in names and path.read_bytes().startswith(b"data,model,seed,")
    ]


def _history(known: dict[str, Registration]) -> list[str]:
    """Compare with everything that was committed; without a history there is nothing to compare with."""
    try:
        # Paths in git's answers are relative to the checkout.
        if not git("ls-files", "results/registered"):
            return []
        versions = git("log", "--format=%h", "--name-only", "--diff-filter=AM", "--", "results").split("\n\n")
    except (OSError, subprocess.CalledProcessError):
        return []
    found: list[str] = []
    for commit, path in _committed(versions):
        name = Path(path).name
        if path.startswith("results/registered/") and name != "withdrawn.toml":
            found += _registration_then(commit, path, known)
        elif name.endswith(".csv") and Path(path).parent.name == "results":
            found += _rows_then(commit, path, known)
    return list(dict.fromkeys(found))


def _committed(lines: list[str]) -> list[tuple[str, str]]:
    """Pairs of a commit and a file that it added or changed."""
    words = [line for block in lines for line in block.splitlines() if line]
    pairs, commit = [], ""
    for word in words:
        if "/" in word:
            pairs.append((commit, word))
        else:
            commit = word
    return pairs


def _registration_then(commit: str, path: str, known: dict[str, Registration]) -> list[str]:
    name = Path(path).stem
    if name not in known:
        return [
            f"the registration {name} was committed ({commit}) and is gone; withdraw its comparisons instead"
        ]
    try:
        raw = subprocess.run(
            ["git", "-C", str(folder().parent), "show", f"{commit}:{path}"], check=True, capture_output=True
        )
        before = parse_registration(name, raw.stdout.replace(b"\r\n", b"\n"))
    except (NotRegistered, subprocess.CalledProcessError):
        return []  # a draft that could never have run
    now = known[name]
    if before.hash == now.hash or not _ever_ran(now):
        return []
    gone = {c.key for c in before.primary} - {c.key for c in now.primary} - set(withdrawn().get(name, {}))
    found = [f"{name}: the comparison {key!r} was registered ({commit}) and is gone" for key in sorted(gone)]
    return [
        *found,
        f"{name}: the registration was edited after it was committed ({commit}) and its runs were made",
    ]


def _ever_ran(registration: Registration) -> bool:
    return any(len(read_table(path)) for path in (evaluation_path(registration), tuning_path(registration)))


def _rows_then(commit: str, path: str, known: dict[str, Registration]) -> list[str]:
    """Finished rows stay what they were."""
    names = {p.name: p for r in known.values() for p in (evaluation_path(r), tuning_path(r))}
    present = names.get(Path(path).name)
    if present is None:
        return []
    then = [line for line in git("show", f"{commit}:{path}").splitlines()[1:] if line]
    now = set(present.read_text(encoding="utf-8").splitlines()) if present.exists() else set()
    lost = [line for line in then if line not in now and _belongs(line, known)]
    return [f"{path}: a row of {commit} is gone or was changed: {line[:60]}…" for line in lost[:3]]


def _belongs(line: str, known: dict[str, Registration]) -> bool:
    """Whether a row was made by a registration of today; older tables of the same name were something else."""
    return any(f",{registration.hash}," in line for registration in known.values())
