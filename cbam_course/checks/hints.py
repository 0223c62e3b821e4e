"""Hints: three steps for each task, one step further at each call, the last one nearly the answer."""

from dataclasses import dataclass

from .progress import append, read_entries
from .tasks import UnknownTask, find_task, say


@dataclass(frozen=True)
class Hint:
    """One hint; in Jupyter it shows itself."""

    heading: str
    text: str = ""
    after: str = ""

    def __str__(self) -> str:
        return "\n".join(filter(None, [self.heading, self.text, self.after]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from .html import hint_html

        return hint_html(self)


def hint(task_id: str, step: int | None = None) -> Hint:
    """Return the next hint of a task, or the one with number ``step`` (1 to 3). It never raises.

    Which hint comes next is kept with the progress, so that it survives a restart.
    """
    try:
        task = find_task(task_id)
    except UnknownTask as unknown:
        return Hint(str(unknown))
    count = len(task.hints)
    if step is None:
        step = min(_shown(task_id, count) + 1, count)
    elif isinstance(step, bool) or not isinstance(step, int) or not 1 <= step <= count:
        return Hint(say("hint_step", step=repr(step), count=count))
    append({"hint": task_id, "step": step})
    after = say("hint_more", task=task_id) if step < count else say("hint_last")
    return Hint(say("hint_heading", step=step, count=count, task=task_id), task.hints[step - 1], after)


def _shown(task_id: str, count: int) -> int:
    """Return the highest step shown so far; not the number of calls, so that hint(task, 1) can be read again."""
    steps = [entry.get("step") for entry in read_entries()[0] if entry.get("hint") == task_id]
    return max((step for step in steps if isinstance(step, int) and 1 <= step <= count), default=0)
