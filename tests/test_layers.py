"""The house: rooms import only from below, load no more than they need, and every file has a subject."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cbam_course"
MOST_FILES = 90
# From the ground up; rooms on one floor do not import each other.
FLOORS = (
    {"storage", "arguments", "statistics"},
    {"workspace", "doctor"},
    {"attention", "data"},
    {"networks"},
    {"inspection", "training"},
    {"experiments"},
    {"checks"},
    {"lessons"},
    {"measure", "lab"},
    {"__main__"},
)
HEIGHT = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def tree(module):
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def room_of(name):
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
    """List the rooms of the course that this module imports and must not."""
    own = room_of(module)
    ours = [name.removeprefix("cbam_course.") for name in imported if name.startswith("cbam_course.")]
    used = {room_of(name) for name in ours}
    return sorted(room for room in used if room != own and HEIGHT.get(room, -1) >= HEIGHT[own])


def hands_on(source):
    """Tell whether a module defines nothing of its own: a docstring, imports and ``__all__``, no more."""
    return all(
        isinstance(node, (ast.Import, ast.ImportFrom))
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__")
        for node in ast.parse(source).body
    )


def test_every_room_imports_only_from_below():
    inside = [module for module in MODULES if module != "__init__.py"]
    assert not {room_of(module) for module in inside} - set(HEIGHT), "a new room needs a floor in FLOORS"
    wrong = {module: forbidden(module, imports(module)) for module in inside}
    assert not {module: rooms for module, rooms in wrong.items() if rooms}


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("attention/cbam.py", "cbam_course.data.scenes"),
        ("arguments.py", "cbam_course.attention"),
        ("networks/cnn.py", "cbam_course.training.fit"),
        ("training/fit.py", "cbam_course.inspection.cost"),
        ("experiments/run.py", "cbam_course.checks"),
        ("checks/runner.py", "cbam_course.lessons.lesson_03"),
        ("data/x.py", "cbam_course.checks"),
    ],
)
def test_an_import_from_above_or_beside_is_noticed(module, imported):
    assert forbidden(module, [imported])


def test_relative_imports_are_seen():
    assert "cbam_course.arguments.require_module" in imports("inspection/capture.py")


def test_only_the_plots_draw_and_nothing_imports_everything():
    for module in MODULES:
        names = list(imports(module))
        if not module.startswith("inspection/plots"):
            assert not [name for name in names if name.split(".")[0] == "matplotlib"], module
        assert not [name for name in names if name.endswith(".*")], module


def test_no_file_only_hands_on_to_the_next():
    """The front door of a room may: ``__init__.py`` collects the public names of its own folder."""
    texts = {module: (PACKAGE / module).read_text(encoding="utf-8") for module in MODULES}
    assert not [m for m, text in texts.items() if hands_on(text) and not m.endswith("__init__.py")]
    doors = [m for m in MODULES if m.endswith("__init__.py") and m != "__init__.py"]
    for door in doors:
        room = ".".join(["cbam_course", *Path(door).parts[:-1]])
        assert not [name for name in imports(door) if not name.startswith(f"{room}.")], door


def test_a_file_that_only_hands_on_is_noticed():
    assert hands_on('"""Names."""\nfrom .a import b\n__all__ = ["b"]\n')
    assert not hands_on("from .a import b\n\ndef c():\n    return b\n")


def test_no_file_is_empty():
    assert not [m for m in MODULES if not tree(m).body]


def test_the_package_is_small_enough_to_be_held_in_the_head():
    assert len(MODULES) <= MOST_FILES


def test_every_public_name_has_a_docstring():
    for module in MODULES:
        nodes = [node for node in tree(module).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
        # A check's examine() is what its module is about; the module's docstring speaks for it.
        public = [node for node in nodes if node.name[0] != "_" and node.name != "examine"]
        assert not [node.name for node in public if not ast.get_docstring(node)], module
        assert ast.get_docstring(tree(module)) or not tree(module).body, module


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import cbam_course", ("torch", "matplotlib", "numpy", "cbam_course.checks")),
        ("import cbam_course.workspace", ("torch", "matplotlib", "numpy")),
        ("import cbam_course.doctor", ("torch", "matplotlib")),
        ("import cbam_course.__main__", ("torch", "matplotlib", "numpy")),
        ("from cbam_course import CBAM", ("matplotlib", "cbam_course.checks", "cbam_course.training")),
    ],
)
def test_importing_one_part_loads_no_other(statement, absent):
    code = f"{statement}\nimport sys\nprint([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
