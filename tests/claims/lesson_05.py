"""Sentences of lesson 05 that tables must bear out."""


def _means(evidence, *models):
    return [evidence.mean(model) for model in models]


def _present(evidence, *models):
    """Means of the models that have runs: ablations come last."""
    return _means(evidence, *(model for model in models if model in set(evidence.table["model"])))


def _lowest(evidence, model):
    return evidence.runs(model)["accuracy"].min()


CLAIMS = [
    (
        "Marking every disc would score 0.44. Plain networks, channel attention and added context stay there.",
        lambda t: max(_present(t("near-long"), "plain", "plain-long", "channel", "context-mean-max")) < 0.5,
    ),
    (
        "CBAM, the added map and the wide kernel lie far to the right, each close together. Spatial attention's "
        "points are spread from one side to the other.",
        lambda t: (
            min(_lowest(t("near-long"), model) for model in ("cbam", "added-map", "wide-kernel")) > 0.8
            and _lowest(t("near-long"), "spatial") < 0.5
            and t("near-long").runs("spatial")["accuracy"].max() > 0.9
        ),
    ),
    (
        "spatial attention alone learns the task in some seeds and stays at the floor in others.** The two rivals "
        "without a gate learn it in every seed.",
        lambda t: (
            sum(t("near-long").runs("spatial")["accuracy"] < 0.5) > 1
            and sum(t("near-long").runs("spatial")["accuracy"] > 0.9) > 1
            and min(_lowest(t("near-long"), model) for model in ("added-map", "wide-kernel")) > 0.8
        ),
    ),
    (
        "each part can solve one task and fails at the other in every seed",
        lambda t: (
            t("near-long").runs("spatial")["accuracy"].max() > 0.9
            and t("near-long").runs("channel")["accuracy"].max() < 0.5
            and t("what-dense").runs("spatial")["accuracy"].max() < 0.31
            and t("what-dense").mean("channel") > 0.6
        ),
    ),
    (
        "Why then does CBAM learn `near` in every seed, and spatial attention alone does not? The two also differ in "
        "the learning rate that their tuning chose, 0.03 and 0.01.",
        lambda t: (
            t("near-long").rate("cbam") == 0.03
            and t("near-long").rate("spatial") == 0.01
            and _lowest(t("near-long"), "cbam") > 0.8
            and _lowest(t("near-long"), "spatial") < 0.5
        ),
    ),
    (
        "plain, the plain network that trained three times as long, spatial attention and the added map lie together "
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
