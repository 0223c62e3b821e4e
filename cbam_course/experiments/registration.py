"""Registered experiments: what is asked, and what would count, written down before the first run.

A registration is a file ``results/registered/NAME.toml``::

    title = "Reach"
    question = "..."
    seen = "..."                      # what was looked at before, prototypes included
    data = ["scenes-near"]            # names of cbam_course.experiments.data
    images = 2000                     # training images; validation and test have their own numbers
    validation = 500
    test = 2000
    epochs = 10
    batch_size = 32
    models = ["plain", "cbam"]        # names of cbam_course.experiments.models
    seeds = [21, 22]                  # of the evaluation, none of them used in tuning
    few_seeds = "..."                 # why fewer than ten are enough; needed where there are fewer

    [tuning]                          # the learning rate of each model, chosen on validation images
    rates = [0.001, 0.003, 0.01, 0.03]
    seeds = [20]
    margin = 0.01                     # of the rates this close to the best, the smallest is taken
    # or, to look at the rates themselves:  [rates] every = [0.001, 0.003]

    [ablations]                       # exploratory; model = "parent", at the parent's learning rate
    "cbam-k3" = "cbam"
    [ablation_seeds]                  # (optional) seeds = [21, 22]

    [floor]                           # (optional) the score of a network that has learned nothing yet
    score = 0.44
    margin = 0.03
    what = "marking every disc"

    [[primary]]
    first = "cbam"
    second = "plain"
    expected = "higher"               # or "lower", "none": what first is expected to score beside second
    why = "..."
    data = "scenes-near"              # needed where there are several
    rate = 0.01                       # needed where there is [rates]

Once a run was made the file is not edited: its hash stands in every row. A change is a new registration, with
``replaces = "NAME"`` and ``because = "..."``. A comparison that is given up is listed in
``results/registered/withdrawn.toml`` with its reason.
"""

import hashlib
import subprocess
import tomllib
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pandas as pd

from ..statistics import results_folder
from .data import data_named
from .models import model_named
from .run import Run
from .tables import missing_runs, read_table

_WITHDRAWN = "withdrawn"
EXPECTED = ("higher", "lower", "none")
_ENOUGH_SEEDS = 10
# Seeds of prototypes and of tables that are no longer evidence.
SEEN_SEEDS = frozenset({*range(12), 100, 200})
_FIELDS = {
    "title": str, "question": str, "seen": str, "data": list, "images": int, "validation": int, "test": int,
    "epochs": int, "batch_size": int, "models": list, "seeds": list, "primary": list,
}  # fmt: skip
_OPTIONAL = {
    "few_seeds": str, "tuning": dict, "rates": dict, "ablations": dict, "ablation_seeds": dict, "floor": dict,
    "replaces": str, "because": str, "device": str,
}  # fmt: skip


class NotRegistered(ValueError):
    """An experiment cannot start or cannot count; the message says why and what to do."""


@dataclass(frozen=True)
class Comparison:
    """A primary comparison: two models on one kind of data.

    Args:
        first, second: names of models; the difference is first minus second.
        expected: ``"higher"``, ``"lower"`` or ``"none"``: how first is expected to score beside second.
        why: the reason for the expectation.
        data: the kind of data.
        rate: the learning rate where all of them are looked at; ``None`` for the rate that each model was given.
    """

    first: str
    second: str
    expected: str
    why: str
    data: str
    rate: float | None = None

    @property
    def key(self) -> str:
        """What tables and the list of withdrawn comparisons call it."""
        at = f" at {self.rate:g}" if self.rate is not None else ""
        return f"{self.first} against {self.second} on {self.data}{at}"


@dataclass(frozen=True)
class Registration:
    """One registered experiment, as its file says (see this module)."""

    name: str
    hash: str
    title: str
    question: str
    seen: str
    data: tuple[str, ...]
    images: int
    validation: int
    test: int
    epochs: int
    batch_size: int
    models: tuple[str, ...]
    seeds: tuple[int, ...]
    primary: tuple[Comparison, ...]
    tuning_rates: tuple[float, ...]
    tuning_seeds: tuple[int, ...]
    margin: float
    every_rate: tuple[float, ...]
    ablations: dict[str, str]
    ablation_seeds: tuple[int, ...]
    floor: dict
    few_seeds: str
    replaces: str
    because: str
    device: str

    def tuning_runs(self) -> list[Run]:
        """Every run that is needed to choose the learning rates; none of them opens the test set."""
        return [
            self._run(data, model, seed, rate, test=0)
            for seed, rate, data, model in product(
                self.tuning_seeds, self.tuning_rates, self.data, self.models
            )
        ]

    def evaluation_runs(self, rates: dict[tuple[str, str], float]) -> list[Run]:
        """Every run whose score on the test set counts, seed by seed, so that an early stop leaves whole pairs.

        Args:
            rates: the chosen rate for each pair of data and model, as :meth:`chosen_rates` returns them; unused
                where every rate is looked at.
        """
        runs = []
        for seed in self.seeds:
            for data, model in product(self.data, self.models):
                for rate in self.every_rate or (rates[data, model],):
                    runs.append(self._run(data, model, seed, rate, test=self.test))
        for seed in self.ablation_seeds:
            for data, (model, parent) in product(self.data, self.ablations.items()):
                runs.append(self._run(data, model, seed, rates[data, parent], test=self.test))
        return runs

    def chosen_rates(self, tuning: pd.DataFrame) -> dict[tuple[str, str], float]:
        """Return the learning rate of each pair of data and model: best on validation, of equals the smallest.

        Args:
            tuning: the rows of the tuning runs, all of them.

        Raises:
            NotRegistered: a tuning run is missing.
        """
        if self.every_rate:
            return {}
        missing = missing_runs(self.tuning_runs(), tuning)
        if missing:
            raise NotRegistered(
                f"{self.name}: {len(missing)} of {len(self.tuning_runs())} tuning runs are missing; first run "
                f"python -m cbam_course experiment tune {self.name}"
            )
        chosen = {}
        for key, rows in tuning.groupby(["data", "model"]):
            means = rows.groupby("learning_rate")["accuracy"].mean()
            chosen[key] = float(means[means >= means.max() - self.margin].index.min())
        return chosen

    def _run(self, data: str, model: str, seed: int, rate: float, test: int) -> Run:
        epochs = self.epochs * model_named(model).longer
        return Run(data, model, seed, epochs, self.images, rate, self.batch_size, self.validation, test)


