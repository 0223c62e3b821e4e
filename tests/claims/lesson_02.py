"""What lesson 02 says of the table of the scenes with a patch in the corner."""

CLAIMS = [
    (
        "SE marks far more of the right shape than the plain network, with every seed.",
        lambda t: t("what-dense").every_seed("se", "plain") and t("what-dense").gain("se", "plain").low > 0.2,
    ),
    (
        "Three times the training does not help the plain network",
        lambda t: (
            t("what-dense").mean("plain-long") < t("what-dense").mean("plain") + 0.02
            and t("what-dense").mean("plain-long") < t("what-dense").mean("se") - 0.2
        ),
    ),
    (
        "A network that does not know which shape is asked for stays below that.",
        lambda t: max(t("what-dense").runs(model)["accuracy"].max() for model in ("plain", "plain-long")) < 1 / 3,
    ),
    (
        "What separates SE from the added context is small beside what both gain over the plain network.",
        lambda t: (
            abs(t("what-dense").gain("se", "context-mean-max").mean)
            < 0.25 * min(t("what-dense").gain(m, "plain").mean for m in ("se", "context-mean-max"))
        ),
    ),
    (
        "So most of the gain comes from the path, not from the gate.",
        lambda t: (
            t("what-dense").gain("context-mean-max", "plain").mean > 0.7 * t("what-dense").gain("se", "plain").mean
            and t("what-dense").gain("se", "plain").mean > 0
        ),
    ),
]  # fmt: skip
