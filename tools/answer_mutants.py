"""Small changes to the right answers of the exercises, one at a time: what the checks must notice.

Each function that an exercise asks for is taken from its source, solved, and changed in one place: an operator, a
constant, an axis, a name, a call, a condition, a statement. A change that leaves the answer right is listed with the
reason in ``answer_mutants.toml``; the check has to reject every other one.
"""

import ast
import copy
import difflib
import tomllib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from unittest import mock

from mutants import COMPARISONS, MODULES, single_changes

from cbam_course.checks.report import Find, Report
from cbam_course.checks.runner import examine
from cbam_course.checks.tasks import Task, all_tasks

AUTHORING = Path(__file__).resolve().parents[1] / "authoring"
TABLE = Path(__file__).with_name("answer_mutants.toml")
OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add, ast.Div),
    ast.Div: (ast.Mult, ast.FloorDiv),
    ast.FloorDiv: (ast.Div, ast.Mod),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
}
NEGATIONS = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt}
NAMES = {
    "mean": ("sum", "amax", "amin"),
    "sum": ("mean", "amax", "max"),
    "amax": ("amin", "mean", "sum"),
    "amin": ("amax", "mean"),
    "max": ("min",),
    "min": ("max",),
    "argmax": ("argmin",),
    "any": ("all",),
    "all": ("any",),
    "std": ("var", "mean"),
    "sigmoid": ("tanh", "relu", "exp"),
    "relu": ("sigmoid", "tanh", "abs"),
    "cat": ("stack",),
    "stack": ("cat",),
    "zeros": ("ones",),
    "avg_pool2d": ("max_pool2d",),
    "topk": ("sort",),
    "startswith": ("endswith",),
    "endswith": ("startswith",),
    "repeat_interleave": ("repeat",),
    "register_forward_hook": ("register_forward_pre_hook",),
    "sorted": ("list", "reversed"),
    "where": ("masked_fill",),
    "subtract": ("add",),
}
LIBRARIES = ("torch", "F", "nn", "np", "stats")


def changes_of(tree: ast.AST) -> Callable[[ast.AST], Iterator[Callable[[], None]]]:
    """Return what yields the changes of one node, each to be called once; names are those of the whole tree."""
    nodes = list(ast.walk(tree))
    # The arguments of a constructor are sizes; those of a lambda are numbers of places.
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef) and node.name != "__init__"]
    given = [argument.arg for function in functions for argument in function.args.args]
    stored = [node.arg for node in nodes if isinstance(node, ast.arg)]
    stored += [node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return partial(_changes, known=list(dict.fromkeys(stored)), given=given)


def _changes(node: ast.AST, known: list[str], given: list[str]) -> Iterator[Callable[[], None]]:
    if isinstance(node, ast.Module):
        return
    size = getattr(node, "attr", None) == "shape" or ast.unparse(getattr(node, "func", node)) == "len"
    for name, value in ast.iter_fields(node):
        parts = value if isinstance(value, list) else [value]
        for place, part in enumerate(parts):
            put = (
                partial(value.__setitem__, place) if isinstance(value, list) else partial(setattr, node, name)
            )
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id in known:
                others = _other_names(part, known, given=part.id in given and not size)
            else:
                others = in_place_of(part)
            yield from (partial(put, other) for other in others)
        if isinstance(value, list):
            yield from _shorter(node, value)


def _other_names(part: ast.Name, known: list[str], given: bool) -> Iterator[ast.expr]:
    """Another variable; an argument without its sign, with the other one, or its first part."""
    yield from (ast.Name(other, ast.Load()) for other in known if other != part.id)
    if given:
        first = ast.Subscript(part, ast.Slice(None, ast.Constant(1)), ast.Load())
        yield from (_wrapped("abs", part), _negated(part), first)


def _shorter(node: ast.AST, values: list) -> Iterator[Callable[[], None]]:
    """Leave one of several parts out, or exchange two neighbours."""
    if isinstance(node, (ast.Compare, ast.Dict, ast.arguments, ast.Module, ast.FunctionDef)):
        return
    if not values or not isinstance(values[0], (ast.expr, ast.keyword, ast.comprehension)):
        return
    if isinstance(getattr(node, "ctx", None), ast.Store):
        return
    several = len(values) > 1 or isinstance(values[0], ast.keyword)
    if several:
        yield from (partial(values.pop, place) for place in range(len(values)))
    if isinstance(node, ast.comprehension):
        yield values.clear
    axes = isinstance(node, ast.Tuple) and all(isinstance(value, ast.Constant) for value in values)
    if isinstance(values[0], ast.expr) and not isinstance(node, ast.BoolOp) and not axes:  # in any order
        yield from (partial(_exchange, values, place) for place in range(len(values) - 1))


def _exchange(values: list, place: int) -> None:
    values[place], values[place + 1] = values[place + 1], values[place]


def in_place_of(part: ast.AST) -> Iterator[ast.AST]:
    """Yield what may stand in place of a part of an answer."""
    kind = _KINDS.get(type(part))
    if kind:
        yield from kind(part)
    if isinstance(part, ast.stmt) and not isinstance(part, (ast.Return, ast.Pass)):
        yield ast.Pass()


def _with(part: ast.AST, **fields) -> ast.AST:
    other = copy.copy(part)
    for name, value in fields.items():
        setattr(other, name, value)
    return other


def _negated(value: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), value)


