"""A report as Jupyter shows it. The verdict is in words and a sign; colour only repeats it."""

import base64
import io
from html import escape

from .report import Finding, Report
from .texts import word

SIGN = {"passed": "✔", "failed": "✘", "not attempted": "○", "error": "!"}
EDGE = {"passed": "#0072b2", "failed": "#d55e00", "not attempted": "#888888", "error": "#d55e00"}
STATE = {True: ("✔", "holds"), False: ("✘", "fails"), None: ("○", "untested")}


def report_html(report: Report) -> str:
    """Return the report as HTML: text colours are inherited, so that it reads in light and dark themes."""
    parts = [
        f"<strong>{SIGN[report.status]} {escape(report.verdict)}</strong>",
        f"<pre style='margin:.4em 0'>{escape(report.message)}</pre>" if report.message else "",
        _table(report.findings) if report.findings else "",
        *(f"<div style='margin:.3em 0'>{escape(text)}</div>" for text in _closing(report)),
    ]
    style = f"border-left:4px solid {EDGE[report.status]};padding:.2em .8em"
    return f"<div style='{style}'>{''.join(parts)}</div>"


def _closing(report: Report) -> list[str]:
    return [text for text in (report.diagnosis, report.next_step, report.source, *report.notes) if text]


def _table(findings: tuple[Finding, ...]) -> str:
    rows = "".join(_row(finding) for finding in findings)
    return f"<table style='margin:.5em 0'>{rows}</table>"


def _row(finding: Finding) -> str:
    sign, state = STATE[finding.holds]
    detail = "".join(
        f"<br><em>{escape(word(name))}</em>: {escape(text)}"
        for name, text in (("expected", finding.expected), ("got", finding.got))
        if text
    )
    if finding.pictures:
        detail += "<br>" + " ".join(
            _picture(name, values)
            for name, values in zip(("expected", "got"), finding.pictures, strict=False)
        )
    left = "style='text-align:left;vertical-align:top'"
    return (
        f"<tr><td {left}>{sign} {escape(word(state))}</td><td {left}>{escape(finding.says)}{detail}</td></tr>"
    )


def _picture(name: str, values) -> str:
    """Return a map as an enlarged grey picture, dark for its lowest value and light for its highest."""
    from PIL import Image

    values = values.detach().float()
    span = (values.max() - values.min()).clamp(min=1e-12)
    grey = ((values - values.min()) / span * 255).round().byte().numpy()
    buffer = io.BytesIO()
    Image.fromarray(grey).resize((96, 96), Image.Resampling.NEAREST).save(buffer, format="PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    return f"<img alt='{escape(word(name))}' title='{escape(word(name))}' src='data:image/png;base64,{data}'>"
