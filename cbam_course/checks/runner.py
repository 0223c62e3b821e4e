"""``check(task_id, answer)``: examine an answer and say what was found. It never raises."""

import os
from dataclasses import replace

from .answers import (
    NothingReturned,
    Watched,
    describe,
    forward_must_return,
    is_learners_fault,
    is_unanswered,
    learners_line,
    missing_part,
    raised_by_learner,
    still_stubs,
    wrong_kind,
)
from .guard import TimeIsUp, guarded
from .progress import passed_tasks, record
from .report import Find, Report
from .tasks import Task, UnknownTask, find_task, next_open_task, say


class CheckNotPassed(AssertionError):
    """Raised under ``CBAM_COURSE_STRICT=1`` when an answer does not pass."""


class CheckBroken(RuntimeError):
    """Raised under ``CBAM_COURSE_STRICT=1`` when a check itself fails; its cause is the error."""


def check(task_id: str, answer: object) -> Report:
    """Examine an answer, record the outcome, and return a report.

    Args:
        task_id: the task's published id, such as ``"channel-attention"``.
        answer: what the task asks for: the class, the function or the value itself.

    Returns:
        A :class:`Report`; in Jupyter it shows itself as the last line of a cell.

    Raises:
        CheckNotPassed: only with the environment variable ``CBAM_COURSE_STRICT=1``, and only unless passed.
        CheckBroken: only with that variable, when the check itself fails.
    """
    strict = os.environ.get("CBAM_COURSE_STRICT") == "1"
    try:
        task = find_task(task_id)
    except UnknownTask as unknown:
        report = Report(str(task_id), "error", message=str(unknown))
    else:
        report = _finished(task, examine(task, answer))
    if strict and not report.passed:
        raise CheckNotPassed(str(report))
    return report


def examine(task: Task, answer: object) -> Report:
    """Return the report on an answer without recording it."""
    find = Find(task)
    find.answer = answer
    try:
        return _examine_anything(task, answer, find)
    except CheckBroken:
        raise
    except BaseException as error:  # even looking at it failed: its type, its name, its attributes may raise
        return _raised(find, answer, None, error)


def _examine_anything(task: Task, answer: object, find: Find) -> Report:
    if is_unanswered(answer):
        return Report(task.task_id, "not attempted", message=say("not_attempted"))
    if (number := missing_part(answer)) is not None:
        find("complete", False, "part-missing", got=say("part_missing", number=number))
        return _judged(find)
    with guarded():  # looking at an object runs its code too: __getattr__ may do anything
        sentence = wrong_kind(answer, task)
    if sentence:
        find("kind", False, "wrong-kind", expected=task.kind, got=sentence)
        return _judged(find)
    return replace(_examine_running(task, answer, find), source=describe(answer))


def _examine_running(task: Task, answer: object, find: Find) -> Report:
    """Collect findings until the examiner ends or the learner's code stops it."""
    examiner = task.examiner  # imported here: only the learner's own time counts
    watched = Watched(answer, task) if task.kind == "function" else None
    try:
        with guarded(), forward_must_return(answer):
            examiner(answer if watched is None else watched, find)
    except NothingReturned:
        find("returns", False, "missing-return")
    except BaseException as error:
        return _raised(find, answer, watched, error)
    if watched is not None and watched.changed and all(f.holds for f in find.findings):
        find("input-kept", False, "in-place-change")
    return _judged(find)


def _judged(find: Find, message: str = "", status: str = "failed") -> Report:
    """Turn findings into a report: what was not tested is listed, the first named mistake is the likely one."""
    task, findings = find.task, find.findings
    tested = {finding.slug for finding in findings}
    left = [slug for slug in task.properties if slug not in tested and slug not in task.optional]
    failed = [finding for finding in findings if finding.holds is False]
    if status == "failed" and not failed and left:
        return _broken(find, RuntimeError(say("silent_examiner", slug=left[0])))
    mistake = next((finding.mistake for finding in failed if finding.mistake), None)
    passed = status == "failed" and not failed
    return Report(
        task.task_id,
        "passed" if passed else status,
        findings=(*findings, *(find.untested(slug) for slug in left)),
        mistake=mistake,
        mistake_text=task.mistakes.get(mistake, ""),
        message=message,
        example=find.example,
    )


def _raised(find: Find, answer: object, watched: Watched | None, error: BaseException) -> Report:
    """Tell what ended the examination: the learner's code, the clock, or an error of the examiner's own."""
    if isinstance(error, NotImplementedError) and raised_by_learner(error.__traceback__):
        stubs, written = still_stubs(answer, find.task)
        if not written:
            return Report(find.task.task_id, "not attempted", message=say("not_attempted"))
        name = stubs[0] if stubs else "The code"
        find("complete", False, got=say("still_a_stub", name=name))
        return _judged(find, say("still_a_stub", name=name))
    if isinstance(error, TimeIsUp):
        return _judged(find, _with_line(say(error.reason, seconds=error.seconds), error), "stopped")
    if isinstance(error, KeyboardInterrupt):
        return _judged(find, _with_line(say("interrupted"), error), "stopped")
    if isinstance(error, SystemExit):
        sentence = say("exited")
    elif isinstance(error, RecursionError):
        sentence = say("recursed")
    elif _blames_learner(error, answer, watched):
        sentence = say("raised", kind=type(error).__name__, message=_message(error))
    else:
        return _broken(find, error)
    called = say("called_with", context=find.context) if find.context else ""
    find("runs", False, got=f"{type(error).__name__}: {_message(error)}{called}")
    return _judged(find, _with_line(sentence, error))


def _blames_learner(error: BaseException, answer: object, watched: Watched | None) -> bool:
    try:
        return is_learners_fault(error, answer, watched)
    except BaseException:  # only something of the learner's refuses to be looked at
        return True


def _broken(find: Find, error: BaseException) -> Report:
    """An error of the examiner's own: told as the course's, and raised where tests must notice it."""
    if os.environ.get("CBAM_COURSE_STRICT") == "1":
        raise CheckBroken(f"the check of {find.task.task_id} is broken") from error
    message = say("broken", task=find.task.task_id, kind=type(error).__name__, message=_message(error))
    return Report(find.task.task_id, "error", message=message)


def _with_line(sentence: str, error: BaseException) -> str:
    """Add the learner's own line."""
    return "\n".join(filter(None, [sentence, learners_line(error)]))


def _message(error: BaseException) -> str:
    try:
        return str(error).split("\n")[0][:300]
    except BaseException:  # an exception of the learner's own may fail to describe itself
        return "(no message)"


def _finished(task: Task, report: Report) -> Report:
    """Record the outcome and add what to do next."""
    notes = record(report)
    step = ""
    if report.status in ("failed", "stopped"):
        step = say("next_hint", task=report.task_id, count=len(task.hints))
    elif report.passed:
        following = next_open_task(passed_tasks() | {report.task_id}, task.lesson)
        step = say("all_done")
        if following:
            step = say("next_task", task=following.task_id, title=following.title)
    return replace(report, next_step=step, notes=notes)
