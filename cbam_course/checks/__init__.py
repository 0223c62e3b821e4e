"""Checks that diagnose: what was tested, what came, and the likely mistake by name."""

from .answers import watch_cells
from .predictions import predict, reveal
from .progress import hint, progress
from .runner import check

__all__ = ["check", "hint", "predict", "progress", "reveal"]

watch_cells()
