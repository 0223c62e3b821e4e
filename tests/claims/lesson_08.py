"""Sentences of lesson 08 that a table must bear out, each with the expression that says so."""


def _last(t, model):
    """Scores of an exhibit of the museum after its last epoch, one for each seed."""
    table = t("museum").table
    rows = table[(table["data"] == "what") & (table["model"] == model)]
    return rows[rows["epoch"] == rows["epoch"].max()]["accuracy"]


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
        "in `near` it was not shown",
        lambda t: (
            t("gates-near").outcome("cbam@spatial-permuted against cbam@spatial-mean").verdict == "not shown"
        ),
    ),
    (
        "In `near`, an even map takes the score to that of marking every disc",
        lambda t: t("gates-near").mean("cbam@spatial-mean") < 0.49,
    ),
    (
        "The others came as expected:",
        lambda t: all(
            o.verdict.startswith("as expected")
            for o in [*t("gates-what").outcomes(), *t("gates-near").outcomes()[:4]]
        ),
    ),
    (
        "Four of the nine differ from the right module by less than its own seeds differ: C, E, G and I.",
        lambda t: all(
            abs(_last(t, name).mean() - _last(t, "right").mean()) < _last(t, "right").std()
            for name in ("early-sigmoid", "no-sigmoid", "pools-joined", "unshared-mlp")
        ),
    ),
    (
        "F never gets beyond marking every shape",
        lambda t: _last(t, "other-axis").mean() < 0.27,
    ),
    (
        "H, whose gates are tiny, marks nothing",
        lambda t: _last(t, "softmax").mean() < 0.05,
    ),
    (
        "The other three learn less",
        lambda t: all(
            _last(t, name).mean() < _last(t, "right").mean() - 0.1
            for name in ("average-only", "detached-gate", "gate-added")
        ),
    ),
]
