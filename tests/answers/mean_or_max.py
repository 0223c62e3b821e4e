"""Answers to the task mean-or-max."""

RIGHT = [
    ("neither", "mean", "max", "both"),
    ["neither", "mean", "max", "both"],
    ("None", "Average", "Maximum", "Both"),
]

WRONG = {
    "position-matters": [("both", "mean", "max", "both"), ("max", "mean", "max", "both")],
    "small-change-moves-the-maximum": [("neither", "both", "max", "both")],
    "same-total": [("neither", "mean", "both", "both")],
    "mean-stands-still": [("neither", "mean", "max", "max")],
}
