"""Sentences of lesson 03 that a table must bear out."""


def _scores(t, model):
    return t("what-dense").runs(model)["accuracy"]


def _first_five(t, model):
    table = t("what-dense").table
    return table[(table["model"] == model) & (table["seed"] <= 25)]["accuracy"].mean()


CLAIMS = [
    (
        "SE and channel attention are far above the plain network in every seed.",
        lambda t: min(_scores(t, m).min() for m in ("se", "channel")) > 2 * _scores(t, "plain").max(),
    ),
    (
        "In the first, the maximum was expected to help. The ten seeds do not show that it does",
        lambda t: (
            t("what-dense").outcome("channel against se").comparison.expected == "higher"
            and t("what-dense").outcome("channel against se").verdict == "not shown"
            and t("what-dense").gain("channel", "se").n == 10
        ),
    ),
    (
        "Added context brings at least three quarters of what channel attention gains over plain.",
        lambda t: (
            t("what-dense").mean("context-mean-max") - t("what-dense").mean("plain")
            >= 0.75 * (t("what-dense").mean("channel") - t("what-dense").mean("plain"))
        ),
    ),
    (
        "So on this task the *path* brings most of the gain; a gate is one way to build it, and adding is another.",
        lambda t: (
            t("what-dense").gain("context-mean-max", "plain").low
            > 0.75 * t("what-dense").gain("channel", "plain").mean
            > 0
        ),
    ),
    (
        "That the two are equal is not shown.",
        lambda t: (
            t("what-dense").outcome("context-mean-max against channel").verdict
            == "as expected: no difference shown, which does not prove that there is none"
        ),
    ),
    (
        "Added context, which has none, gets most of the way.",
        lambda t: (
            t("what-dense").gain("context-mean-max", "plain").low
            > 0.75 * t("what-dense").gain("channel", "plain").mean
            > 0
        ),
    ),
    (
        "The maximum alone does not score below both together.",
        lambda t: _first_five(t, "channel-max") >= _first_five(t, "channel"),
    ),
    (
        "With a narrower hidden layer, added context loses more than the gate.",
        lambda t: all(
            _first_five(t, "context-mean-max") - _first_five(t, f"context-mean-max-{r}")
            > _first_five(t, "channel") - _first_five(t, f"channel-{r}")
            for r in ("r8", "r16")
        ),
    ),
]
