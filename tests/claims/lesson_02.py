"""What lesson 02 says of the table of the scenes with a patch in the corner."""


def _scores(t, model):
    return t("what-dense").runs(model)["accuracy"]


CLAIMS = [
    (
        "`context-mean-max` is the strongest model without a gate among those registered",
        lambda t: (
            t("what-dense").ranking("context-mean-max", "wide-kernel", "added-map", "plain-long", "plain")[0]
            == "context-mean-max"
        ),
    ),
    (
        "SE marks far more of the right shape than the plain network, with every seed.",
        lambda t: _scores(t, "se").min() > 2 * _scores(t, "plain").max(),
    ),
    (
        "Three times the training does not help the plain network",
        lambda t: t("what-dense").gain("plain-long", "plain").high < 0.01,
    ),
    (
        "A network that does not know which shape is asked for stays below that.",
        lambda t: max(_scores(t, model).max() for model in ("plain", "plain-long")) < 1 / 3,
    ),
    (
        "What separates SE from the added context is small beside what both gain over the plain network.",
        lambda t: (
            abs(t("what-dense").gain("se", "context-mean-max").mean)
            < 0.1 * min(t("what-dense").gain(m, "plain").mean for m in ("se", "context-mean-max"))
        ),
    ),
    (
        "So most of that gain can be had without a gate.",
        lambda t: (
            t("what-dense").gain("context-mean-max", "plain").low
            > 0.75 * t("what-dense").gain("se", "plain").mean
            > 0
        ),
    ),
]
