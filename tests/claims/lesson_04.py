"""Sentences of lesson 04 that a table must bear out, each with the expression that says so."""


def _tuned(t, model):
    """The scores of one model at every rate, after ten epochs, on validation images."""
    table = t("near.tuning").table
    return table[table["model"] == model]["accuracy"]


def _scores(t, model):
    return t("near-long").runs(model)["accuracy"]


CLAIMS = [
    (
        "Plain and channel attention get no farther than marking every disc, with any seed.",
        lambda t: max(_scores(t, model).max() for model in ("plain", "channel")) < 0.44,
    ),
    (
        "Spatial attention gets far beyond it with some seeds and not with others.",
        lambda t: sum(_scores(t, "spatial") > 0.88) > 1 and sum(_scores(t, "spatial") < 0.44) > 1,
    ),
    (
        "The two rivals without a gate get far beyond it with every seed",
        lambda t: min(_scores(t, model).min() for model in ("wide-kernel", "added-map")) > 0.88,
    ),
    (
        "this task can be learned where there is reach, and a gate is one way to have it.",
        lambda t: (
            min(_scores(t, model).max() for model in ("spatial", "cbam", "wide-kernel", "added-map")) > 0.88
            and max(_scores(t, model).max() for model in ("plain", "channel")) < 0.44
        ),
    ),
    (
        "After ten epochs spatial attention and CBAM had not left the floor at any rate",
        lambda t: max(_tuned(t, model).max() for model in ("spatial", "cbam")) < 0.46,
    ),
    (
        "both rivals had left it at every rate: with this one seed, multiplying by a map was slower to learn than "
        "adding one.",
        lambda t: (
            min(_tuned(t, model).min() for model in ("wide-kernel", "added-map")) > 0.7
            and _tuned(t, "spatial").max() < 0.46
            and t("near.tuning").table["seed"].nunique() == 1
        ),
    ),
]
