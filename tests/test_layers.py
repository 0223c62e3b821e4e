"""The house: each part imports only from those below it and loads no more than it needs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cbam_course"
# From the ground up; parts on one floor do not import each other.
FLOORS = (
    {"home"},
    {"workspace"},
    {"environment"},
    {"attention", "data"},
    {"networks"},
    {"inspection"},
    {"training"},
    {"experiments"},
    {"checks"},
    {"measure"},
    {"__main__"},
)
HEIGHT = {part: floor for floor, parts in enumerate(FLOORS) for part in parts}
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def tree(module):
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def part_of(name):
    return name.removesuffix(".py").split("/")[0].split(".")[0]


def imports(module):
    """Yield the dotted name of everything that a module imports, also inside functions."""
    package = ["cbam_course", *Path(module).parts[:-1]]
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            base = [*start, *filter(None, [node.module])]
            yield from (".".join([*base, alias.name]) for alias in node.names)


def forbidden(module, imported):
    """List the parts of the course that this module imports and must not."""
    own = part_of(module)
    ours = [name.removeprefix("cbam_course.") for name in imported if name.startswith("cbam_course.")]
    used = {part_of(name) for name in ours}
    return sorted(part for part in used if part != own and HEIGHT.get(part, -1) >= HEIGHT[own])


@pytest.mark.parametrize("module", [module for module in MODULES if module != "__init__.py"])
def test_a_part_imports_only_from_below(module):
    assert part_of(module) in HEIGHT, "a new part needs a floor in FLOORS"
    assert not forbidden(module, imports(module))


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("attention/cbam.py", "cbam_course.data.scenes"),
        ("workspace.py", "cbam_course.environment"),
        ("networks/cnn.py", "cbam_course.training.fit"),
        ("data/x.py", "cbam_course.checks"),
    ],
)
def test_an_import_from_above_or_beside_is_noticed(module, imported):
    assert forbidden(module, [imported])


def test_relative_imports_are_seen():
    assert "cbam_course.workspace.course_home" in imports("environment.py")


@pytest.mark.parametrize("module", MODULES)
def test_only_the_plots_draw_and_nothing_imports_everything(module):
    names = list(imports(module))
    if not module.startswith("inspection/plots"):
        assert not [name for name in names if name.split(".")[0] == "matplotlib"]
    assert not [name for name in names if name.endswith(".*")]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_docstring(module):
    nodes = [node for node in tree(module).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    # A check's examine() is what its module is about; the module's docstring speaks for it.
    public = [node for node in nodes if node.name[0] != "_" and node.name != "examine"]
    assert not [node.name for node in public if not ast.get_docstring(node)]
    assert ast.get_docstring(tree(module)) or not tree(module).body


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import cbam_course", ("torch", "matplotlib", "numpy", "cbam_course.checks")),
        ("import cbam_course.workspace", ("torch", "matplotlib", "numpy")),
        ("import cbam_course.environment", ("torch", "matplotlib")),
        ("import cbam_course.__main__", ("torch", "matplotlib", "numpy")),
        ("from cbam_course import CBAM", ("matplotlib", "cbam_course.checks", "cbam_course.training")),
    ],
)
def test_importing_one_part_loads_no_other(statement, absent):
    code = f"{statement}\nimport sys\nprint([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
