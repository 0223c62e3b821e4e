"""The figures of the lessons, and the only user of matplotlib.

Each function returns one closed figure, which a notebook shows when the call is the last line of a cell.
"""

from .charts import plot_gates, plot_lines, plot_runs
from .diagrams import draw_flow
from .distributions import plot_distributions
from .images import show_images, show_maps, show_numbers, show_overlay
from .intervals import plot_differences

__all__ = [
    "draw_flow",
    "plot_differences",
    "plot_distributions",
    "plot_gates",
    "plot_lines",
    "plot_runs",
    "show_images",
    "show_maps",
    "show_numbers",
    "show_overlay",
]