def _denied(value: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), value)


def _wrapped(function: str, value: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(function, ast.Load()), [value], [])


def _first(value: ast.expr) -> ast.expr:
    return ast.Subscript(value, ast.Slice(None, ast.Constant(1)), ast.Load())


def _calculation(part: ast.BinOp) -> Iterator[ast.expr]:
    yield from (_with(part, op=op()) for op in OPERATORS.get(type(part.op), ()))
    yield from (part.left, part.right)
    if not isinstance(part.op, (ast.Add, ast.Mult)):
        yield _with(part, left=part.right, right=part.left)


def _signed(part: ast.UnaryOp) -> Iterator[ast.expr]:
    yield part.operand


def _comparison(part: ast.Compare) -> Iterator[ast.expr]:
    for place, operator in enumerate(part.ops):
        for table in (COMPARISONS, NEGATIONS):
            if type(operator) in table:
                yield _with(part, ops=[*part.ops[:place], table[type(operator)](), *part.ops[place + 1 :]])


def _both(part: ast.BoolOp) -> Iterator[ast.expr]:
    yield _with(part, op=ast.Or() if isinstance(part.op, ast.And) else ast.And())
    yield from part.values


def _constant(part: ast.Constant) -> Iterator[ast.expr]:
    value = part.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield from (ast.Constant(value + step) for step in (-1, 1))
    elif isinstance(value, float):
        others = (value * 2, value / 2, value + 1, 1 - value, -value)
        yield from (ast.Constant(other) for other in dict.fromkeys(others) if other != value)
    elif isinstance(value, str):
        yield ast.Constant(f"{value}_")


def _call(part: ast.Call) -> Iterator[ast.expr]:
    function = part.func
    if isinstance(function, ast.Attribute):
        for name in NAMES.get(function.attr, ()):
            yield _with(part, func=_with(function, attr=name))
        if ast.unparse(function.value) not in (*LIBRARIES, "self"):
            yield function.value
        elif part.args:
            yield part.args[0]
    elif isinstance(function, ast.Name):
        yield from (_with(part, func=ast.Name(name, ast.Load())) for name in NAMES.get(function.id, ()))
        yield from part.args[:1]
    if ast.unparse(function) in ("sorted", "max", "min"):
        reverse = ast.keyword("reverse", ast.Constant(True))
        yield _with(part, func=ast.Name("sorted", ast.Load()), keywords=[*part.keywords, reverse])


def _subscript(part: ast.Subscript) -> Iterator[ast.expr]:
    if isinstance(part.ctx, ast.Load):
        yield part.value


