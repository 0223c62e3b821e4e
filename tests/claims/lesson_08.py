"""Sentences of lesson 08 that a table must bear out, each with the expression that says so."""


def _last(t, model):
    """Mean score of an exhibit of the museum after its last epoch."""
    table = t("museum").table
    rows = table[(table["data"] == "what") & (table["model"] == model)]
    return rows[rows["epoch"] == rows["epoch"].max()]["accuracy"].mean()


CLAIMS = [
    (
        "In `what`, without the choice among channels the score falls to that of marking every shape",
        lambda t: t("gates-what").mean("channel@channel-mean") < 0.27,
    ),
    (
        "Losing the **spatial** map costs CBAM a good part of its score too",
        lambda t: t("gates-what").gain("cbam", "cbam@spatial-mean").low > 0.1,
    ),
    (
        "CBAM and channel attention alone score the same",
        lambda t: abs(t("gates-what").gain("cbam", "channel").mean) < 0.04,
    ),
    (
        "In `near`, the channel gates of another image make no difference",
        lambda t: abs(t("gates-near").gain("cbam@channel-other", "cbam").mean) < 0.02,
    ),
    (
        "in `what` they cost nearly everything",
        lambda t: t("gates-what").mean("cbam@channel-other") < 0.27,
    ),
    (
        "A permuted map costs more than an even one",
        lambda t: (
            t("gates-what").gain("cbam@spatial-mean", "cbam@spatial-permuted").mean > 0.05
            and t("gates-near").gain("cbam@spatial-mean", "cbam@spatial-permuted").mean > 0.05
        ),
    ),
    (
        "Four of the nine cannot be told from the right module by their curves: C, E, G and I.",
        lambda t: all(
            abs(_last(t, name) - _last(t, "right")) < 0.03
            for name in ("early-sigmoid", "no-sigmoid", "pools-joined", "unshared-mlp")
        ),
    ),
    (
        "Two never get beyond marking every shape",
        lambda t: all(_last(t, name) < 0.27 for name in ("other-axis", "softmax")),
    ),
    (
        "The other three learn less",
        lambda t: all(
            _last(t, name) < _last(t, "right") - 0.1
            for name in ("average-only", "detached-gate", "gate-added")
        ),
    ),
]
