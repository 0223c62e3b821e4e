"""results/README.md: every registered comparison, whichever way it went, written from the tables."""

from pathlib import Path

import pandas as pd

from ..statistics import summary
from ..storage import write_whole
from .evidence import Outcome, outcomes, rows_of
from .registration import Ledger, NotRegistered, Registration
from .tables import missing_runs

_HEAD = """\
# Results

This file is written by `python -m cbam_course experiment report` from the registrations in `registered/` and the
tables beside it; `experiment verify` compares it with them, and the tests run that. Do not edit it.

* **Registered first.** A file in `registered/` says what is compared, how it is tuned and what is expected. It was
  committed before the first run, and its hash stands in every row. Differences are *first minus second*, paired by
  seed, with the 95 % t interval of their mean.
* **One family.** p-values are corrected for the number of primary comparisons of a registration (Holm 1979). A
  verdict needs a corrected p-value below .05. *Not shown* does not mean *equal*.
* **Tuned alike.** Each model's learning rate was chosen on validation images from the same rates, with the same
  seeds; of rates within {margin:.0%} of the best the smallest was taken. The test set was opened at that rate only.
  Questions about the rates themselves, or about the gates of trained networks, name their rates in the registration.
* **Room** is what the baseline leaves: 1 minus its score. A gain is read against it.
* Scores are accuracies, or the mean over images of the intersection over union (`metric` says which). AdamW,
  one-cycle learning rate, one CPU thread, float32. Attention has a reduction ratio of 4 and 7×7 kernels unless its
  name says otherwise (`-r16`, `-k3`), and stands in every block. `plain-wide` has at least as many parameters as the
  network with CBAM; `plain-long` trains three times as long; `plain-max` and `plain-mlp` pool mean and maximum in
  their heads; `context-mean-max` adds what channel attention's MLP puts out, without a sigmoid, instead of
  multiplying; `wide-kernel` adds a depthwise 7×7 convolution, `dilated` one of 3×3 with the same reach; `added-map`
  adds spatial attention's map, without a sigmoid and with one weight for each channel.
  `cbam@spatial-mean` is the trained network `cbam` whose spatial gates were replaced by their mean for the test
  (`-other`: by another image's, `-permuted`: by the same numbers in another order, `-complement`: by 1 minus each).

`python -m cbam_course experiment rerun NAME --row N` trains any row again and compares. `load_results("NAME")` reads
a table.
"""
_TAIL = """\
## Other files

* `retold/where.csv`: an older table, all models at one learning rate of .003. Lesson 07 tells what was wrong with it.
  It is evidence for nothing else.
* `checkpoint.json`: how the ResNet-20 that travels with the course was trained; `shipped.json`: the runs that the
  small networks for scenes are.
* `museum.csv` and `museum.npz`: mistakes trained beside the right module, as `museum.toml` wrote down before; lesson
  08 shows them. Exploratory: nothing is compared with a test.
* `pointing.csv`: where gates and Grad-CAM point, beside their controls (`tools/measure_pointing.py`).
* `notebooks.csv`, `colab.csv`: seconds and memory of every notebook.
"""


def write_report(ledger: Ledger) -> Path:
    """Write the report of a ledger whole and return its path."""
    write_whole(ledger.report, report_text(ledger).encode("utf-8"))
    return ledger.report


def report_text(ledger: Ledger) -> str:
    """Return the text of ``results/README.md`` as the tables have it."""
    known = list(ledger.registrations().values())
    tables = {r.name: ledger.evaluation(r) for r in known}
    given_up = ledger.withdrawn()
    margin = max((r.margin for r in known), default=0.01)
    parts = [_HEAD.format(margin=margin), _overview(known, tables, given_up)]
    parts += [_section(r, state(ledger, r), tables[r.name], given_up.get(r.name, {})) for r in known]
    return "\n".join([*parts, _TAIL])


def state(ledger: Ledger, registration: Registration) -> str:
    """Return how far an experiment is, in words: registered, tuned, in progress, complete, withdrawn."""
    tuning, table = ledger.tuning(registration), ledger.evaluation(registration)
    wanted = registration.tuning_runs()
    untuned = len(missing_runs(wanted, tuning))
    try:
        runs = registration.evaluation_runs(registration.chosen_rates(tuning))
    except NotRegistered:
        return (
            "registered, not run"
            if untuned == len(wanted)
            else f"tuning: {len(wanted) - untuned} of {len(wanted)} runs"
        )
    missing = len(missing_runs(runs, table))
    if missing == len(runs):
        return "tuned, not run" if wanted else "registered, not run"
    if not missing:
        return "complete"
    given_up = ledger.withdrawn().get(registration.name, {})
    word = "withdrawn" if all(c.key in given_up for c in registration.primary) else "in progress"
    return f"{word}: {len(runs) - missing} of {len(runs)} runs"


