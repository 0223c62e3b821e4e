"""Begin a task: ``python tools/new_task.py 03 my-task [--kind class|function|value]``.

Writes stubs in the four places of a task and says what is left to do.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

EXERCISE = """
# %% [markdown]
# ## {title}
#
# **Goal:** TODO. **Difficulty:** ★☆☆. **Minutes:** 5.

# %%
{stub}


check("{task}", {answer})
"""
STUBS = {
    "value": "### BEGIN SOLUTION\n{name} = 0  # TODO\n### END SOLUTION",
    "function": "def {name}(x):\n    ### BEGIN SOLUTION\n    return x  # TODO\n    ### END SOLUTION",
    "class": (
        "class {camel}(nn.Module):\n    def __init__(self, in_channels):\n        super().__init__()\n\n"
        "    def forward(self, x):\n        ### BEGIN SOLUTION\n        return x  # TODO\n        ### END SOLUTION"
    ),
}
EXAMINER = '''

def {name}(answer: object, find: Find) -> None:
    """TODO: in one sentence, how the answer is tried."""
    find("value", False, "todo-mistake", got=answer)
'''
TEXTS = """
[tasks.{task}]
title = "TODO"
kind = "{kind}"
hints = [
  "TODO {task}: a question that leads on",
  "TODO {task}: the idea",
  "TODO {task}: nearly the answer",
]

[tasks.{task}.properties.value]
says = "TODO: what holds in a right answer"
expected = "TODO"
got = "{{got}}"

[tasks.{task}.mistakes]
todo-mistake = "TODO: what was done, what is meant, and the first step of the cure."
"""
ANSWERS = """

# {task}

RIGHT["{task}"] = []  # TODO: three at least, written differently

WRONG["{task}"] = {{
    "todo-mistake": [],  # TODO: six at least in all; under None those that no mistake's name can be given to
}}
"""


def write_task(root: Path, lesson: str, task: str, kind: str) -> list[Path]:
    """Write the four stubs and return the files.

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
    name, camel = task.replace("-", "_"), "".join(part.capitalize() for part in task.split("-"))
    names = {
        "task": task,
        "name": name,
        "camel": camel,
        "kind": kind,
        "title": task.replace("-", " ").capitalize(),
    }
    names["answer"] = camel if kind == "class" else name
    names["stub"] = STUBS[kind].format(**names)
    lessons = root / "cbam_course" / "lessons"
    places = {
        exercises[0]: EXERCISE,
        lessons / f"lesson_{lesson}.py": EXAMINER,
        lessons / f"lesson_{lesson}.toml": TEXTS,
        root / "tests" / "answers" / f"lesson_{lesson}.py": ANSWERS,
    }
    for path, text in places.items():
        before = path.read_text(encoding="utf-8").rstrip("\n")
        path.write_text(f"{before}\n{text.format(**names)}", encoding="utf-8")
    return list(places)


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
    print("Stubs stand at the end of:", *(f"  {path.relative_to(ROOT)}" for path in places), sep="\n")
    print(
        "Left to do:\n"
        "  1. in the exercise: move the cells to their place, word the goal, plan the stub, write the solution\n"
        "  2. in tests/answers: right answers written differently, wrong ones under the name of their mistake\n"
        "  3. in the lesson's .toml: three hints, the properties, the mistakes\n"
        "  4. in the lesson's .py: the examiner, which has to tell all of them apart\n"
        f"Then: python tools/judge_bank.py --only {options.lesson}\n"
        f'      make notebooks ARGS="--only {options.lesson}"'
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