def _slice(part: ast.Slice) -> Iterator[ast.expr]:
    yield from (_with(part, **{end: None}) for end in ("lower", "upper", "step") if getattr(part, end))


def _choice(part: ast.IfExp) -> Iterator[ast.expr]:
    yield from (part.body, part.orelse, _with(part, test=_denied(part.test)))


def _branch(part: ast.If) -> Iterator[ast.stmt]:
    yield from (_with(part, test=test) for test in (ast.Constant(True), ast.Constant(False)))
    yield _with(part, test=_denied(part.test))


def _condition(part: ast.comprehension) -> Iterator[ast.comprehension]:
    for place, test in enumerate(part.ifs):
        yield _with(part, ifs=[*part.ifs[:place], _denied(test), *part.ifs[place + 1 :]])


def _attempt(part: ast.Try) -> Iterator[ast.stmt]:
    always = ast.Constant(True)
    yield ast.If(always, part.body, [])  # what is done in any case is left out
    yield ast.If(always, [*part.body, *part.finalbody], [])  # ... or done only where nothing is raised


def _result(part: ast.Return) -> Iterator[ast.stmt]:
    if isinstance(part.value, ast.Tuple):
        for place, value in enumerate(part.value.elts):
            for other in _other_results(value):
                elements = [*part.value.elts[:place], other, *part.value.elts[place + 1 :]]
                yield ast.Return(_with(part.value, elts=elements))
    else:
        yield from map(ast.Return, _other_results(part.value))


def _other_results(value: ast.expr) -> Iterator[ast.expr]:
    slightly_more = ast.BinOp(value, ast.Mult(), ast.Constant(1.01))
    positive = ast.Compare(value, [ast.Gt()], [ast.Constant(0)])
    yield from (_negated(value), _denied(value), _first(value), slightly_more, positive)


def _loop(part: ast.For) -> Iterator[ast.stmt]:
    whole = _wrapped("list", part.iter)
    yield from (_with(part, iter=other) for other in (_wrapped("reversed", whole), _first(whole)))


_KINDS = {
    ast.BinOp: _calculation,
    ast.UnaryOp: _signed,
    ast.Compare: _comparison,
    ast.BoolOp: _both,
    ast.Constant: _constant,
    ast.Call: _call,
    ast.Subscript: _subscript,
    ast.Slice: _slice,
    ast.IfExp: _choice,
    ast.If: _branch,
    ast.comprehension: _condition,
    ast.Try: _attempt,
    ast.Return: _result,
    ast.For: _loop,
    ast.Break: lambda part: iter([ast.Continue()]),
    ast.Continue: lambda part: iter([ast.Break()]),
}


def _network_that_reads_the_patch() -> object:
    from cbam_course.networks.pretrained import trained_what

    return trained_what("channel")


# Tasks that ask for a function beside something that was trained: what to hand in with it.
BESIDE = {"same-or-other": _network_that_reads_the_patch}
TRAINED = ("find-the-red",)  # the answer is a network, and no code can be changed in it


def mutated_tasks(lesson: str = "") -> list[Task]:
    """Return the tasks whose answer is the learner's code, without those that ``mutants`` takes from the package."""
    left_out = (*MODULES, *TRAINED)
    return [
        task
        for task in all_tasks().values()
        if task.lesson.startswith(lesson) and task.task_id not in left_out
        if task.kind != "value" or task.task_id in BESIDE
    ]


def answer_mutants(task: Task, every: int = 1) -> Iterator[tuple[str, object]]:
    """Yield what was changed and the answer with it, for every single change of the official solution, or a share."""
    imports, tree, name = _solution(task)
    beside = BESIDE[task.task_id]() if task.task_id in BESIDE else None
    for _, text in single_changes(tree, changes_of(tree), every):
        try:
            with warnings.catch_warnings(action="ignore"):
                code = compile(text, "<mutant>", "exec")
        except SyntaxError:
            continue
        namespace = _imported(imports).copy()
        exec(code, namespace)
        answer = namespace[name]
        yield _difference(ast.unparse(tree), text), answer if beside is None else (answer, beside)


