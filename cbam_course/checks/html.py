"""Reports, hints, progress and notes as Jupyter shows them. Verdicts are words and a sign; colour only repeats them.

Text colours are inherited, so that everything reads in light and in dark themes.
"""

import base64
import io
from html import escape

import numpy
import torch

from .predictions import Note
from .progress import Hint, Progress
from .report import Example, Finding, Report
from .tasks import word
from .values import show

SIGN = {"passed": "✔", "failed": "✘", "not attempted": "○", "stopped": "◷", "error": "!"}
EDGE = {
    "passed": "#0072b2",
    "failed": "#d55e00",
    "not attempted": "#888888",
    "stopped": "#e69f00",
    "error": "#888888",
}
STATE = {True: ("✔", "holds"), False: ("✘", "fails"), None: ("○", "untested")}
_LEFT = "style='text-align:left;vertical-align:top'"
_LARGEST = 12  # rows and columns of a map whose numbers are written out


def report_html(report: Report) -> str:
    """Return a report as HTML."""
    closing = (report.diagnosis, report.next_step, report.source, *report.notes)
    parts = [
        f"<strong>{SIGN[report.status]} {escape(report.verdict)}</strong>",
        f"<pre style='margin:.4em 0'>{escape(report.message)}</pre>" if report.message else "",
        _findings(report.findings) if report.findings else "",
        _example(report.example) if report.example else "",
        *(f"<div style='margin:.3em 0'>{escape(text)}</div>" for text in closing if text),
    ]
    style = f"border-left:4px solid {EDGE[report.status]};padding:.2em .8em"
    return f"<div style='{style}'>{''.join(parts)}</div>"


def hint_html(hint: Hint) -> str:
    """Return a hint as HTML."""
    text = escape(hint.text).replace("\n", "<br>")
    return f"<strong>{escape(hint.heading)}</strong><div>{text}</div><small>{escape(hint.after)}</small>"


def progress_html(progress: Progress) -> str:
    """Return the table of all tasks as HTML."""
    rows = "".join(
        f"<tr><td>{lesson}</td><td {_LEFT}>{escape(task)}</td>"
        f"<td {_LEFT}>{SIGN[state]} {escape(word(state))}</td><td>{attempts or ''}</td></tr>"
        for lesson, task, state, attempts in progress.rows
    )
    closing = "".join(f"<div>{escape(sentence)}</div>" for sentence in progress.sentences())
    headings = "".join(f"<th {_LEFT}>{escape(heading)}</th>" for heading in progress.headings)
    return f"<strong>{escape(progress.title)}</strong><table><tr>{headings}</tr>{rows}</table>{closing}"


def note_html(note: Note) -> str:
    """Return a note on a prediction as HTML."""
    return f"<div style='border-left:4px solid #888888;padding:.2em .8em'>{escape(note.text)}</div>"


def _findings(findings: tuple[Finding, ...]) -> str:
    rows = "".join(_finding(finding) for finding in findings)
    return f"<table style='margin:.5em 0'>{rows}</table>"


def _finding(finding: Finding) -> str:
    sign, state = STATE[finding.holds]
    sides = (("expected", finding.expected), ("got", finding.got))
    detail = "".join(f"<br><em>{escape(word(name))}</em>: {escape(text)}" for name, text in sides if text)
    if finding.pictures:
        named = zip(("expected", "got"), finding.pictures, strict=False)
        detail += "<br>" + " ".join(_picture(word(name), values) for name, values in named)
    return f"<tr><td {_LEFT}>{sign} {escape(word(state))}</td><td {_LEFT}>{escape(finding.says)}{detail}</td></tr>"


def _example(example: Example) -> str:
    cells = "".join(
        f"<td {_LEFT}><em>{escape(label)}</em><br>{_value(value)}</td>" for label, value in example.items
    )
    return f"<div>{escape(example.says)}</div><table style='margin:.3em 0'><tr>{cells}</tr></table>"


def _value(value: object) -> str:
    """A small map as a table of its numbers on grey, a larger one as a picture, anything else in words."""
    maps = _maps(value)
    if maps is None:
        return escape(show(value))
    if max(maps.shape[1:]) > _LARGEST or len(maps) > 8:
        return "".join(_picture(show(value), values) for values in maps[:8])
    low, high = float(maps.min()), float(maps.max())
    shape = f"<br><small>{escape(str(tuple(value.shape)))}</small>"
    return "".join(_grid(values, low, high) for values in maps.tolist()) + shape


def _maps(value: object) -> torch.Tensor | None:
    """Return the planes of a tensor with two axes or more, (count, rows, columns), None for anything else."""
    if isinstance(value, numpy.ndarray) and value.dtype.kind in "fiub":
        value = torch.as_tensor(value.copy())
    if not isinstance(value, torch.Tensor) or value.ndim < 2 or value.numel() == 0 or value.is_complex():
        return None
    return (
        value.detach().cpu().double().flatten(0, -3)
        if value.ndim > 2
        else value.detach().cpu().double()[None]
    )


def _grid(rows: list[list[float]], low: float, high: float) -> str:
    span = (high - low) or 1.0

    def cell(number: float) -> str:
        share = (number - low) / span if number == number and abs(number) != float("inf") else 0.0
        grey = round(60 + 180 * share)
        text = "#000" if grey > 140 else "#fff"
        style = f"background:rgb({grey},{grey},{grey});color:{text};padding:.1em .4em;text-align:right"
        return f"<td style='{style}'>{number:.3g}</td>"

    body = "".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return f"<table style='display:inline-table;margin:.1em .3em .1em 0'>{body}</table>"


def _picture(alternative: str, values: torch.Tensor) -> str:
    """Return a map as an enlarged grey picture, dark for its lowest value and light for its highest."""
    from PIL import Image

    values = values.detach().float()
    span = (values.max() - values.min()).clamp(min=1e-12)
    grey = ((values - values.min()) / span * 255).round().byte().numpy()
    buffer = io.BytesIO()
    Image.fromarray(grey).resize((96, 96), Image.Resampling.NEAREST).save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    text = escape(alternative, quote=True)
    return f"<img alt='{text}' title='{text}' src='data:image/png;base64,{data}'>"
