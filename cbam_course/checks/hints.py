"""Hints: three steps for each task, one step further at each call, the last one nearly the answer."""

from dataclasses import dataclass
from html import escape

from .progress import append, read_entries
from .task import UnknownTask, find_text
from .texts import say


@dataclass(frozen=True)
class Hint:
    """One hint; in Jupyter it shows itself."""

    heading: str
    text: str
    after: str

    def __str__(self) -> str:
        return "\n".join(filter(None, [self.heading, self.text, self.after]))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        text = escape(self.text).replace("\n", "<br>")
        return f"<strong>{escape(self.heading)}</strong><div>{text}</div><small>{escape(self.after)}</small>"


def hint(task_id: str, step: int | None = None) -> Hint:
    """Return the next hint of a task, or the one with number ``step`` (1 to 3).

    Which hint comes next is kept with the progress, so that it survives a restart.
    """
    try:
        text = find_text(task_id)
    except UnknownTask as unknown:
        return Hint(str(unknown), "", "")
    count = len(text.hints)
    if step is None:
        step = min(_shown(task_id) + 1, count)
    elif isinstance(step, bool) or not isinstance(step, int) or not 1 <= step <= count:
        return Hint(say("hint_step", step=repr(step), count=count), "", "")
    append({"hint": task_id, "step": step})
    after = say("hint_more", task=task_id) if step < count else say("hint_last")
    return Hint(say("hint_heading", step=step, count=count, task=task_id), text.hints[step - 1], after)


def _shown(task_id: str) -> int:
    """Return the highest step shown so far; not the number of calls, so that hint(task, 1) can be read again."""
    steps = [e.get("step") for e in read_entries()[0] if e.get("hint") == task_id]
    return max((step for step in steps if isinstance(step, int)), default=0)
