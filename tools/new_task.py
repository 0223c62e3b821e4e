"""Begin a task: ``python tools/new_task.py 03 my-task [--kind class|function|value]``.

Writes a small task that works into the four places of a task, and says what is left to do.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

THINK = "# %% [markdown]\n# ### To think about"
EXERCISE = """# %% [markdown]
# ### Task {number} · {title} (difficulty 1 of 5, 5 min)
#
# TODO: what is asked for, with shapes.

{gap}# %%
{stub}

{gap}# %%
check("{task}", {answer})

"""
STUBS = {
    "value": "### BEGIN SOLUTION\n{name} = 4  # TODO\n### END SOLUTION",
    "function": "def {name}(x):\n    ### BEGIN SOLUTION\n    return 2 * x  # TODO\n    ### END SOLUTION",
    "class": (
        "class {camel}(nn.Module):\n    def __init__(self, in_channels):\n        super().__init__()\n\n"
        "    def forward(self, x):\n"
        "        ### BEGIN SOLUTION\n        return 2 * x  # TODO\n        ### END SOLUTION"
    ),
}
# Each tells right answers from wrong ones and names a mistake: to be changed, not to be invented.
EXAMINERS = {
    "value": """

# {task}


def {name}(answer: object, find: Find) -> None:
    \"""TODO: in one sentence, how the answer is tried.\"""
    number = answer if isinstance(answer, (int, float)) else None  # TODO: values.as_number reads tensors too
    find("value", number == 4, "todo-mistake" if number == 2 else None, expected=4, got=answer)
""",
    "function": """

# {task}

_{upper}_INPUTS = [
    (torch.randn(shape, generator=torch.Generator().manual_seed(0)),)
    for shape in ((2, 3, 4, 5), (1, 2, 3, 3))
]


def _{name}(x: torch.Tensor) -> torch.Tensor:
    return 2 * x  # TODO: the right answer


def {name}(answer: object, find: Find) -> None:
    \"""TODO: in one sentence, how the answer is tried.\"""
    mistakes = {{"todo-mistake": lambda x: x * x}}  # TODO: what the mistake computes
    find.agrees("value", answer, _{name}, _{upper}_INPUTS, mistakes)
""",
    "class": """

# {task}


def {name}(answer: object, find: Find) -> None:
    \"""TODO: in one sentence, how the answer is tried.\"""
    x = torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    got = answer(4)(x.clone())
    is_map = isinstance(got, torch.Tensor) and got.shape == x.shape
    # TODO: what the mistake computes
    mistake = "todo-mistake" if is_map and torch.equal(got, x * x) else None
    find("value", is_map and torch.equal(got, 2 * x), mistake, expected=2 * x, got=got)
""",
}
TEXTS = """
[tasks.{task}]
title = "{title}"
kind = "{kind}"
hints = [
  "TODO {task}: a question that leads on",
  "TODO {task}: the idea",
  "TODO {task}: nearly the answer",
]

[tasks.{task}.properties.value]
says = "TODO: what holds in a right answer"
expected = "{{expected}}"
got = "{{got}}"

[tasks.{task}.mistakes]
todo-mistake = "TODO: what was done, what is meant, and the first step of the cure."
"""
ANSWERS = """

# {task}
{classes}
# TODO: three at least, written differently
RIGHT["{task}"] = [{right}]

WRONG["{task}"] = {{
    "todo-mistake": [{wrong}],  # TODO: answers that make this mistake
    None: [],  # TODO: wrong answers that no mistake's name can be given to; six at least in all
}}
"""
ONE_CLASS = """

class {camel}{what}(torch.nn.Module):
    def __init__(self, in_channels):
        super().__init__()

    def forward(self, x):
        return {gives}
"""
BANKS = {
    "value": ("4, 4.0", "2"),
    "function": ("lambda x: 2 * x, lambda x: x + x", "lambda x: x * x"),
    "class": ("{camel}Doubled, {camel}Added", "{camel}Squared"),
}


