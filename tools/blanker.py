"""Cut the solutions out of an exercise, between nbgrader's markers."""

import ast
import re

SOLUTION = re.compile(r"^([ \t]*)### BEGIN SOLUTION[^\n]*\n(.*?)^[ \t]*### END SOLUTION[^\n]*$", re.M | re.S)


def blank(source):
    """Turn a marked body into ``raise NotImplementedError`` and a marked module-level name into ``None``."""
    return SOLUTION.sub(lambda match: _stub(*match.groups()), source)


def _stub(indent, body):
    if indent:
        return f"{indent}raise NotImplementedError"
    return "\n".join(f"{name} = None" for name in _assigned(body)) or "# your code here"


def _assigned(body):
    """List what a module-level solution assigns or defines, in order, but not its own ``_helpers``."""
    names = []
    for statement in ast.parse(body).body:
        if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            names.append(statement.name)
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            for target in getattr(statement, "targets", None) or [statement.target]:
                names += [part.id for part in ast.walk(target) if _is_stored_name(part)]
    return [name for name in dict.fromkeys(names) if not name.startswith("_")]


def _is_stored_name(node):
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
