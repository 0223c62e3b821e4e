"""Sentences of lesson 04 that a table must bear out, each with the expression that says so."""


def _tuned(t, model):
    """The scores of one model at every rate, after ten epochs, on validation images."""
    table = t("near.tuning").table
    return table[table["model"] == model]["accuracy"]


CLAIMS = [
    (
        "Plain and channel attention stay at the score of marking every disc.",
        lambda t: all(t("near-long").mean(model) < 0.49 for model in ("plain", "channel")),
    ),
    (
        "Spatial attention gets far beyond it.",
        lambda t: t("near-long").mean("spatial") > t("near-long").mean("plain") + 0.2,
    ),
    (
        "So do the two rivals without a gate",
        lambda t: all(
            t("near-long").mean(model) > t("near-long").mean("plain") + 0.2
            for model in ("wide-kernel", "added-map")
        ),
    ),
    (
        "After ten epochs spatial attention and CBAM had not left the floor at any rate",
        lambda t: all(_tuned(t, model).max() < 0.49 for model in ("spatial", "cbam")),
    ),
    (
        "both rivals had left it at every rate",
        lambda t: all(_tuned(t, model).min() > 0.6 for model in ("wide-kernel", "added-map")),
    ),
]
