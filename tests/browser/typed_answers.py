"""Answers of the banks in tests/answers as a learner would type them."""

import ast
from pathlib import Path

BANKS = Path(__file__).parents[1] / "answers"


def typed(task, mistake=None):
    """Return the source of a function: the first right answer to ``task``, or the first one with ``mistake``.

    The bank must hold it as a lambda.
    """
    statements = [
        statement
        for path in sorted(BANKS.glob("lesson_*.py"))
        for statement in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(statement, ast.Assign)
    ]
    assigned = {ast.unparse(statement.targets[0]): statement.value for statement in statements}
    answers = assigned[f"RIGHT['{task}']"]
    if mistake:
        wrong = assigned[f"WRONG['{task}']"]
        answers = {ast.literal_eval(key): value for key, value in zip(wrong.keys, wrong.values, strict=True)}[
            mistake
        ]
    answer = answers.elts[0]
    return f"def {task.replace('-', '_')}({ast.unparse(answer.args)}):\n    return {ast.unparse(answer.body)}"
