"""Sentences of lesson 05 that tables must bear out."""


def _means(evidence, *models):
    return [evidence.mean(model) for model in models]


CLAIMS = [
    (
        "Marking every disc would score 0.44. Plain networks and channel attention stay there.",
        lambda t: max(_means(t("near-long"), "plain", "channel")) < 0.5,
    ),
    (
        "Spatial attention, CBAM, the added map and the wide kernel lie far to the right.",
        lambda t: (
            min(_means(t("near-long"), "spatial", "cbam", "added-map", "wide-kernel"))
            > max(_means(t("near-long"), "plain", "channel")) + 0.15
        ),
    ),
    (
        "So do two layers without a gate: the map added instead of multiplied, and the wide kernel.",
        lambda t: min(_means(t("near-long"), "added-map", "wide-kernel")) > 0.7,
    ),
    (
        "Plain, the plain network that trained three times as long, spatial attention and the added map lie together "
        "far to the left. Channel attention, CBAM and added context lie far to the right.",
        lambda t: (
            max(_means(t("what-dense"), "plain", "plain-long", "spatial", "added-map")) + 0.15
            < min(_means(t("what-dense"), "channel", "cbam", "context-mean-max"))
        ),
    ),
    (
        "The plain network stays at its floor even with three times the training, and spatial attention stays there "
        "with it.",
        lambda t: max(_means(t("what-dense"), "plain", "plain-long", "spatial")) < 0.31,
    ),
    (
        "the same summary *added* comes within a few points of channel attention",
        lambda t: abs(t("what-dense").gain("context-mean-max", "channel").mean) < 0.08,
    ),
    (
        "the wide kernel gets part of the way",
        lambda t: (
            t("what-dense").mean("plain") + 0.1
            < t("what-dense").mean("wide-kernel")
            < t("what-dense").mean("cbam")
        ),
    ),
    (
        "In its tuning, spatial attention and CBAM stood at the floor at every learning rate, while the added map "
        "had already learned the task.",
        lambda t: (
            t("near.tuning").table.query("model in ('spatial', 'cbam')").accuracy.max() < 0.49
            and t("near.tuning").table.query("model == 'added-map'").accuracy.max() > 0.7
        ),
    ),
    ("CBAM solves both.", lambda t: min(t("near-long").mean("cbam"), t("what-dense").mean("cbam")) > 0.6),
]
