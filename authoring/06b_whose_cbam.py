# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06b · Whose CBAM?
#
# **You will be able to**
#
# * say in which details four modules called CBAM differ, and which details change the output;
# * carry weights from one to another, or refuse to;
# * reproduce the paper's parameter counts, and put attention into a YOLO.
#
# **Time** 20 minutes of reading. Optional: lesson 07 does not need it. The cells run in half a minute on two CPU cores; a
# GPU is not needed.
#
# **Before this** lesson 06: insertion, and what it costs.

# %%
import torch
from torch import nn

from cbam_course import (
    CBAM,
    ChannelAttention,
    SqueezeExcitation,
    count_cost,
    insert_attention,
    predict,
    reveal,
)
from cbam_course.inspection import plots

# %% [markdown]
# ## The question
#
# An article says "we used CBAM". You find a `CBAM` in a library. Is it the same module? And if you have trained weights
# for one, do they mean anything in the other? All of them draw this picture:

# %%
plots.draw_flow(
    [("x", ""), ("channel\ngate", "x'"), ("spatial\ngate", "x''"), ("the next\nlayer", "")],
    highlight=["channel\ngate", "spatial\ngate"],
)  # fmt: skip

# %% [markdown]
# *What to see: four boxes in a row: x, the coloured channel gate, the coloured spatial gate, the next layer.*
#
# The differences are inside the boxes. This table was read off the code of each:
#
# | | MLP | bias | hidden width | after the 7×7 convolution | order of pools |
# |---|---|---|---|---|---|
# | this course | `Linear` | no | C // r, at least 1 | nothing | mean, max |
# | the authors' code | `Linear` | yes | C // 16 | BatchNorm | max, mean |
# | timm | 1×1 convolution | no | C / 16, rounded half up | BatchNorm | mean, max |
# | ultralytics | one C→C 1×1 convolution, average only | yes | – | nothing | mean, max |
#
# The package builds the first three: `CBAM(64)`, `CBAM(64, convention="paper")` and `CBAM(64, convention="timm")`.
#
# ## Which details change the output?
#
# Copy the weights of this course's module into the paper's convention.
#
# **Predict, then run.** Which of these change the output: biases of 0; biases as they are initialised; the
# same kernel although the pools stand in the other order; a fresh BatchNorm in `eval` mode; the same in training mode?
#
# `convert` translates faithfully. Then we undo its steps one by one.

# %%
from cbam_course.attention.conventions import convert

torch.manual_seed(0)
batch = torch.randn(4, 64, 14, 14).relu()
lesson, paper = CBAM(64), CBAM(64, convention="paper").eval()
fresh = {name: value.clone() for name, value in paper.state_dict().items()}
state = lesson.state_dict()
converted = convert(state, "lesson", "paper")
changes = {
    "biases 0, planes exchanged": {},
    "biases as initialised": {n: v for n, v in fresh.items() if "mlp" in n and n.endswith("bias")},
    "planes not exchanged": {"spatial.conv.weight": state["spatial.conv.weight"]},
    "a fresh BatchNorm, eval": {n: v for n, v in fresh.items() if "norm" in n},
}

# %%
with torch.no_grad():
    for name, change in changes.items():
        paper.load_state_dict({**converted, **change})
        print(f"{name:28} differs by {(paper(batch) - lesson(batch)).abs().max():.6f}")
    difference = (paper.train()(batch) - lesson(batch)).abs().max()
    print(f"{'the same, training mode':28} differs by {difference:.6f}")

# %% [markdown]
# Zero biases and exchanged planes make no difference but rounding. A fresh BatchNorm in `eval` mode divides by √(1 +
# 0.00001), which changes nothing that matters. The other three are other functions, and nothing raises an error. The
# planes are the worst case, because nothing in a state dictionary says which plane belongs to which pool.
#
# The hidden width is the friendlier difference: where it differs, the weights do not fit.

# %% tags=["nbval-check-output"]
for channels in (64, 40, 24):
    widths = [CBAM(channels, convention=c).channel.mlp[0].out_features for c in ("lesson", "paper", "timm")]
    print(f"{channels} channels: hidden units lesson {widths[0]}, paper {widths[1]}, timm {widths[2]}")