def read_registration(path: Path) -> Registration:
    """Read a registration and see that it can be run and would count.

    Raises:
        NotRegistered: a field is missing, unknown or impossible; the message names it.
    """
    return parse_registration(path.stem, path.read_bytes())


def parse_registration(name: str, raw: bytes) -> Registration:
    """Turn the bytes of a registration into one; see :func:`read_registration`."""
    raw = raw.replace(b"\r\n", b"\n")  # git may hand a file out with the line ends of Windows
    try:
        entry = tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NotRegistered(f"{name}.toml cannot be read: {error}.") from None
    _check_fields(name, entry)
    tuning, seeds = entry.get("tuning", {}), tuple(entry["seeds"])
    every = tuple(map(float, entry.get("rates", {}).get("every", ())))
    comparisons = tuple(_comparison(name, entry, item, every) for item in entry["primary"])
    ablations = dict(entry.get("ablations", {}))
    registration = Registration(
        name=name,
        hash=hashlib.sha256(raw).hexdigest()[:12],
        primary=comparisons,
        data=tuple(entry["data"]),
        models=tuple(entry["models"]),
        seeds=seeds,
        tuning_rates=tuple(map(float, tuning.get("rates", ()))),
        tuning_seeds=tuple(tuning.get("seeds", ())),
        margin=float(tuning.get("margin", 0.0)),
        every_rate=every,
        ablations=ablations,
        ablation_seeds=tuple(entry.get("ablation_seeds", {}).get("seeds", seeds[:5])) if ablations else (),
        floor=dict(entry.get("floor", {})),
        **{field: entry.get(field, "") for field in ("few_seeds", "replaces", "because", "device")},
        **{
            field: entry[field]
            for field in ("title", "question", "seen", "images", "validation", "test", "epochs", "batch_size")
        },
    )
    _check_sense(registration)
    return registration


def _check_fields(name: str, entry: dict) -> None:
    for key, kind in {**_FIELDS, **_OPTIONAL}.items():
        if key not in entry:
            if key in _FIELDS:
                raise NotRegistered(f"{name}.toml has no {key}; add it.")
        elif not isinstance(entry[key], kind):
            raise NotRegistered(f"{name}.toml: {key} is {entry[key]!r}; give a {kind.__name__}.")
    unknown = set(entry) - set(_FIELDS) - set(_OPTIONAL)
    if unknown:
        raise NotRegistered(f"{name}.toml has {', '.join(sorted(unknown))}, which means nothing; remove it.")
    if not entry["primary"]:
        raise NotRegistered(f"{name}.toml has no primary comparison; say what would count.")


def _comparison(name: str, entry: dict, item: dict, every: tuple[float, ...]) -> Comparison:
    missing = {"first", "second", "expected", "why"} - set(item)
    if missing or item["expected"] not in EXPECTED:
        raise NotRegistered(
            f"{name}.toml: a primary comparison has first, second, why, and expected out of {', '.join(EXPECTED)}."
        )
    data = item.get("data", entry["data"][0] if len(entry["data"]) == 1 else None)
    if data not in entry["data"] or (every and item.get("rate") not in every):
        raise NotRegistered(
            f"{name}.toml: {item['first']} against {item['second']}: on which data, at which rate?"
        )
    return Comparison(item["first"], item["second"], item["expected"], item["why"], data, item.get("rate"))


