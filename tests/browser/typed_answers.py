"""Answers of the banks in tests/answers as a learner would type them."""

import ast
from pathlib import Path

BANKS = Path(__file__).parents[1] / "answers"


def typed(task, mistake=None):
    """Return the source of a function: the first right answer to ``task``, or the first one with ``mistake``.

    The bank must hold it as a lambda.
    """
    name = task.replace("-", "_")
    assigned = {
        statement.targets[0].id: statement.value
        for statement in ast.parse((BANKS / f"{name}.py").read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Assign)
    }
    answers = assigned["RIGHT"]
    if mistake:
        wrong = assigned["WRONG"]
        answers = {ast.literal_eval(key): value for key, value in zip(wrong.keys, wrong.values, strict=True)}[
            mistake
        ]
    answer = answers.elts[0]
    return f"def {name}({ast.unparse(answer.args)}):\n    return {ast.unparse(answer.body)}"
