"""A small repository with a registration and rows that nobody trained, for tests of what keeps the house honest."""

import subprocess
from dataclasses import asdict
from pathlib import Path

from cbam_course.experiments.registration import Ledger, Registration
from cbam_course.experiments.report import write_report
from cbam_course.experiments.run import Run
from cbam_course.experiments.tables import Table

TINY = """\
title = "Tiny"
question = "Does it help?"
seen = "Nothing."
data = ["scenes-where"]
images = 8
validation = 4
test = 6
epochs = 1
batch_size = 4
models = ["plain", "cbam"]
seeds = [21, 22, 23, 24, 25]
few_seeds = "A test."

[tuning]
rates = [0.003, 0.01]
seeds = [20]
margin = 0.01

[ablations]
"cbam-k3" = "cbam"
[ablation_seeds]
seeds = [21, 22]

[[primary]]
first = "cbam"
second = "plain"
expected = "higher"
why = "It has more parts."
"""
NOISE = {21: 0.0, 22: 0.01, 23: -0.01, 24: 0.02, 25: -0.02}


def git(folder: Path, *words: str) -> str:
    """Run git as somebody without a configuration of their own."""
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    run = subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True)
    return run.stdout.strip()


def commit(folder: Path, message: str = "work") -> str:
    """Commit all there is and return the short hash."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", message)
    return git(folder, "rev-parse", "--short=10", "HEAD")


def register(folder: Path, text: str = TINY, name: str = "tiny") -> Ledger:
    """Make a repository with one registration, committed."""
    ledger = Ledger(folder / "results")
    (ledger.folder / "registered").mkdir(parents=True)
    (ledger.folder / "registered" / f"{name}.toml").write_text(text)
    git(folder, "init", "-q")
    commit(folder, "registered")
    return ledger


def row(run: Run, accuracy: float, made_by: dict) -> dict:
    """Return a row as a run would have made it."""
    return {**asdict(run), "accuracy": accuracy, "metric": "accuracy", "validation_accuracy": 0.625,
            "seconds": 62.3, "parameters": 24021, "device": "cpu", "precision": "float32", "threads": 1,
            "peak_memory_mib": 1011, "error": "", "versions": "python 3, torch 2", "processor": "AVX2",
            "command": "python -m cbam_course experiment run", **made_by}  # fmt: skip


def tune(ledger: Ledger, registration: Registration) -> None:
    """Fill the tuning table: .01 is best for plain, .003 for cbam."""
    made_by, table = _made_by(ledger, registration), Table(ledger.tuning_path(registration))
    for run in registration.tuning_runs():
        best = run.learning_rate == {"plain": 0.01, "cbam": 0.003}[run.model]
        table.add(row(run, 0.8 if best else 0.7, made_by))


def evaluate(ledger: Ledger, registration: Registration, means: dict[str, float] | None = None) -> None:
    """Fill the evaluation table with scores around these means."""
    means = {"plain": 0.6, "cbam": 0.8, "cbam-k3": 0.7, **(means or {})}
    made_by, table = _made_by(ledger, registration), Table(ledger.evaluation_path(registration))
    for run in registration.evaluation_runs(registration.chosen_rates(ledger.tuning(registration))):
        noise = NOISE[run.seed] * (1 if run.model == "plain" else 0.5)
        table.add(row(run, means[run.model] + noise, made_by))


def finished(folder: Path, **means: float) -> Ledger:
    """Make a repository with one registration, tuned, run, reported and committed."""
    ledger = register(folder)
    registration = ledger.registration("tiny")
    tune(ledger, registration)
    commit(folder, "tuned")
    evaluate(ledger, registration, means)
    write_report(ledger)
    commit(folder, "run")
    return ledger


def change(path: Path, before: str, after: str) -> None:
    """Replace something that has to be there, once."""
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")


def _made_by(ledger: Ledger, registration: Registration) -> dict:
    head = git(ledger.folder, "rev-parse", "--short=10", "HEAD")
    return {"commit": head, "registration": registration.hash}
