"""What lesson 09 says about tables: a sentence as it stands there, and what has to be true of the tables for it."""

CBAM_SHAPES = ("32x64x32x32", "16x256x28x28", "8x512x14x14")


def timed(t, group, what, mode, shape=None, layout="contiguous_format", column="milliseconds"):
    """One number of the table of timings."""
    rows = t("benchmarks/attention").table.query(
        "group == @group and what == @what and mode == @mode and `memory format` == @layout"
    )
    rows = rows if shape is None else rows[rows["shape"] == shape]
    assert len(rows) == 1, (group, what, mode, shape, layout)
    return float(rows[column].iloc[0])


def whole(t, what, mode="evaluation"):
    return timed(t, "ResNet-50 at 112 px", what, mode) / timed(t, "ResNet-50 at 112 px", "plain", mode)


def score(t, name, model, column="accuracy"):
    return t(name).mean(model, column=column)


CLAIMS = [
    (
        "Both have a tenth more parameters. The bars of the multiply-adds can hardly be seen. Those of the seconds "
        "can, and CBAM's are the higher ones.",
        lambda t: all(whole(t, "CBAM", m) > whole(t, "SE", m) > 1.01 for m in ("evaluation", "training")),
    ),
    (
        "CBAM adds less than one percent of multiply-adds, and many times that share of the time.",
        lambda t: all(whole(t, "CBAM", mode) > 1.05 for mode in ("evaluation", "training")),
    ),
    (
        "In the committed table, on this shape, SE comes near its passes, and CBAM takes clearly more units than its "
        "4.",
        lambda t: timed(t, "SE", "readable", "evaluation", CBAM_SHAPES[1], column="unit") < 2.2
        and timed(t, "CBAM", "readable", "evaluation", CBAM_SHAPES[1], column="unit") > 5,
    ),
    (
        "In evaluation the steps help. In training they do not: in the committed table, on this shape, the CBAM of "
        "the second step even takes longer than the tutorial's.",
        lambda t: all(
            timed(t, "CBAM", "readable", "evaluation", shape) < 0.8 * timed(t, "CBAM", "naive", "evaluation", shape)
            for shape in CBAM_SHAPES
        )
        and timed(t, "CBAM", "readable", "training", CBAM_SHAPES[1])
        > 1.1 * timed(t, "CBAM", "naive", "training", CBAM_SHAPES[1]),
    ),
    (
        "In the committed table, on three shapes, the fused CBAM trains in less time than the readable one, timm's "
        "and the authors' construction.",
        lambda t: all(
            timed(t, "CBAM", "fused", "training", shape) < 0.95 * timed(t, "CBAM", other, "training", shape)
            for shape in CBAM_SHAPES
            for other in ("readable", "timm", "authors")
        ),
    ),
    (
        "In a whole ResNet-50 at 112 pixels most maps are small, and fusing changes its time little in the table.",
        lambda t: all(
            abs(whole(t, "CBAM, fused", mode) - whole(t, "CBAM", mode)) < 0.06
            for mode in ("evaluation", "training")
        )
        and whole(t, "CBAM") > 1.06,
    ),
    (
        "On `near`, three times the training costs the plain network more seconds than CBAM needs, and it stays "
        "below half of CBAM's score.",
        lambda t: score(t, "near-long", "plain-long") < 0.5 * score(t, "near-long", "cbam")
        and score(t, "near-long", "plain-long", "seconds") > 1.3 * score(t, "near-long", "cbam", "seconds"),
    ),
    (
        "On `what`, channel attention scores more than twice as high as the plain network with three times its "
        "training.",
        lambda t: score(t, "what-dense", "channel") > 2 * score(t, "what-dense", "plain-long")
        and score(t, "what-dense", "plain-long", "seconds") > score(t, "what-dense", "channel", "seconds"),
    ),
    (
        "But a wider kernel does on `near` what CBAM does, in no more seconds.",
        lambda t: abs(score(t, "near-long", "wide-kernel") - score(t, "near-long", "cbam")) < 0.03
        and score(t, "near-long", "wide-kernel", "seconds") < score(t, "near-long", "cbam", "seconds"),
    ),
    (
        "On `where`, each at the rate that its validation images chose, CBAM is not ahead of the plain network and "
        "takes more seconds",
        lambda t: score(t, "where", "cbam") < score(t, "where", "plain")
        and t("where").gain("cbam", "plain", column="seconds").low > 0,
    ),
]  # fmt: skip
