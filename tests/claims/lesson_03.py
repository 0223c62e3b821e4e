"""Sentences of lesson 03 that a table must bear out."""

CLAIMS = [
    (
        "SE and channel attention are far above the plain network in every seed.",
        lambda t: (
            t("what-dense").every_seed("se", "plain")
            and t("what-dense").every_seed("channel", "plain")
            and t("what-dense").gain("se", "plain").low > 0.2
            and t("what-dense").gain("channel", "plain").low > 0.2
        ),
    ),
    (
        "The ten seeds do not show that it does",
        lambda t: (
            t("what-dense").gain("channel", "se").low < 0 and t("what-dense").gain("channel", "se").n == 10
        ),
    ),
    (
        "Added context makes at least three quarters of the step from plain to channel attention.",
        lambda t: (
            t("what-dense").mean("context-mean-max") - t("what-dense").mean("plain")
            >= 0.75 * (t("what-dense").mean("channel") - t("what-dense").mean("plain"))
        ),
    ),
    (
        "So on this task the *path* is what counts; a gate is one way to build it, and it is not needed.",
        lambda t: (
            t("what-dense").every_seed("context-mean-max", "plain")
            and t("what-dense").gain("context-mean-max", "plain").low > 0.3
        ),
    ),
]
