"""Whether there is an answer at all: stubs, missing values, and things that are not an answer."""

from collections.abc import Callable

from .texts import TaskText, say


def is_unanswered(answer: object) -> bool:
    """Whether the answer is None, or a collection in which everything still is."""
    if isinstance(answer, (tuple, list)):
        return len(answer) > 0 and all(part is None for part in answer)
    if isinstance(answer, dict):
        return len(answer) > 0 and all(part is None for part in answer.values())
    return answer is None


def missing_part(answer: object) -> int | None:
    """Return the number, from 1, of the first part that is still None while another is given."""
    parts = list(answer.values()) if isinstance(answer, dict) else answer
    if not isinstance(parts, (tuple, list)):
        return None
    return next((number for number, part in enumerate(parts, 1) if part is None), None)


def wrong_kind(answer: object, text: TaskText) -> str:
    """Return a sentence if the answer is not of the kind that the task asks for, else an empty string."""
    if text.kind == "class" and not isinstance(answer, type):
        return say("wrong_kind_class", task=text.task_id, name=_class_name(answer), got=_article(answer))
    if text.kind == "function" and not _is_function(answer):
        sentence = "called_function" if hasattr(answer, "shape") else "wrong_kind_function"
        return say(sentence, task=text.task_id, name=text.task_id.replace("-", "_"), got=_article(answer))
    return ""


def still_stubs(answer: object, text: TaskText) -> tuple[list[str], list[str]]:
    """Return the names of the methods that still raise NotImplementedError, and of those that are written."""
    if not isinstance(answer, type):
        return [getattr(answer, "__name__", "answer")], []
    methods = {name: value.__code__ for name, value in vars(answer).items() if hasattr(value, "__code__")}
    asked = {name: code for name, code in methods.items() if name not in text.given}
    stubs = [name for name, code in asked.items() if "NotImplementedError" in code.co_names]
    return stubs, [name for name in asked if name not in stubs]


def _is_function(answer: object) -> bool:
    return isinstance(answer, Callable) and not isinstance(answer, type)


def _class_name(answer: object) -> str:
    return type(answer).__name__ if hasattr(answer, "forward") else "YourClass"


def _article(answer: object) -> str:
    if isinstance(answer, type):
        return f"the class {answer.__name__}"
    return f"an object of type {type(answer).__name__}"