def write_task(root: Path, lesson: str, task: str, kind: str) -> list[Path]:
    """Write a small task into its four places and return the files.

    Args:
        root: the repository.
        lesson: its number, such as "03".
        task: the new id, in small letters with hyphens.
        kind: "class", "function" or "value".

    Raises:
        ValueError: there is no such lesson, the id is no id, or it is or was in use.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", task):
        raise ValueError(f"{task!r} is no id: use small letters, digits and hyphens, as in mean-or-max")
    exercises = sorted((root / "authoring").glob(f"{lesson}_*_exercise.py"))
    if len(exercises) != 1:
        raise ValueError(
            f"there is no exercise for lesson {lesson!r} in authoring/; give a number such as 03"
        )
    if task in _known(root):
        raise ValueError(
            f"the id {task!r} is or was in use, and an id never changes its meaning; take another"
        )
    words = _words(task, kind, _tasks_in(exercises[0]) + 1)
    lessons = root / "cbam_course" / "lessons"
    _insert(exercises[0], EXERCISE.format(**words), before=THINK)
    others = {
        lessons / f"lesson_{lesson}.py": EXAMINERS[kind],
        lessons / f"lesson_{lesson}.toml": TEXTS,
        root / "tests" / "answers" / f"lesson_{lesson}.py": ANSWERS,
    }
    for path, text in others.items():
        before = path.read_text(encoding="utf-8").rstrip("\n")
        path.write_text(f"{before}\n{text.format(**words)}", encoding="utf-8")
    return [exercises[0], *others]


def _words(task: str, kind: str, number: int) -> dict[str, str | int]:
    """Return what fills the braces of the stubs."""
    name, camel = task.replace("-", "_"), "".join(part.capitalize() for part in task.split("-"))
    words = {
        "task": task,
        "kind": kind,
        "number": number,
        "name": name,
        "upper": name.upper(),
        "camel": camel,
    }
    words["title"] = task.replace("-", " ").capitalize()
    words["answer"] = camel if kind == "class" else name
    words["gap"] = "" if kind == "value" else "\n"  # two empty lines around a function, as ruff wants them
    words["stub"] = STUBS[kind].format(**words)
    words["right"], words["wrong"] = (text.format(**words) for text in BANKS[kind])
    made = {"Doubled": "2 * x", "Added": "x + x", "Squared": "x * x"} if kind == "class" else {}
    words["classes"] = "".join(
        ONE_CLASS.format(what=what, gives=gives, **words) for what, gives in made.items()
    ) + "\n" * bool(made)
    return words


def _tasks_in(exercise: Path) -> int:
    return exercise.read_text(encoding="utf-8").count("\n# ### Task ")


def _insert(path: Path, text: str, before: str) -> None:
    """Put text before what ends an exercise, or at the end where nothing does."""
    start, mark, rest = path.read_text(encoding="utf-8").partition(before)
    path.write_text(f"{start}{text}{mark}{rest}", encoding="utf-8")


def _known(root: Path) -> set[str]:
    folder = root / "cbam_course"
    known = set(tomllib.loads((folder / "checks" / "texts.toml").read_text(encoding="utf-8"))["retired"])
    for path in (folder / "lessons").glob("lesson_*.toml"):
        known |= set(tomllib.loads(path.read_text(encoding="utf-8"))["tasks"])
    return known


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lesson", help="the lesson's number, for example 03")
    parser.add_argument("task", help="the new id, for example mean-or-max")
    parser.add_argument("--kind", choices=STUBS, default="function", help="what is handed in")
    options = parser.parse_args(argv)
    try:
        places = write_task(ROOT, options.lesson, options.task, options.kind)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print("A small task that works stands in:", *(f"  {path.relative_to(ROOT)}" for path in places), sep="\n")
    print(
        "Left to do, in each of them where TODO stands:\n"
        "  1. in the exercise: the goal, the stub and the solution; it is the last task, with the next number\n"
        "  2. in tests/answers: right answers written differently, wrong ones under the name of their mistake\n"
        "  3. in the lesson's .toml: three hints, the properties, the mistakes\n"
        "  4. in the lesson's .py: the examiner, which has to tell all of them apart\n"
        f"Then: python tools/judge_bank.py --only {options.lesson}\n"
        "      python -m pytest tests/test_new_task.py tests/test_checks_verdicts.py\n"
        f'      make notebooks ARGS="--only {options.lesson}"'
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