def _solution(task: Task) -> tuple[str, ast.Module, str]:
    """The imports of the exercise, its definition of the answer to a task, and its name."""
    (path,) = AUTHORING.glob(f"{task.lesson}_*_exercise.py")
    body = ast.parse(path.read_text(encoding="utf-8")).body
    checked = next(
        call.args[1]
        for call in (statement.value for statement in body if isinstance(statement, ast.Expr))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "check"
        if ast.literal_eval(call.args[0]) == task.task_id
    )
    name = checked.elts[0].id if isinstance(checked, ast.Tuple) else checked.id
    (definition,) = (part for part in body if getattr(part, "name", None) == name)
    imports = [ast.unparse(part) for part in body if isinstance(part, (ast.Import, ast.ImportFrom))]
    return "\n".join(imports), ast.Module([definition], []), name


@cache
def _imported(imports: str) -> dict:
    namespace: dict = {"__name__": "exercise"}
    exec(imports, namespace)
    return namespace


def _difference(before: str, after: str) -> str:
    """The lines that are new; where none is, or nothing stands in them, those that went."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    gone, come = ("; ".join(line[1:].strip() for line in lines if line[0] == sign) for sign in "-+")
    return f"without {gone}" if come in ("", "pass") else come


@dataclass
class Tally:
    """How the check of one task met the mutants of its right answer."""

    task: str
    rejected: int = 0
    named: int = 0
    right: list[str] = field(default_factory=list)  # accepted, and listed as right
    escaped: list[str] = field(default_factory=list)  # accepted, and not listed; or the check broke

    @property
    def made(self) -> int:
        return self.rejected + len(self.right) + len(self.escaped)

    def add(self, change: str, report: Report) -> None:
        if report.status in ("failed", "stopped"):
            self.rejected += 1
            self.named += report.mistake is not None
        elif report.passed and change in still_right(self.task):
            self.right.append(change)
        else:
            self.escaped.append(change if report.passed else f"{change} ({report.message or report.status})")


@cache
def still_right(task: str) -> dict[str, str]:
    """Return the changes that leave a task's answer right, each with the reason."""
    table = tomllib.loads(TABLE.read_text(encoding="utf-8")).get(task, {})
    return {change: reason for reason, changes in table.items() for change in changes}


def tally_answers(task: Task, every: int = 1) -> Tally:
    """Check all mutants of a task's right answer, or one in ``every``; no smallest example is looked for."""
    result = Tally(task.task_id)
    with mock.patch.object(Find, "smallest"):
        for change, answer in answer_mutants(task, every):
            result.add(change, examine(task, answer))
    return result


def print_answer_mutants(lesson: str = "") -> bool:
    """Print a table of all mutants and those that escape; return whether none does."""
    print(f"\n{'mutants of the answer to':<28} {'made':>9} {'right':>9} {'rejected':>9} {'named':>9}")
    tallies = []
    for task in mutated_tasks(lesson):
        result = tally_answers(task)
        tallies.append(result)
        numbers = (result.made, len(result.right), result.rejected, result.named)
        print(f"{result.task:<28}", *(f"{number:>9}" for number in numbers), flush=True)
        for change in result.escaped:
            print(f"    not noticed: {change}")
        for change in still_right(result.task).keys() - set(result.right):
            print(f"    listed as right, and rejected or not made: {change}")
    whole = sum(r.made for r in tallies), sum(len(r.right) for r in tallies), sum(r.rejected for r in tallies)
    print(f"{'all':<28}", *(f"{number:>9}" for number in (*whole, sum(r.named for r in tallies))))
    print("Not changed:", ", ".join(TRAINED), "(a trained network, no code), and what asks for a value.")
    return not any(r.escaped or still_right(r.task).keys() - set(r.right) for r in tallies)
