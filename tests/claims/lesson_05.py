"""Sentences of lesson 05 that tables must bear out."""


def _scores(evidence, model):
    return evidence.runs(model)["accuracy"]


def _lowest(evidence, *models):
    return min(_scores(evidence, model).min() for model in models)


def _highest(evidence, *models):
    """The best run of any of the models that have runs: ablations come last."""
    there = set(evidence.table["model"])
    return max(_scores(evidence, model).max() for model in models if model in there)


def _unexpected(evidence):
    """Comparison -> which way it went, for those that came out otherwise than registered."""
    return {
        o.comparison.key.partition(" on ")[0]: o.verdict.removeprefix("not as expected: ")
        for o in evidence.outcomes()
        if o.verdict.startswith("not as expected")
    }


CLAIMS = [
    (
        "In the second and the third, no difference had been expected.",
        lambda t: (
            _unexpected(t("near-long"))
            == {"added-map against spatial": "higher", "channel against plain": "lower"}
        ),
    ),
    (
        "Marking every disc earns a network 0.44. Plain networks, channel attention and added context do no better.",
        lambda t: _highest(t("near-long"), "plain", "plain-long", "channel", "context-mean-max") < 0.44,
    ),
    (
        "The plain networks, channel attention and added context lie far to the left. CBAM, the added map and the "
        "wide kernel lie far to the right, each close together. Spatial attention's points are spread from one side "
        "to the other.",
        lambda t: (
            _highest(t("near-long"), "plain", "plain-long", "channel", "context-mean-max") < 0.44
            and _lowest(t("near-long"), "cbam", "added-map", "wide-kernel") > 0.88
            and max(_scores(t("near-long"), m).std() for m in ("cbam", "added-map", "wide-kernel")) < 0.02
            and _lowest(t("near-long"), "spatial") < 0.44
            and _highest(t("near-long"), "spatial") > 0.88
        ),
    ),
    (
        "Spatial attention alone learns the task in some seeds and stays at the floor in others.** The two rivals "
        "without a gate learn it in every seed.",
        lambda t: (
            sum(_scores(t("near-long"), "spatial") < 0.44) > 1
            and sum(_scores(t("near-long"), "spatial") > 0.88) > 1
            and _lowest(t("near-long"), "added-map", "wide-kernel") > 0.88
        ),
    ),
    (
        "**What counts here is reach; a gate is one way to have it, and alone not the surest.**",
        lambda t: (
            _highest(t("near-long"), "plain", "channel") < 0.44
            and _lowest(t("near-long"), "added-map", "wide-kernel") > 0.88
            and _highest(t("near-long"), "spatial") > 0.88
            and _lowest(t("near-long"), "spatial") < 0.44
        ),
    ),
    (
        "plain, the plain network that trained three times as long, spatial attention and the added map lie together "
        "far to the left. Channel attention, CBAM and added context lie far to the right. The wide kernel's points "
        "are spread between the two.",
        lambda t: (
            _highest(t("what-dense"), "plain", "plain-long", "spatial", "added-map") < 0.25
            and _lowest(t("what-dense"), "channel", "cbam", "context-mean-max") > 0.5
            and _lowest(t("what-dense"), "wide-kernel") < 0.25
            and 0.5 < _highest(t("what-dense"), "wide-kernel") < _highest(t("what-dense"), "cbam")
        ),
    ),
    (
        "The plain network stays at its floor even with three times the training, and spatial attention stays there "
        "with it.",
        lambda t: _highest(t("what-dense"), "plain", "plain-long", "spatial") < 0.26,
    ),
    (
        "Again most of the gain needs no gate: the same summary *added* comes within a few points of channel "
        "attention.",
        lambda t: (
            abs(t("what-dense").gain("context-mean-max", "channel").mean) < 0.05
            and t("what-dense").gain("context-mean-max", "plain").low
            > 0.75 * t("what-dense").gain("channel", "plain").mean
        ),
    ),
    (
        "Three outcomes were not expected: spatial attention and longer training lie below plain, by less than 0.01, "
        "and the wide kernel gets part of the way, in some seeds.",
        lambda t: (
            _unexpected(t("what-dense"))
            == {
                "spatial against plain": "lower",
                "plain-long against plain": "lower",
                "wide-kernel against plain": "higher",
            }
            and min(t("what-dense").gain(model, "plain").mean for model in ("spatial", "plain-long")) > -0.01
            and t("what-dense").mean("wide-kernel") < t("what-dense").mean("channel")
            and sum(_scores(t("what-dense"), "wide-kernel") > 0.33) > 1
            and sum(_scores(t("what-dense"), "wide-kernel") < 0.26) > 1
        ),
    ),
    (
        "each part can learn one task and fails at the other in every seed. CBAM learns both.",
        lambda t: (
            _highest(t("near-long"), "spatial") > 0.88
            and _highest(t("near-long"), "channel") < 0.44
            and _lowest(t("what-dense"), "channel") > 0.5
            and _highest(t("what-dense"), "spatial") < 0.26
            and _lowest(t("near-long"), "cbam") > 0.88
            and _lowest(t("what-dense"), "cbam") > 0.5
        ),
    ),
    (
        "each part has a rival without a gate that learns the same task",
        lambda t: (
            _lowest(t("near-long"), "added-map", "wide-kernel") > 0.88
            and _lowest(t("what-dense"), "context-mean-max") > 0.5
        ),
    ),
    (
        "With ten epochs instead of twenty, spatial attention and CBAM stood at the floor at every learning rate, "
        "while the added map had already learned the task",
        lambda t: (
            t("near.tuning").table.query("model in ('spatial', 'cbam')").accuracy.max() < 0.46
            and t("near.tuning").table.query("model == 'added-map'").accuracy.min() > 0.7
        ),
    ),
    (
        "Why then does CBAM learn `near` in every seed, and spatial attention alone does not? The two also differ in "
        "the learning rate that their tuning chose, 0.03 and 0.01.",
        lambda t: (
            t("near-long").rate("cbam") == 0.03
            and t("near-long").rate("spatial") == 0.01
            and _lowest(t("near-long"), "cbam") > 0.88
            and _lowest(t("near-long"), "spatial") < 0.44
        ),
    ),
    (
        "A rival without a gate learns each task.",
        lambda t: (
            _lowest(t("near-long"), "added-map", "wide-kernel") > 0.88
            and _lowest(t("what-dense"), "context-mean-max") > 0.5
        ),
    ),
    (
        "and it still fails at `what`",
        lambda t: _highest(t("what-dense"), "spatial") < 0.26,
    ),
]
