"""The figures of the lessons, and the only user of matplotlib.

Each function returns one closed figure, which a notebook shows when the call is the last line of a cell.
"""

from .charts import (
    draw_flow,
    draw_settings,
    plot_beside,
    plot_differences,
    plot_distributions,
    plot_gates,
    plot_lines,
    plot_points,
    plot_runs,
)
from .pictures import show_depths, show_glance, show_images, show_maps, show_numbers, show_overlay

__all__ = [
    "draw_flow",
    "draw_settings",
    "plot_beside",
    "plot_differences",
    "plot_distributions",
    "plot_gates",
    "plot_lines",
    "plot_points",
    "plot_runs",
    "show_depths",
    "show_glance",
    "show_images",
    "show_maps",
    "show_numbers",
    "show_overlay",
]
