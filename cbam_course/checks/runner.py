"""``check(task_id, answer)``: examine an answer and say what was found. It never raises."""

import os
from dataclasses import replace

from .attempt import is_unanswered, missing_part, still_stubs, wrong_kind
from .guard import SECONDS, TimeIsUp, guarded
from .progress import passed_tasks, record
from .report import Finding, Report, finder
from .source import describe, learners_line, raised_by_learner
from .task import Task, UnknownTask, find_task, next_open_task
from .texts import say


class CheckNotPassed(AssertionError):
    """Raised under ``CBAM_COURSE_STRICT=1`` when an answer does not pass."""


def check(task_id: str, answer: object) -> Report:
    """Examine an answer, record the outcome, and return a report.

    Args:
        task_id: the task's published id, such as ``"channel-attention"``.
        answer: what the task asks for: the class, the function or the value itself.

    Returns:
        A :class:`Report`; in Jupyter it shows itself as the last line of a cell.

    Raises:
        CheckNotPassed: only with the environment variable ``CBAM_COURSE_STRICT=1``, and only unless passed.
    """
    try:
        report = _finished(examine(find_task(task_id), answer))
    except UnknownTask as unknown:
        report = Report(str(task_id), "error", message=str(unknown))
    if os.environ.get("CBAM_COURSE_STRICT") == "1" and not report.passed:
        raise CheckNotPassed(str(report))
    return report


def examine(task: Task, answer: object) -> Report:
    """Return the report on an answer without recording it."""
    try:
        return _examine_anything(task, answer)
    except BaseException as error:  # even looking at it failed: its type, its name, its attributes may raise
        return _judged(task.text, [], _sentence(error), "error")


def _examine_anything(task: Task, answer: object) -> Report:
    text = task.text
    if is_unanswered(answer):
        return _not_attempted(text)
    if (number := missing_part(answer)) is not None:
        return _failed(text, say("part_missing", number=number), "part-missing")
    with guarded():  # looking at an object runs its code too: __getattr__ may do anything
        sentence = wrong_kind(answer, text)
    if sentence:
        return _failed(text, sentence, "wrong-kind")
    return replace(_examine_running(task, answer), source=describe(answer))


def _examine_running(task: Task, answer: object) -> Report:
    """Collect findings until the examiner ends or the learner's code stops it."""
    text, findings = task.text, []
    try:
        with guarded():
            for finding in task.examine(answer, finder(text)):
                findings.append(finding)
    except BaseException as error:
        return _stopped(text, findings, answer, error)
    return _judged(text, findings)


def _judged(text, findings: list[Finding], message: str = "", status: str = "failed") -> Report:
    """Turn findings into a report: untested properties are listed, the first named mistake is the likely one."""
    tested = {finding.slug for finding in findings}
    find = finder(text)
    rest = [find(slug, None) for slug in text.properties if slug not in tested and slug not in text.optional]
    mistake = next((f.mistake for f in findings if f.mistake), None)
    passed = not message and not rest and all(f.holds is not False for f in findings)
    return Report(
        text.task_id,
        "passed" if passed else "failed" if mistake else status,
        findings=(*findings, *rest),
        mistake=mistake,
        mistake_text=text.mistakes.get(mistake, ""),
        message=message,
    )


def _stopped(text, findings, answer, error: BaseException) -> Report:
    """The learner's code raised, ended the program, or ran for too long."""
    if isinstance(error, NotImplementedError) and raised_by_learner(error.__traceback__):
        stubs, written = still_stubs(answer, text)
        if not written:
            return _not_attempted(text)
        name = stubs[0] if stubs else "The code"
        return _judged(text, findings, say("still_a_stub", name=name), "failed")
    return _judged(text, findings, _sentence(error), "error")


def _sentence(error: BaseException) -> str:
    """Say what stopped the check, with the learner's own line."""
    if isinstance(error, SystemExit):
        sentence = say("exited")
    elif isinstance(error, TimeIsUp):
        sentence = say("took_too_long", seconds=SECONDS)
    elif isinstance(error, KeyboardInterrupt):
        sentence = say("interrupted")
    elif isinstance(error, RecursionError):
        sentence = say("recursed")
    else:
        sentence = say("raised", kind=type(error).__name__, message=_message(error))
    return "\n".join(filter(None, [sentence, learners_line(error)]))


def _message(error: BaseException) -> str:
    try:
        return str(error).split("\n")[0][:300]
    except BaseException:  # an exception of the learner's own may fail to describe itself
        return "(no message)"


def _not_attempted(text) -> Report:
    return Report(text.task_id, "not attempted", message=say("not_attempted"))


def _failed(text, message: str, mistake: str) -> Report:
    report = _judged(text, [], message)
    return replace(report, mistake=mistake, mistake_text=text.mistakes[mistake])


def _finished(report: Report) -> Report:
    """Record the outcome and add what to do next."""
    notes = record(report)
    task = find_task(report.task_id)
    if report.status in ("failed", "error"):
        step = say("next_hint", task=report.task_id, count=len(task.text.hints))
    elif report.passed:
        following = next_open_task(passed_tasks() | {report.task_id}, task.text.lesson)
        step = (
            say("next_task", task=following.task_id, title=following.title) if following else say("all_done")
        )
    else:
        step = ""
    return replace(report, next_step=step, notes=notes)
