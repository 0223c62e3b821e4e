"""Checks that diagnose: what was tested, what came, and the likely mistake by name."""

from .hints import hint
from .progress import progress
from .runner import check
from .source import watch_cells

__all__ = ["check", "hint", "progress"]

watch_cells()
