"""What lesson 07 says about tables: a sentence as it stands there, and what has to be true of the tables for it."""

import numpy as np
from scipy import stats

RATES = (0.001, 0.003, 0.01, 0.03)
PAIRS = (("cbam", "plain"), ("cbam", "plain-max"), ("plain-max", "plain"))


def at(t, model, rate):
    return t("learning-rate").mean(model, rate=rate)


def gain(t, first, second, rate):
    return t("learning-rate").gain(first, second, rate=rate)


def scores(t, model, rate):
    return t("learning-rate").runs(model, rate=rate).sort_values("seed").accuracy.to_numpy()


def rows(t):
    """Correlation, and how much narrower pairing makes the interval, of each pair of models at each rate."""
    for rate in RATES:
        for first, second in PAIRS:
            a, b = scores(t, first, rate), scores(t, second, rate)
            widths = [
                np.ptp(test(a, b).confidence_interval(0.95)) for test in (stats.ttest_rel, stats.ttest_ind)
            ]
            yield np.corrcoef(a, b)[0, 1], widths[1] - widths[0]


def includes_zero(d):
    return d.low <= 0 <= d.high


CLAIMS = [
    (
        'On CIFAR-10 SE ends two points below plain, and its interval leaves 0 out. The verdict is "no difference '
        'shown" all the same: three comparisons were asked at once, and with that counted its p-value is .11.',
        lambda t: (
            round(t("cifar10").gain("se", "plain").mean, 2) == -0.02
            and t("cifar10").gain("se", "plain").high < 0
            and "no difference shown" in t("cifar10").outcome("se against plain").verdict
            and len(t("cifar10").outcomes()) == 3
            and round(t("cifar10").outcome("se against plain").corrected, 2) == 0.11
        ),
    ),
    (
        "The rows of plain and CBAM overlap nearly everywhere, and their means lie within half a point.",
        lambda t: (
            abs(at(t, "cbam", 0.01) - at(t, "plain", 0.01)) < 0.005
            and abs(scores(t, "cbam", 0.01).min() - scores(t, "plain", 0.01).min()) < 0.01
            and abs(scores(t, "cbam", 0.01).max() - scores(t, "plain", 0.01).max()) < 0.01
        ),
    ),
    (
        "The mean+max head lies farther to the right.",
        lambda t: (
            at(t, "plain-max", 0.01) > at(t, "plain", 0.01) + 0.01
            and at(t, "plain-max", 0.01) > at(t, "cbam", 0.01) + 0.01
        ),
    ),
    ("with the lower mean", lambda t: at(t, "cbam", 0.01) < at(t, "plain", 0.01)),
    (
        "From −.80 to +.97, and half of them below .2",
        lambda t: (
            round(min(c for c, _ in rows(t)), 2) == -0.8
            and round(max(c for c, _ in rows(t)), 2) == 0.97
            and sum(c < 0.2 for c, _ in rows(t)) == len(RATES) * len(PAIRS) / 2
        ),
    ),
    (
        "In most of these rows the paired interval is no narrower than the unpaired one; where the "
        "correlation is near 1, it is much narrower.",
        lambda t: (
            sum(narrower <= 0 for _, narrower in rows(t)) > 6
            and all(narrower > 0 for c, narrower in rows(t) if c > 0.9)
            and any(c > 0.9 for c, _ in rows(t))
        ),
    ),
    (
        "An earlier edition of this course compared the same two networks on the same task and reported this, from "
        "five paired seeds:",
        lambda t: (
            t("retold/where").gain("cbam", "plain").low > 0.11
            and t("retold/where").gain("cbam", "plain").n == 5
        ),
    ),
    (
        "Every run was honest, the interval is narrow, and new seeds say the same.",
        lambda t: (
            t("retold/where").gain("cbam", "plain").high - t("retold/where").gain("cbam", "plain").low < 0.02
            and abs(gain(t, "cbam", "plain", 0.003).mean - t("retold/where").gain("cbam", "plain").mean)
            < 0.01
        ),
    ),
    (
        "At .001 plain lies far below the two others; at .003 the gap is about half as wide; at .01 plain and CBAM "
        "lie together; at .03 plain lies above CBAM.",
        lambda t: (
            all(
                at(t, m, 0.001) - at(t, "plain", 0.001) > 0.2
                and 0.4
                < (at(t, m, 0.003) - at(t, "plain", 0.003)) / (at(t, m, 0.001) - at(t, "plain", 0.001))
                < 0.6
                for m in ("cbam", "plain-max")
            )
            and abs(at(t, "plain", 0.01) - at(t, "cbam", 0.01)) < 0.005
            and at(t, "plain", 0.03) > at(t, "cbam", 0.03) + 0.01
        ),
    ),
    (
        "The mean+max head is the highest or close to it from .003 on.",
        lambda t: all(
            at(t, "plain-max", rate) > max(at(t, m, rate) for m in ("plain", "cbam")) - 0.005
            for rate in RATES[1:]
        ),
    ),
    (
        "The gain of .12 at .003 is real, and it is a fact about .003.",
        lambda t: (
            gain(t, "cbam", "plain", 0.003).low > 0.05
            and round(gain(t, "cbam", "plain", 0.003).mean, 2) == 0.12
        ),
    ),
    (
        "There the plain network has not finished learning after eight epochs.",
        lambda t: (
            at(t, "plain", 0.01) > at(t, "plain", 0.003) + 0.1
            and t("retold/where").mean("plain-long") > t("retold/where").mean("plain") + 0.1
        ),
    ),
    (
        "At .01 nothing is left of the gain, and at .03 the plain network scores higher.",
        lambda t: includes_zero(gain(t, "cbam", "plain", 0.01)) and gain(t, "cbam", "plain", 0.03).high < 0,
    ),
    (
        "The mean+max head, which has no attention, gained as much at .003.",
        lambda t: gain(t, "plain-max", "plain", 0.003).mean >= gain(t, "cbam", "plain", 0.003).mean,
    ),
    (
        "On `where` more parameters, longer training and a mean+max head all gain something; CBAM and spatial "
        "attention are not shown to.",
        lambda t: (
            all(t("where").gain(m, "plain").low > 0 for m in ("plain-wide", "plain-long", "plain-max"))
            and all(t("where").gain(m, "plain").low <= 0 for m in ("cbam", "spatial"))
        ),
    ),
    (
        "On `where` nothing is left of CBAM's old gain.",
        lambda t: (
            includes_zero(t("where").gain("cbam", "plain")) and t("where").gain("cbam", "plain").mean < 0
        ),
    ),
    (
        "On `what` CBAM does gain over plain, and the mean+max head gains more: what was expected came out the other "
        "way round.",
        lambda t: (
            t("what").gain("cbam", "plain").low > 0
            and t("what").outcome("cbam against plain-max").verdict == "the other way round"
        ),
    ),
    (
        "scores higher than CBAM on both tasks, with no attention at all",
        lambda t: all(t(name).gain("plain-max", "cbam").low > 0 for name in ("where", "what")),
    ),
    (
        "a fresh module destroys its answers, and on the pets it ended lower; started as the identity it gained "
        "nothing that is shown (lesson 06)",
        lambda t: (
            t("finetune-pets").outcome("cbam against plain").verdict == "not as expected: lower"
            and t("finetune-pets").gain("cbam-identity", "plain").low <= 0
        ),
    ),
    (
        "Its *tuning*, on validation images, showed that spatial attention and CBAM were still at the floor at every "
        "rate",
        lambda t: (
            t("near.tuning")
            .table.query("model in ('spatial', 'cbam', 'plain')")
            .groupby("model")
            .validation_accuracy.agg(lambda scores: scores.between(0.42, 0.46).all())
            .all()
        ),
    ),
    ("plain at .01 scores higher than CBAM at .003", lambda t: at(t, "plain", 0.01) > at(t, "cbam", 0.003)),
    (
        "At .03, the end of the grid, the plain network scores highest; beyond it we have not looked.",
        lambda t: all(at(t, "plain", 0.03) > at(t, "plain", rate) for rate in RATES[:3]),
    ),
    (
        "a path from everywhere lifts it far above plain, gated or added; three times the training does not",
        lambda t: (
            all(
                t("what-dense").mean(m) > t("what-dense").mean("plain") + 0.2
                for m in ("se", "channel", "context-mean-max")
            )
            and t("what-dense").mean("plain-long") < t("what-dense").mean("plain") + 0.05
        ),
    ),
    (
        "all that reaches the cue leaves plain far behind: the wide kernel, the added map, and spatial attention on "
        "average, though some of its runs never leave the floor",
        lambda t: (
            all(
                t("near-long").mean(m) > t("near-long").mean("plain") + 0.1
                for m in ("wide-kernel", "added-map", "spatial")
            )
            and t("near-long").runs("spatial").accuracy.min() < 0.5
            and t("near-long").runs("wide-kernel").accuracy.min() > 0.5
        ),
    ),
    (
        "far above plain in both tables; a wide kernel is well below it where the cue is anywhere",
        lambda t: (
            all(t(name).mean("cbam") > t(name).mean("plain") + 0.1 for name in ("what-dense", "near-long"))
            and t("what-dense").mean("wide-kernel") < t("what-dense").mean("cbam") - 0.1
        ),
    ),
]
