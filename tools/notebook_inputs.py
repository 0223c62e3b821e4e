"""What a notebook's outputs depend on: its code, the modules that it imports, and the tables that it reads.

Imports are followed through the package as Python would follow them. Of the checks and the lessons' words a notebook
depends on what all lessons share and on its own lesson's, not on the tasks of another lesson.
"""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

PACKAGE = "cbam_course"
# Tables about the notebooks: no notebook reads them.
MEASURED = ("notebooks.csv", "colab.csv")
# Rooms that find their parts by the number of the lesson, and not by an import.
BY_NUMBER = ("checks", "lessons")
OF_A_LESSON = re.compile(r"lesson_(\d\d)")
READERS = ("load_results", "load_benchmark", "runs_by_label")


def fingerprint(code: Iterable[str], lesson: str, root: Path) -> str:
    """Return a hash that changes when something changes that the outputs of a notebook depend on.

    Args:
        code: the sources of its code cells, in order.
        lesson: its number, such as ``"03"``.
        root: the folder that holds the package and ``results``.
    """
    code = list(code)
    digest = hashlib.sha256("\n".join(code).encode())
    for path in input_files(code, lesson, root):
        digest.update(f"\n{path.relative_to(root).as_posix()}\n".encode() + _content(path))
    return digest.hexdigest()[:16]


def input_files(code: Iterable[str], lesson: str, root: Path) -> list[Path]:
    """Return the files that a notebook depends on, sorted: modules, files that travel with them, tables.

    Args:
        code, lesson, root: as in :func:`fingerprint`.
    """
    cells = [_parsed(source) for source in code]
    modules = _reached(_targets(cells, None, root), lesson, root)
    trees = {path: _parsed(path.read_text(encoding="utf-8")) for path in modules}
    own = [tree for path, tree in trees.items() if OF_A_LESSON.search(_inside(path, root))]
    words = {text for tree in (*cells, *trees.values()) for text in _texts(tree)}
    travelling = {path for path in _others(root) if {path.name, path.parent.name} & words}
    if any(_room(path, root) in BY_NUMBER for path in modules):
        travelling |= {p for p in _others(root) if _room(p, root) in BY_NUMBER and _belongs(p, lesson, root)}
    return sorted({*modules, *travelling, *_tables([*cells, *own], root)})


def _reached(found: Iterable[Path], lesson: str, root: Path) -> set[Path]:
    """Follow imports from module to module."""
    reached: set[Path] = set()
    waiting = list(found)
    while waiting:
        path = waiting.pop()
        if path in reached or not _belongs(path, lesson, root):
            continue
        reached.add(path)
        waiting += _targets([_parsed(path.read_text(encoding="utf-8"))], path, root)
        if _room(path, root) in BY_NUMBER:
            waiting += [p for room in BY_NUMBER for p in (root / PACKAGE / room).rglob("*.py")]
    return reached


def _belongs(path: Path, lesson: str, root: Path) -> bool:
    """Tell whether a file is shared by all lessons or is this lesson's own."""
    number = OF_A_LESSON.search(_inside(path, root))
    return number is None or number[1] == lesson


def _targets(trees: Iterable[ast.Module], importer: Path | None, root: Path) -> Iterator[Path]:
    """Yield the files of the package that these sources import."""
    for tree in trees:
        for name in _imported(tree, importer, root):
            parts = name.split(".")[1:]
            # The package's own __init__ only says where its names live: what counts is where they lead.
            if len(parts) == 1 and (home := _public(root).get(parts[0])):
                parts = [*home.split("."), parts[0]]
            for length in range(1, len(parts) + 1):
                stem = root.joinpath(PACKAGE, *parts[:length])
                yield from (p for p in (stem.with_suffix(".py"), stem / "__init__.py") if p.is_file())


def _imported(tree: ast.Module, importer: Path | None, root: Path) -> Iterator[str]:
    """Yield the dotted names of this package that a source imports, also inside functions."""
    folder = list(importer.relative_to(root).parent.parts) if importer else []
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = folder[: len(folder) - node.level + 1] if node.level else []
            base = [*start, *filter(None, [node.module])]
            names = [".".join([*base, alias.name]) for alias in node.names]
        yield from (name for name in names if name.split(".")[0] == PACKAGE)


def _public(root: Path) -> dict[str, str]:
    """Return the package's public names with the modules that hold them, from the table in its ``__init__``."""
    path = root / PACKAGE / "__init__.py"
    found: dict[str, str] = {}
    for node in _parsed(path.read_text(encoding="utf-8")).body if path.is_file() else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            found |= ast.literal_eval(node.value)
    return found


def _tables(trees: Iterable[ast.Module], root: Path) -> set[Path]:
    """Return the tables that these sources read."""
    every = {p for p in (root / "results").rglob("*") if p.suffix in (".csv", ".json", ".toml")}
    every -= {root / "results" / name for name in MEASURED}
    every |= set((root / "benchmarks").glob("*.csv"))
    read: set[Path] = set()
    for tree in trees:
        words = set(_texts(tree))
        named = {p for p in every if p.suffix == ".csv" and p.stem in words}
        read |= {p for p in every if p.name in words}
        for call in (n for n in ast.walk(tree) if isinstance(n, ast.Call)):
            function = ast.unparse(call.func).rpartition(".")[2]
            if function in READERS and call.args and isinstance(call.args[0], ast.Constant):
                read |= {p for p in named if p.stem == call.args[0].value}
            elif function in READERS:
                # The name is in a variable: any that this cell spells out. Without one, it may be any table,
                # except where the variable holds a table already.
                read |= named or (every if function == "load_results" else set())
            elif function == "results_folder":
                read |= every
    return read


def _others(root: Path) -> list[Path]:
    """List what travels in the package beside modules: weights, texts, pages."""
    files = (root / PACKAGE).rglob("*")
    return [p for p in files if p.is_file() and p.suffix not in (".py", ".pyc")]


def _room(path: Path, root: Path) -> str:
    return _inside(path, root).split("/")[0]


def _inside(path: Path, root: Path) -> str:
    return path.relative_to(root / PACKAGE).as_posix() if path.is_relative_to(root / PACKAGE) else ""


@cache
def _parsed(source: str) -> ast.Module:
    # A notebook's magic lines are no Python; they import nothing.
    lines = ("" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines())
    return ast.parse("\n".join(lines))


def _texts(tree: ast.Module) -> Iterator[str]:
    return (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))


def _content(path: Path) -> bytes:
    """Return what counts of a file: a module's statements; of others the bytes, whatever their line ends."""
    raw = path.read_bytes().replace(b"\r\n", b"\n")
    return _statements(raw) if path.suffix == ".py" else raw


@cache
def _statements(raw: bytes) -> bytes:
    return _outline(ast.parse(raw)).encode()


def _outline(node: object) -> str:
    """The syntax tree as text, without docstrings and layout, the same with every version of Python."""
    if isinstance(node, list):
        return "[" + ",".join(_outline(item) for item in node if not _is_docstring(item)) + "]"
    if not isinstance(node, ast.AST):
        return repr(node)
    parts = ((name, value) for name, value in ast.iter_fields(node) if name not in ("ctx", "kind"))
    inside = ",".join(f"{name}={_outline(value)}" for name, value in sorted(parts) if value not in (None, []))
    return f"{type(node).__name__}({inside})"


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str)