def _check_sense(registration: Registration) -> None:
    """Names exist, tuning and evaluation share no seed, and every comparison has its models."""
    r = registration
    for data in r.data:
        data_named(data)
    for model in (*r.models, *r.ablations):
        model_named(model)
    both = set(r.tuning_seeds) & set(r.seeds)
    if both:
        raise NotRegistered(
            f"{r.name}.toml: seeds {sorted(both)} are used for tuning and for evaluation; choose others."
        )
    seen = (set(r.tuning_seeds) | set(r.seeds)) & SEEN_SEEDS
    if seen:
        raise NotRegistered(f"{r.name}.toml: seeds {sorted(seen)} were seen in prototypes; choose others.")
    if len(set(r.seeds)) != len(r.seeds) or not set(r.ablation_seeds) <= set(r.seeds):
        raise NotRegistered(
            f"{r.name}.toml: seeds repeat, or those of ablations are none of the evaluation's."
        )
    if len(r.seeds) < _ENOUGH_SEEDS and not r.few_seeds:
        raise NotRegistered(f"{r.name}.toml has {len(r.seeds)} seeds; take ten, or say why in few_seeds.")
    if bool(r.tuning_rates) == bool(r.every_rate) or bool(r.tuning_rates) != bool(r.tuning_seeds):
        raise NotRegistered(
            f"{r.name}.toml needs either [tuning] with rates and seeds, or [rates] with every."
        )
    if r.every_rate and r.ablations:
        raise NotRegistered(
            f"{r.name}.toml looks at every rate, so an ablation has no parent's rate to take."
        )
    strangers = {m for c in r.primary for m in (c.first, c.second)} - set(r.models)
    if strangers or set(r.ablations.values()) - set(r.models):
        raise NotRegistered(
            f"{r.name}.toml compares {', '.join(sorted(strangers)) or 'ablations'} without models of that name."
        )
    if len({c.key for c in r.primary}) != len(r.primary):
        raise NotRegistered(f"{r.name}.toml lists a primary comparison twice.")
    if bool(r.replaces) != bool(r.because):
        raise NotRegistered(f"{r.name}.toml: replaces and because belong together.")


@dataclass(frozen=True)
class Ledger:
    """Registrations, tables and report.

    Args:
        folder: where they lie; when left out, ``results`` of this checkout, or inside the installed package.
    """

    folder: Path = field(default_factory=results_folder)

    @property
    def report(self) -> Path:
        """The file with every outcome."""
        return self.folder / "README.md"

    def registrations(self) -> dict[str, Registration]:
        """Return all registrations by name, in the order of their names.

        Raises:
            NotRegistered: one of them cannot be read or would not count.
        """
        return {name: read_registration(self._path(name)) for name in self._names()}

    def registration(self, name: str) -> Registration:
        """Return one registration.

        Raises:
            NotRegistered: there is none of that name, or it cannot be read.
        """
        names = self._names()
        if name not in names:
            raise NotRegistered(
                f"No experiment {name!r} is registered; there are: {', '.join(names) or 'none'}."
            )
        return read_registration(self._path(name))

    def withdrawn(self) -> dict[str, dict[str, str]]:
        """Return the comparisons that were given up: registration -> key of the comparison -> reason.

        Raises:
            NotRegistered: the list cannot be read.
        """
        path = self._path(_WITHDRAWN)
        try:
            return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise NotRegistered(f"{path.name} cannot be read: {error}.") from None

    def tuning_path(self, registration: Registration) -> Path:
        """Return the file of the tuning runs."""
        return self.folder / f"{registration.name}.tuning.csv"

    def evaluation_path(self, registration: Registration) -> Path:
        """Return the file of the evaluation runs."""
        return self.folder / f"{registration.name}.csv"

    def tuning(self, registration: Registration) -> pd.DataFrame:
        """Return the tuning runs, as far as they are there."""
        return read_table(self.tuning_path(registration))

    def evaluation(self, registration: Registration) -> pd.DataFrame:
        """Return the evaluation runs, as far as they are there."""
        return read_table(self.evaluation_path(registration))

    def require_committed(self, registration: Registration) -> None:
        """Refuse to go on unless the registration is committed as it is.

        Raises:
            NotRegistered: it is not, or this is no git checkout.
        """
        path = f"{self.folder.name}/registered/{registration.name}.toml"
        try:
            stored = self.git("show", f"HEAD:./registered/{registration.name}.toml")
        except OSError:
            raise NotRegistered("git is missing, and a registration counts once it is committed.") from None
        except subprocess.CalledProcessError:
            raise NotRegistered(f"{path} is not committed; commit it first, then run it.") from None
        if parse_registration(registration.name, stored).hash != registration.hash:
            raise NotRegistered(
                f"{path} was changed since it was committed; commit it, or take the change back."
            )

    def git(self, *words: str, given: bytes | None = None) -> bytes:
        """Return what git says, asked from inside the folder.

        Args:
            words: the command.
            given: what git reads from its standard input.

        Raises:
            OSError: there is no git, or no folder.
            subprocess.CalledProcessError: git refuses, for example because this is no checkout.
        """
        command = ["git", "-C", str(self.folder), *words]
        return subprocess.run(command, check=True, capture_output=True, input=given).stdout

    def _path(self, name: str) -> Path:
        return self.folder / "registered" / f"{name}.toml"

    def _names(self) -> list[str]:
        stems = (path.stem for path in (self.folder / "registered").glob("*.toml"))
        return sorted(stem for stem in stems if stem != _WITHDRAWN)