def _overview(known: list[Registration], tables: dict[str, pd.DataFrame], given_up: dict) -> str:
    """Every primary comparison in one table; what did not come as expected stands first."""
    rows = [
        (registration, outcome)
        for registration in known
        for outcome in outcomes(registration, tables[registration.name], given_up.get(registration.name, {}))
    ]
    rows.sort(key=lambda row: _disappointment(row[1]))
    lines = ["## Every primary comparison, the disappointing ones first", ""]
    lines += ["| experiment | comparison | expected | difference (95 %) | verdict |", "|---|---|---|---|---|"]
    for registration, outcome in rows:
        c = outcome.comparison
        lines.append(
            f"| [{registration.name}](#{registration.name}) | {c.key} | {_expectation(c.expected)} | "
            f"{_interval(outcome)} | {_told(outcome, given_up.get(registration.name, {}))} |"
        )
    return "\n".join([*lines, ""])


def _disappointment(outcome: Outcome) -> int:
    order = (
        "the other way round",
        "not as expected",
        "not shown",
        "too",
        "withdrawn",
        "as expected",
        "in progress",
    )
    return next((i for i, start in enumerate(order) if outcome.verdict.startswith(start)), len(order))


def _told(outcome: Outcome, given_up: dict[str, str]) -> str:
    """The verdict in a table; the reason of a withdrawal stands once, above the experiment's own table."""
    reason = given_up.get(outcome.comparison.key)
    return outcome.verdict if reason is None else outcome.verdict.replace(f"withdrawn: {reason}", "withdrawn")


def _section(registration: Registration, how_far: str, table: pd.DataFrame, given_up: dict[str, str]) -> str:
    r = registration
    lines = [f"## {r.name}", "", f"**{r.title}.** {' '.join(r.question.split())}", ""]
    if r.replaces:
        lines += [f"Replaces `{r.replaces}`: {r.because}", ""]
    lines += [
        f"*{how_far.capitalize()}.* Registration `{r.hash}`. {r.images:,} training images, {r.epochs} epochs, "
        f"batches of {r.batch_size}; seeds {_seeds(r.seeds)}"
        + (f" ({r.few_seeds})" if r.few_seeds else "")
        + ".",
        "",
        f"Seen before: {' '.join(r.seen.split())}",
        "",
    ]
    for reason in dict.fromkeys(given_up.values()):
        keys = [key for key, because in given_up.items() if because == reason]
        which = "all" if len(keys) == len(r.primary) else "; ".join(keys)
        lines += [f"Withdrawn ({which}): {reason.rstrip('.')}.", ""]
    names = (
        "comparison",
        "expected, because",
        "first",
        "second",
        "difference (95 %)",
        "room",
        "corrected p",
        "verdict",
    )
    lines += [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    lines += [_row(outcome, given_up) for outcome in outcomes(r, table, given_up)]
    lines += ["", *_models(r, table)]
    return "\n".join([*lines, ""])


def _row(outcome: Outcome, given_up: dict[str, str]) -> str:
    c = outcome.comparison
    p = "" if outcome.corrected != outcome.corrected else f"{outcome.corrected:.4f}"
    return (
        f"| {c.key} | {_expectation(c.expected)}: {c.why} | {_score(outcome.first)} | {_score(outcome.second)} | "
        f"{_interval(outcome)} | {_score(outcome.room)} | {p} | {_told(outcome, given_up)} |"
    )


def _models(registration: Registration, table: pd.DataFrame) -> list[str]:
    """Mean and spread of every model with its learning rate."""
    if table.empty:
        return []
    lines = [
        "| data | model | learning rate | seeds | mean | standard deviation | parameters |",
        "|---|---|---|---|---|---|---|",
    ]
    names = [*registration.models, *registration.ablations]
    good = table[table.error == ""]
    for data in registration.data:
        for name in names:
            for rate, rows in rows_of(good, data, name).groupby("learning_rate"):
                s = summary(rows["accuracy"])
                mark = " (ablation, exploratory)" if name in registration.ablations else ""
                lines.append(
                    f"| {data} | {name}{mark} | {rate:g} | {s.n} | {_score(s.mean)} | {_score(s.sd)} | "
                    f"{int(rows['parameters'].iloc[0]):,} |"
                )
    return lines


def _expectation(expected: str) -> str:
    return {"higher": "first higher", "lower": "first lower", "none": "no difference"}[expected]


def _interval(outcome: Outcome) -> str:
    d = outcome.difference
    return "" if d is None else f"{_signed(d.mean)} ({_signed(d.low)} to {_signed(d.high)})"


def _signed(value: float) -> str:
    return "" if value != value else f"{value:+.3f}"


def _score(value: float) -> str:
    return "" if value != value else f"{value:.3f}"


def _seeds(seeds: tuple[int, ...]) -> str:
    whole = list(range(seeds[0], seeds[-1] + 1)) == list(seeds)
    return f"{seeds[0]} to {seeds[-1]}" if whole and len(seeds) > 1 else ", ".join(map(str, seeds))
