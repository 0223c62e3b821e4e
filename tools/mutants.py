"""Small changes to the package's own modules, one at a time: what the checks must notice.

The modules are first reduced to the lesson's convention, without their tests of arguments. Then operators,
constants, axes, order, calls and names are changed, one place at a time.
"""

import ast
import importlib
import itertools
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from cbam_course.checks.report import Report
from cbam_course.checks.runner import examine
from cbam_course.checks.tasks import find_task

MODULES = {
    "squeeze-excitation": ("squeeze_excitation", "SqueezeExcitation"),
    "channel-attention": ("cbam", "ChannelAttention"),
    "spatial-attention": ("cbam", "SpatialAttention"),
    "cbam": ("cbam", "CBAM"),
}
SOURCES = {"cbam": ("ChannelAttention", "SpatialAttention", "CBAM")}
# What stands in the changed line of a mutant that is a right answer still: biases are the learner's choice,
# and so is the order of the pools.
RIGHT = {
    "squeeze-excitation": [
        "bias = True",
        "nn.Linear(in_channels, hidden), ",
        "nn.Linear(hidden, in_channels))",
    ],
    "channel-attention": [
        "bias = True",
        "nn.Linear(in_channels, hidden), ",
        "nn.Linear(hidden, in_channels))",
    ],
    "spatial-attention": ["bias=True", "padding=kernel_size // 2)", "[maximum, mean]"],
}
# With the number of channels fixed, the sum over them is the average times a constant that the weights absorb.
RIGHT["cbam"] = RIGHT["channel-attention"] + RIGHT["spatial-attention"] + ["mean = x.sum(dim=1"]
METHODS = {"mean": ["sum", "amax", "amin"], "amax": ["amin", "mean"], "sigmoid": ["tanh", "relu", "exp"]}
OPERATORS = {
    ast.Add: (ast.Sub, ast.Mult),
    ast.Mult: (ast.Add, ast.Sub, ast.Div),
    ast.FloorDiv: (ast.Mult, ast.Mod, ast.Sub),
}
COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
LAYERS = ("GELU", "LeakyReLU", "Sigmoid", "Tanh", "Identity")
ALIKE = (
    {"x", "average", "maximum", "mean", "logit", "squeezed"},
    {"in_channels", "reduction_ratio", "hidden"},
)


class _Lesson(ast.NodeTransformer):
    """Fold the conventions away and leave out what tests arguments."""

    def visit_Compare(self, node):
        text = ast.unparse(node)
        if not text.startswith("convention "):
            return node
        return ast.Constant(
            text in ("convention == 'lesson'", "convention != 'timm'", "convention != 'paper'")
        )

    def visit_If(self, node):
        self.generic_visit(node)
        return None if isinstance(node.test, ast.Constant) and not node.test.value else node

    def visit_IfExp(self, node):
        self.generic_visit(node)
        if ast.unparse(node.test) == "self.maximum_first":
            return node.orelse
        if isinstance(node.test, ast.Constant):
            return node.body if node.test.value else node.orelse
        return node

    def visit_Expr(self, node):
        return None if ast.unparse(node).startswith(("require_", "'", '"')) else node

    def visit_Assign(self, node):
        self.generic_visit(node)
        unused = ("self.in_channels", "self.maximum_first", "momentum", "self.norm")
        return None if ast.unparse(node.targets[0]) in unused else node

    def visit_Call(self, node):
        self.generic_visit(node)
        called = ast.unparse(node.func)
        if called == "hidden_width":
            return ast.parse("max(1, in_channels // reduction_ratio)", mode="eval").body
        if called == "self.norm":
            return node.args[0]
        node.keywords = [keyword for keyword in node.keywords if keyword.arg != "convention"]
        return node

    def visit_FunctionDef(self, node):
        self.generic_visit(node)
        # Defaults are the learner's choice: a check gives all arguments.
        node.args.kwonlyargs, node.args.kw_defaults, node.args.defaults = [], [], []
        return node


def lesson_source(task: str) -> ast.Module:
    """Return the classes of a task as the lessons build them."""
    module, name = MODULES[task]
    path = importlib.import_module(f"cbam_course.attention.{module}").__file__
    tree = _Lesson().visit(ast.parse(Path(path).read_text(encoding="utf-8")))
    wanted = set(SOURCES.get(task, (name,)))
    tree.body = [part for part in tree.body if isinstance(part, ast.ClassDef) and part.name in wanted]
    return ast.fix_missing_locations(tree)


def mutants(task: str) -> Iterator[tuple[str, type]]:
    """Yield the changed line and the class for every single change."""
    for line, text in single_changes(lesson_source(task), changes):
        yield line, _class_of(text, MODULES[task][1])


