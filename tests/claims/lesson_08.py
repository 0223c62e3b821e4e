"""Sentences of lesson 08 that a table must bear out, each with the expression that says so."""

PLAIN = 0.03  # how near to a plain network's mean something is when it is said to score like one


def _last(t, model, data="what"):
    """Scores of an exhibit of the museum after its last epoch, one for each seed."""
    table = t("museum").table
    rows = table[(table["data"] == data) & (table["model"] == model)]
    return rows[rows["epoch"] == rows["epoch"].max()]["accuracy"]


CLAIMS = [
    (
        "In `what`, without the choice among channels the score falls to that of a plain network, or below (.22 in "
        "`what-dense`)",
        lambda t: (
            round(t("what-dense").mean("plain"), 2) == 0.22
            and all(
                t("gates-what").mean(f"{model}@channel-mean") < t("what-dense").mean("plain") + PLAIN
                for model in ("channel", "cbam")
            )
        ),
    ),
    (
        "Losing the **spatial** map costs CBAM a good part of its score too",
        lambda t: t("gates-what").gain("cbam", "cbam@spatial-mean").low > 0.1,
    ),
    (
        "CBAM is not shown to score higher than channel attention alone",
        lambda t: all(t(name).gain("cbam", "channel").low <= 0 for name in ("gates-what", "what-dense")),
    ),
    (
        "In `near`, the channel gates of another image make no difference",
        lambda t: abs(t("gates-near").gain("cbam@channel-other", "cbam").mean) < 0.02,
    ),
    (
        "in `what` they take the score to that of a plain network",
        lambda t: abs(t("gates-what").mean("cbam@channel-other") - t("what-dense").mean("plain")) < PLAIN,
    ),
    (
        "in `near` it was not shown",
        lambda t: (
            t("gates-near").outcome("cbam@spatial-permuted against cbam@spatial-mean").verdict == "not shown"
        ),
    ),
    (
        "In `near`, an even map takes the score to that of a plain network (.42 in `near-long`)",
        lambda t: (
            round(t("near-long").mean("plain"), 2) == 0.42
            and abs(t("gates-near").mean("cbam@spatial-mean") - t("near-long").mean("plain")) < PLAIN
        ),
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
        "F gets no farther than a plain network",
        lambda t: abs(_last(t, "other-axis").mean() - t("what-dense").mean("plain")) < PLAIN,
    ),
    (
        "H, whose gates share out a sum of 1 among all channels, is never sure enough to mark anything.",
        lambda t: _last(t, "softmax").max() < 0.01,
    ),
    (
        "The other three score lower on average",
        lambda t: all(
            _last(t, name).mean() < _last(t, "right").mean() - 0.1
            for name in ("average-only", "detached-gate", "gate-added")
        ),
    ),
    (
        "A does so in this short training (with ten epochs and more images, in `what-dense`, the average alone is "
        "not shown to be worse)",
        lambda t: (
            _last(t, "average-only").max() < _last(t, "right").mean()
            and t("what-dense").gain("channel-average", "channel").high >= 0
        ),
    ),
    (
        "so that the seed decides whether one of these three gets beyond a plain network (.42) at all",
        lambda t: all(
            _last(t, name, "near").min() < t("near-long").mean("plain") < _last(t, name, "near").max() - 0.2
            for name in ("off-centre", "stretched-back", "order-swapped")
        ),
    ),
]
