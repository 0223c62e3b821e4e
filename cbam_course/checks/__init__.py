"""Checks that diagnose: what was tested, what came, and the likely mistake by name."""

from .hints import hint
from .progress import progress
from .runner import check

__all__ = ["check", "hint", "progress"]