def single_changes(
    tree: ast.Module, changes_of: Callable[[ast.AST], Iterator[Callable[[], None]]], every: int = 1
) -> Iterator[tuple[str, str]]:
    """Yield the changed line and the whole source for every single change.

    Args:
        tree: what is changed; it stays as it is.
        changes_of: the changes of one node, each to be called once.
        every: make one in so many.
    """
    original, packed = ast.unparse(tree), pickle.dumps(tree)  # unpacked in a third of the time of a deepcopy
    seen = {original}
    parts = enumerate(ast.walk(tree))
    places = [(index, number) for index, part in parts for number, _ in enumerate(list(changes_of(part)))]
    for index, number in places[::every]:
        changed = pickle.loads(packed)
        node = next(itertools.islice(ast.walk(changed), index, None))
        next(itertools.islice(changes_of(node), number, None))()
        text = ast.unparse(ast.fix_missing_locations(changed))
        if text not in seen:
            seen.add(text)
            yield _difference(original, text), text


def changes(node: ast.AST) -> Iterator[Callable[[], None]]:
    """Yield the changes of one node, each to be called once."""
    if isinstance(node, ast.BinOp):
        yield from (partial(setattr, node, "op", op()) for op in OPERATORS.get(type(node.op), ()))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield partial(setattr, node, "value", not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield from (partial(setattr, node, "value", node.value + step) for step in (-1, 1))
    elif isinstance(node, (ast.Tuple, ast.List)) and len(node.elts) > 1:
        yield from (partial(node.elts.pop, place) for place in range(len(node.elts)))
        if isinstance(node, ast.List):  # the order of axes makes no difference
            yield node.elts.reverse
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        others = next((sorted(group - {node.id}) for group in ALIKE if node.id in group), [])
        yield from (partial(setattr, node, "id", other) for other in others)
    elif isinstance(node, ast.Call):
        yield from _changed_calls(node)
    elif isinstance(node, ast.FunctionDef) and len(node.body) > 1:
        yield from (partial(node.body.pop, place) for place in range(len(node.body) - 1))


def _changed_calls(node: ast.Call) -> Iterator[Callable[[], None]]:
    yield from (partial(node.keywords.pop, place) for place in range(len(node.keywords)))
    if isinstance(node.func, ast.Attribute):
        names = METHODS.get(node.func.attr, LAYERS if node.func.attr == "ReLU" else ())
        yield from (partial(setattr, node.func, "attr", name) for name in names)
    if len(node.args) > 1:
        yield from (partial(node.args.pop, place) for place in range(len(node.args)))
        if ast.unparse(node.func) != "max":
            yield from (partial(_exchange, node.args, place) for place in range(len(node.args) - 1))
    elif len(node.args) == 1:
        yield partial(setattr, node, "func", ast.Name("_left_out", ast.Load()))


def _exchange(values: list, place: int) -> None:
    values[place], values[place + 1] = values[place + 1], values[place]


def _difference(before: str, after: str) -> str:
    old = before.splitlines()
    return next((line.strip() for line in after.splitlines() if line not in old), "a line left out")


def _class_of(text: str, name: str) -> type:
    namespace = {
        "torch": torch,
        "nn": torch.nn,
        "Tensor": torch.Tensor,
        "_left_out": lambda value, **_: value,
    }
    exec(compile(text, "<mutant>", "exec"), namespace)
    return namespace[name]


@dataclass
class Tally:
    """How the check of one task met the mutants of its module."""

    task: str
    right: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    escaped: list[str] = field(default_factory=list)
    stopped: int = 0  # those that raise: nobody needs a check to notice them

    @property
    def share(self) -> float:
        """Rejected, of those that are not right."""
        return len(self.rejected) / (len(self.rejected) + len(self.escaped))

    def add(self, line: str, report: Report) -> None:
        if any(right in line for right in RIGHT[self.task]):
            self.right.append(line)
        elif report.status == "error":
            self.stopped += 1
        elif report.passed:
            self.escaped.append(line)
        else:
            self.rejected.append(line)
            if report.mistake:
                self.named.append(line)


def tally(task: str, every: int = 1) -> Tally:
    """Check all mutants of a task, or one in ``every``."""
    result = Tally(task)
    for line, answer in itertools.islice(mutants(task), 0, None, every):
        result.add(line, examine(find_task(task), answer))
    return result


def print_mutants(lesson: str = "") -> bool:
    """Print a table of all mutants, and those that escape; return whether none does."""
    tasks = [task for task in MODULES if find_task(task).lesson.startswith(lesson)]
    print(f"\n{'mutants of':<28} {'right':>9} {'rejected':>9} {'named':>9}")
    results = []
    for result in map(tally, tasks):
        results.append(result)
        wrong = len(result.rejected) + len(result.escaped)
        rejected, named = f"{len(result.rejected)}/{wrong}", f"{len(result.named)}/{wrong}"
        print(f"{result.task:<28} {len(result.right):>9} {rejected:>9} {named:>9}")
        print(
            *(f"    not noticed: {line}" for line in result.escaped),
            sep="\n",
            end="\n" * bool(result.escaped),
        )
    return not any(result.escaped for result in results)


if __name__ == "__main__":
    print_mutants()
