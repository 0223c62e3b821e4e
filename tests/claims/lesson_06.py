"""Sentences of lesson 06 that a table must bear out."""

PLAIN = (
    "plain",
    "cbam-identity",
)  # the training that a habit is compared with, without attention and with it


def costs(t, habit):
    """What a habit costs on the foreign target, without attention and with it."""
    table = t("finetune-where")
    return [table.mean(model) - table.mean(f"{model}-{habit}") for model in PLAIN]


CLAIMS = [
    (
        "The row without attention, that of CBAM and that of CBAM inserted plainly lie together at the right; those "
        "with a tenth of the rate a little to the left of them, those with stages farther left, and those with "
        "both farthest.",
        lambda t: (
            min(t("finetune-where").mean(model) for model in ("plain", "cbam-identity", "cbam"))
            > max(t("finetune-where").mean(f"{model}-tenth") for model in PLAIN) + 0.02
            and all(
                max(costs(t, first)) + 0.03 < min(costs(t, second))
                for first, second in (("tenth", "staged"), ("staged", "tenth-staged"))
            )
        ),
    ),
    (
        "Attention gains nothing here.",
        lambda t: all(t("finetune-where").gain(m, "plain").mean < 0 for m in ("cbam", "cbam-identity")),
    ),
    (
        "Started as the identity it ends somewhat lower than the same training without it, by about a point, which "
        "was not expected",
        lambda t: (
            t("finetune-where").outcome("cbam-identity against plain").verdict == "not as expected: lower"
            and -0.015 < t("finetune-where").gain("cbam-identity", "plain").mean < -0.005
        ),
    ),
    (
        "plain insertion, which destroys nearly every answer first, is not shown to differ at all",
        lambda t: (
            t("finetune-where").outcome("cbam against plain").verdict.startswith("as expected: no difference")
        ),
    ),
    (
        "a tenth of the rate some five points, stages some fifteen, both together twenty-five and more.",
        lambda t: (
            all(0.03 < cost < 0.07 for cost in costs(t, "tenth"))
            and all(0.12 < cost < 0.18 for cost in costs(t, "staged"))
            and all(0.245 < cost < 0.34 for cost in costs(t, "tenth-staged"))
        ),
    ),
    (
        "One run of the mean+max head lies far behind its others.",
        lambda t: (lambda scores: scores[0] < scores[1] - 0.05 and scores[4] - scores[1] < 0.05)(
            sorted(t("finetune-where").runs("plain-max").accuracy)
        ),
    ),
    (
        "Given a choice, that recipe takes a rate three times as high as the plain one does",
        lambda t: round(t("finetune-where").rate("plain-tenth") / t("finetune-where").rate("plain"), 6) == 3,
    ),
    (
        "CBAM inserted plainly has the lowest mean.",
        lambda t: t("finetune-pets").ranking()[-1] == "cbam",
    ),
    (
        "protecting it costs little, and gains nothing that is shown: without attention neither habit moves the "
        "mean by more than a point, and the intervals reach to three.",
        lambda t: all(
            abs(t("finetune-pets").gain(f"plain-{habit}", "plain").mean) < 0.01
            and -0.034 < t("finetune-pets").gain(f"plain-{habit}", "plain").low < -0.026
            and t("finetune-pets")
            .outcome(f"plain-{habit} against plain")
            .verdict.startswith("as expected: no")
            for habit in ("tenth", "staged")
        ),
    ),
    (
        "With CBAM the stages end some two points lower, which five seeds do not show to be a loss.",
        lambda t: (
            0.015 < -t("finetune-pets").gain("cbam-identity-staged", "cbam-identity").mean < 0.03
            and t("finetune-pets").gain("cbam-identity-staged", "cbam-identity").high > 0
        ),
    ),
    (
        "Started as the identity, attention does no harm that is shown, and no good.",
        lambda t: (
            t("finetune-pets")
            .outcome("cbam-identity against plain")
            .verdict.startswith("as expected: no difference")
        ),
    ),
    (
        "Inserted plainly it ends some five points lower, which was not expected",
        lambda t: (
            t("finetune-pets").outcome("cbam against plain").verdict == "not as expected: lower"
            and 0.03 < -t("finetune-pets").gain("cbam", "plain").mean < 0.07
        ),
    ),
    (
        "here the careful start pays",
        lambda t: t("finetune-pets").gain("cbam-identity", "cbam").low > 0,
    ),
]