# %% [markdown]
# At 64 all agree; at 40 and 24 timm has one unit more. And the authors' code with 8 channels has 8 // 16 = 0 hidden units:
# its MLP then returns its last bias, whatever comes in. This course never goes below 1.
#
# ultralytics' `CBAM` is another module under the same name: its channel part is one layer from C to C behind an
# average, without maximum, bottleneck or shared MLP (asked about in ultralytics#14635).
#
# **Predict, then run.** How many times as many parameters has that layer for 256 channels as the MLP of this course?

# %% tags=["nbval-check-output"]
predict("06b-one-layer-times-the-mlp", None)
size, one_layer = (1, 256, 14, 14), nn.Conv2d(256, 256, 1)
print("one C→C layer with bias   ", f"{sum(p.numel() for p in one_layer.parameters()):,}")
print("the MLP of this course    ", f"{count_cost(ChannelAttention(256), size).parameters:,}")
with_biases = ChannelAttention(256, convention="paper")
print("the authors', with biases ", f"{count_cost(with_biases, size).parameters:,}")
reveal("06b-one-layer-times-the-mlp", 65792 / 8192, tolerance=0.5)

# %% [markdown]
# Eight times as many, and another function. "YOLO + CBAM" may mean either: say which module you used, not only its name.
#
# ## Converting weights
#
# Converting means: rename, drop the axes of length 1 of 1×1 convolutions, and exchange the two planes of the 7×7 kernel
# where the order of the pools differs. `attention.conventions` has `from_authors`, `from_timm` and `from_torchvision`,
# each with its inverse. By hand it is three lines; here torchvision's SE:

# %% tags=["nbval-check-output"]
from torchvision import ops

from cbam_course.attention.conventions import from_torchvision

torch.manual_seed(0)
theirs, ours = ops.SqueezeExcitation(64, 4), SqueezeExcitation(64, convention="paper")
by_hand = {
    key.replace("fc1", "mlp.0").replace("fc2", "mlp.2"): value.flatten(1) if value.ndim == 4 else value
    for key, value in theirs.state_dict().items()
}
ours.load_state_dict(by_hand)
features = torch.randn(2, 64, 5, 5)
torch.testing.assert_close(ours(features), theirs(features))
ours.load_state_dict(from_torchvision(theirs.state_dict()))
torch.testing.assert_close(ours(features), theirs(features))
print("torchvision's and ours: the same output with the same weights")

# %% [markdown]
# Not everything can be carried over. The authors' MLP has biases, this course's has none. A bias that is not zero has no
# place to go, and dropping it would give a network that is a little wrong and says nothing.
#
# **Predict, then run.** A CBAM of the paper's convention is converted to this course's: fresh, then with its biases at
# 0. Its BatchNorm is fresh too. Which conversion is refused?

# %% tags=["nbval-check-output"]
paper = CBAM(64, convention="paper").eval()
for attempt in ("fresh", "biases at 0"):
    try:
        state = convert(paper.state_dict(), "paper", "lesson")
        print(f"{attempt}: converted, {len(state)} tensors of {len(paper.state_dict())}")
    except ValueError as error:
        print(f"{attempt}: {error}")
    for layer in (paper.channel.mlp[0], paper.channel.mlp[2]):
        nn.init.zeros_(layer.bias)

# %% [markdown]
# Biases of 0 are no loss, and in `eval` mode the BatchNorm is a multiplication that goes into the kernel. One that also
# *shifts* the map would be refused: this course's convolution has no bias to take the shift.
#
# ## The paper's table and the stride
#
# The ImageNet table of the CBAM paper (Woo et al. 2018, table 4) has columns for parameters and GFLOPs. They can be counted
# without training anything, with the paper's convention:

# %% tags=["nbval-check-output"]
from cbam_course.inspection.table import cost_rows

counted, macs = {"plain": "plain", "SE, with biases": "SE", "CBAM, paper": "CBAM"}, {}
for row in cost_rows(["resnet18", "resnet50", "resnext50_32x4d"]):
    if row.attention in counted:
        macs[row.network, counted[row.attention]] = row.macs
        name = f"{row.network} {counted[row.attention]}"
        print(f"{name:22} {row.parameters:12,} parameters   {row.macs / 1e9:.3f} G multiply-adds")

