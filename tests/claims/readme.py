"""What README.md and those of results/ and benchmarks/ say about tables, and what has to be true of them for it."""


def excludes_zero(d):
    return d.low > 0 or d.high < 0


SHAPES = ("32x64x32x32", "16x256x28x28", "8x512x14x14")
OTHERS = ("readable", "timm", "authors")


def share(t, group, what, mode, shape, column="ratio", layout="contiguous_format"):
    """Of the time that the construction of tutorials takes."""
    rows = t("benchmarks/attention").table.query(
        "group == @group and what == @what and mode == @mode and shape == @shape and `memory format` == @layout"
    )
    return float(rows[column].iloc[0])


def whole(t, what, layout):
    """Of the plain ResNet-50's time in evaluation."""
    rows = t("benchmarks/attention").table.query(
        "group == 'ResNet-50 at 112 px' and what == @what and mode == 'evaluation' and `memory format` == @layout"
    )
    return float(rows.ratio.iloc[0])


def ahead(t, group, what, others, mode, layout="contiguous_format"):
    return all(
        share(t, group, what, mode, shape, layout=layout) < share(t, group, other, mode, shape, layout=layout)
        for shape in SHAPES
        for other in others
    )


CLAIMS = [
    (
        "A head that reads the maximum of each channel beside its mean scores higher than CBAM on both tasks "
        "(`where`, `what`).",
        lambda t: all(t(name).gain("plain-max", "cbam").low > 0 for name in ("where", "what")),
    ),
    (
        "On `where` CBAM is not shown to differ from the plain network, which more parameters or longer training do "
        "improve",
        lambda t: (
            not excludes_zero(t("where").gain("cbam", "plain"))
            and all(t("where").gain(model, "plain").low > 0 for model in ("plain-wide", "plain-long"))
        ),
    ),
    (
        "the twelve points that an earlier edition of this course reported there were the learning rate",
        lambda t: (
            round(t("retold/where").gain("cbam", "plain").mean, 2) == 0.12
            and round(t("learning-rate").gain("cbam", "plain", rate=0.003).mean, 2) == 0.12
            and not excludes_zero(t("learning-rate").gain("cbam", "plain", rate=0.01))
            and t("learning-rate").gain("cbam", "plain", rate=0.03).high < 0
        ),
    ),
    (
        "**On photographs, CIFAR-10 trained from scratch for a short time (`cifar10`), neither SE nor CBAM is shown "
        "to differ** from the plain network; SE's mean is two points below it.",
        lambda t: (
            all(
                "no difference shown" in t("cifar10").outcome(f"{model} against plain").verdict
                for model in ("se", "cbam")
            )
            and round(t("cifar10").gain("se", "plain").mean, 2) == -0.02
        ),
    ),
    (
        "**That a maximum beside the average helps SE is not shown**, on the task where it was expected to "
        "(`what-dense`).",
        lambda t: (
            not excludes_zero(t("what-dense").gain("channel", "se"))
            and t("what-dense").outcome("channel against se").verdict == "not shown"
        ),
    ),
    (
        "With the cue anywhere in the image (`what-dense`) channel attention lifts the network far above the plain "
        "one, and spatial attention does not.",
        lambda t: (
            t("what-dense").gain("channel", "plain").low > 0.3
            and t("what-dense").gain("spatial", "plain").high < 0.01
        ),
    ),
    (
        "With the cue at middle distance (`near-long`) it is the other way round, though spatial attention alone "
        "learns it with some seeds only.",
        lambda t: (
            t("near-long").gain("spatial", "plain").low > 0.1
            and t("near-long").gain("channel", "plain").high < 0.01
            and sum(t("near-long").runs("spatial").accuracy > 0.88) > 1
            and sum(t("near-long").runs("spatial").accuracy < 0.44) > 1
        ),
    ),
    (
        "CBAM learns both.",
        lambda t: (
            t("what-dense").gain("cbam", "plain").low > 0.3
            and t("near-long").gain("cbam", "plain").low > 0.3
            and t("near-long").every_seed("cbam", "plain")
            and t("what-dense").every_seed("cbam", "plain")
        ),
    ),
    (
        "A gate is needed for neither: on the first, the same summary *added* is not shown to differ from channel "
        "attention; on the second, a wider kernel comes within a point of CBAM.",
        lambda t: (
            t("what-dense").gain("context-mean-max", "plain").low > 0.3
            and t("near-long").gain("wide-kernel", "plain").low > 0.3
            and not excludes_zero(t("what-dense").gain("context-mean-max", "channel"))
            and abs(t("near-long").gain("wide-kernel", "cbam").mean) < 0.01
        ),
    ),
    (
        "**In a trained network attention gained nothing** when it was trained further, on scenes (`finetune-where`) "
        "or photographs of pets (`finetune-pets`).",
        lambda t: all(
            t(name).gain(model, "plain").mean < 0
            for name in ("finetune-where", "finetune-pets")
            for model in ("cbam", "cbam-identity")
        ),
    ),
    (
        "a tenth of the learning rate for old layers some five points, unfreezing in stages some fourteen",
        lambda t: (
            round(-t("finetune-where").gain("plain-tenth", "plain").mean, 2) == 0.05
            and round(-t("finetune-where").gain("plain-staged", "plain").mean, 2) == 0.14
        ),
    ),
    (
        "With the channel gates of another image a network with CBAM falls to the score of a plain one on one task "
        "(`gates-what`) and loses nothing on the other (`gates-near`; lesson 08)",
        lambda t: (
            t("gates-what").gain("cbam@channel-other", "cbam").high < -0.3
            and abs(t("gates-what").mean("cbam@channel-other") - t("what-dense").mean("plain")) < 0.03
            and abs(t("gates-near").gain("cbam@channel-other", "cbam").mean) < 0.01
        ),
    ),
    (
        "a far larger share of the time than half a percent",
        lambda t: (
            t("benchmarks/attention")
            .table.query("group == 'ResNet-50 at 112 px' and what == 'CBAM'")
            .ratio.gt(1.05)  # half a percent of multiply-adds, as lesson 09 counts
            .all()
        ),
    ),
    (
        "Evaluation, training and kept memory are within their targets on all three shapes.",
        lambda t: (
            all(
                share(t, "CBAM", "fused", "evaluation", shape) <= target
                for shape, target in zip(SHAPES, (0.4, 0.45, 0.4), strict=True)
            )
            and all(share(t, "CBAM", "fused", "training", shape) <= 0.75 for shape in SHAPES)
            and all(share(t, "CBAM", "fused", "training", shape, "saved/input") <= 1.1 for shape in SHAPES)
        ),
    ),
    (
        "The fused CBAM is ahead of the readable one, timm and the authors' construction on every shape, in both "
        "modes and both memory formats. On 8×512×14×14 in evaluation the lead is small",
        lambda t: (
            all(
                ahead(t, "CBAM", "fused", OTHERS, mode, layout=layout)
                for mode in ("evaluation", "training")
                for layout in ("contiguous_format", "channels_last")
            )
            and share(t, "CBAM", "readable", "evaluation", SHAPES[2])
            < 1.2 * share(t, "CBAM", "fused", "evaluation", SHAPES[2])
        ),
    ),
    (
        "**`torch.compile`** is ahead of the fused CBAM on every shape in both modes",
        lambda t: all(
            ahead(t, "CBAM", "torch.compile", ("fused",), mode) for mode in ("evaluation", "training")
        ),
    ),
    (
        "In training the fused SE is ahead of the constructions without a compiler on every shape.",
        lambda t: ahead(t, "SE", "fused", ("naive", "readable", "timm", "torchvision"), "training"),
    ),
    (
        "It takes 1.10 in the usual memory format and 1.13 in `channels_last`. Where the same modules read one pixel "
        "of each map (the last column), nearly half of what they add is still there",
        lambda t: all(
            whole(t, "CBAM, fused", layout) == ratio
            and 0.4 < (whole(t, "CBAM, one pixel", layout) - 1) / (ratio - 1) <= 0.5
            for layout, ratio in (("contiguous_format", 1.1), ("channels_last", 1.13))
        ),
    ),
]
