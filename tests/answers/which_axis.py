"""Answers to the task which-axis."""

RIGHT = [
    ("columns", "error", "channels"),
    ["columns", "error", "channels"],
    ("Columns", " error", "CHANNELS"),
]

WRONG = {
    "from-the-left": [("error", "channels", "error")],
    "equal-sizes-fit": [("columns", "columns", "channels"), ("columns", "channels", "channels")],
    "vector-is-channels": [("channels", "error", "channels")],
    "trailing-ones": [("columns", "error", "columns"), ("columns", "error", "error")],
}