# %% [markdown]
# Lesson 06 counted 28,073,544 for ResNet-50 with CBAM. Here it is 28,089,624: biases in sixteen MLPs and two
# numbers of a BatchNorm in sixteen blocks. `python -m cbam_course table` prints six networks with five kinds of attention.
#
# The multiply-adds differ from lesson 06 as well. In each stage the first block halves the resolution, with a stride of 2
# in one of its convolutions. In which one?

# %% tags=["nbval-check-output"]
from cbam_course.networks.resnet import imagenet_resnet

for stride in ("1x1", "3x3"):
    cost = count_cost(imagenet_resnet("resnet50", stride=stride), (1, 3, 224, 224))
    print(f"stride in the {stride}: {cost.parameters:,} parameters, {cost.macs / 1e9:.3f} G multiply-adds")
plain = macs["resnet50", "plain"]
more = cost.macs - plain
print(f"{more / plain:.0%} more, {more / (macs['resnet50', 'CBAM'] - plain):.0f} times what CBAM adds")

# %% [markdown]
# With the stride in the first 1×1 convolution the counts fit the papers' tables; we infer from that where they had
# it. The authors' released code and torchvision have it in the 3×3 behind it, so that the 1×1 works at four times as
# many positions. The parameters are the same, and the work grows by far more than CBAM adds. "CBAM, from the paper"
# beside "ResNet-50, from torchvision" compares two networks.
#
# ## YOLO
#
# Detectors of the YOLO family are residual networks too, and the same call works. The library ultralytics is not part of
# this course (`pip install ultralytics`). Without it the next cell does nothing.

# %%
import os
from importlib.util import find_spec

if find_spec("ultralytics"):
    os.environ.setdefault("YOLO_OFFLINE", "True")
    from ultralytics.nn.tasks import DetectionModel

    torch.manual_seed(0)
    yolo = DetectionModel("yolov8n.yaml", nc=2, verbose=False).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found = yolo(picture)[0]
        insert_attention(yolo, CBAM, identity=True)
        print("the same detections:", torch.equal(yolo(picture)[0], found))
    print([name for name, module in yolo.named_modules() if isinstance(module, CBAM)])

# %% [markdown]
# The network here is built from its description, with random weights: what is shown is that the insertion changes no
# detection, and where it lands: in the residual blocks of the backbone, the part that makes the feature maps. Three
# things to know before you write "YOLO + CBAM".
#
# * **Its own `CBAM` is another module**, as above. Insert the paper's from outside, or say which one you used.
# * **Channel numbers.** Its YAML files hold widths that are scaled afterwards, and people get them wrong
#   (ultralytics#4443, #10758, #19733, #20707). An insertion that looks at what arrives has no number to get wrong.
#   For the neck, which mixes these maps, give `where` the names of modules; their numbers depend on the version.
# * **Its licence is AGPL-3.0.** Whoever passes on a program that builds on it, or offers it as a service, has to offer the
#   source under that licence too, or buy another one.
#
# A maintainer's experience with CBAM trained from scratch is a gain of about zero or a small drop; the advice there is
# several seeds, and a larger plain model as the baseline (ultralytics#22856).
#
# ## What this does not show
#
# * Equal outputs in `eval` mode say nothing about training: timm's and the authors' BatchNorm behave differently there,
#   and gradients at ties depend on how the maximum is written.
# * The table of differences was read off versions of today. Libraries change.
# * Parameters and multiply-adds are exact. Neither is time, and neither is accuracy.
#
# ## Three questions
#
# <details><summary>1. Which of the differences would you notice at once, and which never?</summary>
#
# Other names, shapes and hidden widths raise an error in `load_state_dict`. The order of the planes never does: the shapes
# are equal, and the map is another one.
# </details>
#
# <details><summary>2. An article compares "CBAM, 28.09 M parameters" with "ours, 28.07 M". What do you suspect?</summary>
#
# The same module counted in two conventions: the difference is the size of the biases and the BatchNorm.
# </details>
#
# <details><summary>3. When is it right to refuse a conversion, rather than to come close?</summary>
#
# Whenever something that changes the output has no place in the target. The caller may decide to drop a small bias; a
# function that does so in silence has decided for them.
# </details>
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018: table 4.
# * Code: Jongchan/attention-module, timm (`layers/cbam.py`), ultralytics (`nn/modules/conv.py`), torchvision
#   (`models/resnet.py`, `ops.SqueezeExcitation`). Issues as named in the text.
