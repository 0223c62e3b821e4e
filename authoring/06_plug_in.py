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
# # 06 · Plug it into real networks
#
# **You will be able to**
#
# * put attention at the right place of a residual block, with the right width, without renaming a single weight;
# * insert it into a trained network without changing an answer, and say what breaks otherwise;
# * count what it costs, and judge a fine-tuning recipe by the same recipe without attention.
#
# **Time** 35 minutes of reading. The cells run in under a minute on two CPU cores; a GPU is not needed.
#
# **Before this** lesson 05: CBAM as a module.

# %%
from copy import deepcopy

import torch
from torch import nn

from cbam_course import (
    CBAM,
    SqueezeExcitation,
    capture,
    count_cost,
    insert_attention,
    predict,
    remove_attention,
    reveal,
)
from cbam_course.inspection import plots
from cbam_course.networks.pretrained import pretrained_resnet20

# %% [markdown]
# ## The question
#
# Both papers promise a module that can be put into any network and is *light*. So there must be a *place* for it.
# Many readers hope for more: that a network which is *trained already* becomes better with it. All three can be
# tested.
#
# This is a residual block, of which most vision networks since 2016 are made (He et al. 2016). Where does the
# attention go?

# %%
plots.draw_flow(
    [("x", ""), ("convolution\nBatchNorm\nReLU", ""), ("convolution\nBatchNorm", "branch"),
     ("attention", "gated\nbranch"), ("+", ""), ("ReLU", "")],
    skip="shortcut: x as it came", skip_to=4, highlight=["attention"],
)  # fmt: skip

# %% [markdown]
# *What to see: six boxes in a row: x, two convolutions with BatchNorm, the coloured attention, the addition and a
# ReLU. An arrow from x passes over all of them to the addition: the shortcut.*
#
# SE and CBAM both gate the **branch**, after its last BatchNorm and before the addition (Hu et al. 2018, figure 3; Woo et
# al. 2018, figure 3). Look at what other places would do before you believe it.
#
# ## The place, by hand
#
# One position, two channels. The shortcut brings (4, 1), the branch adds (2, −3), and the gate is (0.5, 0.1).
#
# **Predict, then run.** What is the second channel with the gate on the branch, and what with the gate after the
# addition? Write your first number in place of `None` if you like.

# %% tags=["nbval-check-output"]
predict("06-gate-on-the-branch", None)
x, branch, gate = torch.tensor([4.0, 1.0]), torch.tensor([2.0, -3.0]), torch.tensor([0.5, 0.1])
print("gate on the branch      ", torch.relu(x + gate * branch))
print("gate after the addition ", gate * torch.relu(x + branch))
reveal("06-gate-on-the-branch", 0.7, tolerance=0.01)

# %% [markdown]
# On the branch, a nearly closed gate means that this block adds little: the second channel keeps 0.7 of its 1. After
# the addition the gate also turns down what all earlier blocks have computed. A ResNet-50 has sixteen blocks:

# %% tags=["nbval-check-output"]
on_the_branch = after_the_addition = 1.0
for _block in range(16):
    silent = 0.0  # a branch that adds nothing
    on_the_branch = on_the_branch + 0.5 * silent
    after_the_addition = 0.5 * (after_the_addition + silent)
print(f"after 16 blocks: {on_the_branch:.6f} and {after_the_addition:.6f}")

# %% [markdown]
# Fresh gates are about one half. Sixteen of them in the main path leave 0.000015 of the signal. The shortcut is there
# so that signals, and gradients on the way back, get through; a gate across it undoes that. People do make this
# mistake (kobiso/SENet-tensorflow-slim#2; it was noticed and mended).
#
# And why *after* the last BatchNorm? In training a BatchNorm divides each channel by its standard deviation over the
# batch, so that it undoes a factor in front of it:

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
batch, norm = torch.randn(8, 4, 6, 6), nn.BatchNorm2d(4)
quarter = 0.25 * batch
print(f"largest change before the BatchNorm {(batch - quarter).abs().max():.1f}")
print(f"largest change behind it            {(norm(batch) - norm(quarter)).abs().max():.1f}")

# %% [markdown]
# A channel that is turned down to a quarter *in all images* comes out as it was. Only differences between images and
# between positions remain. Behind the BatchNorm all of the gate counts.
#
# ## The width
#
# ResNet-18 and -34 have two 3×3 convolutions in a block, of equal width. ResNet-50 and deeper have **Bottlenecks**: a
# 1×1 convolution narrows the map to `planes` channels, a 3×3 works there, and another 1×1 widens it to 4 · `planes`.
# It is easy to take `planes` for the width of a block.
#
# **Predict, then run.** `CBAM(planes)` at the end of a Bottleneck with `planes = 64`: what happens?

# %% tags=["nbval-check-output"]
from torchvision.models.resnet import Bottleneck

planes = 64
block = Bottleneck(256, planes)
branch = block.bn3(block.conv3(torch.randn(2, planes, 7, 7)))
try:
    CBAM(planes)(branch)
except ValueError as error:
    print(error)

# %% [markdown]
# The branch is 256 channels wide. (In mmdetection#10190 a CBAM worked in ResNet-18 and -34, and in ResNet-50 raised
# an error about 64 and 256 channels.) An error is the good case. Moving the attention to the narrow middle, where
# `planes` fits, runs, and is another design. Ask what comes out of the branch instead: `block.bn3.num_features`, or a
# forward pass.
#
# ## Insert by hand
#
# Now a network with weights worth keeping. The course brings a ResNet-20 that reached 83.9 % of CIFAR-10's test images
# (`results/checkpoint.json`). A new block class with attention in it would do, but its weights might get other names, and the
# checkpoint would no longer load. There is a smaller way. The last BatchNorm of the branch gets a **child** called
# `attention`, and a **forward hook**: a function that torch calls with the module's output. What the hook returns
# takes the output's place.


# %%
def run_attention(module, inputs, output):
    return module.attention(output)


torch.manual_seed(0)
plain = pretrained_resnet20().layer1[0]
attended = deepcopy(plain)
attended.bn2.attention = CBAM(16, 4)
handle = attended.bn2.register_forward_hook(run_attention)

# %% tags=["nbval-check-output"]
x = torch.randn(2, 16, 8, 8).relu()
branch = plain.bn2(plain.conv2(torch.relu(plain.bn1(plain.conv1(x)))))
torch.testing.assert_close(attended(x), torch.relu(x + attended.bn2.attention(branch)))
print("new names:", [name for name in attended.state_dict() if name not in plain.state_dict()])

# %% [markdown]
# The block computes what the picture shows, and every old weight has its old name. The attention is a part of the
# block: an optimiser, a checkpoint and `.to(device)` find it. Note that the hook *asks its module* for the attention.
# It is tempting to write a lambda that remembers the attention instead.
#
# **Predict, then run.** Copy both blocks with `deepcopy`, and set the attention of the **copies** to zeros. Whose output
# changes?

# %% tags=["nbval-check-output"]
careless, attention = deepcopy(plain), CBAM(16, 4)
careless.bn2.attention = attention
careless.bn2.register_forward_hook(lambda module, inputs, output: attention(output))

for name, original in {"hook that asks its module": attended, "hook that remembers": careless}.items():
    twin = deepcopy(original)
    for parameter in twin.bn2.attention.parameters():
        nn.init.zeros_(parameter)
    print(f"{name:26} the copy's output changed: {not torch.equal(twin(x), original(x))}")

# %% [markdown]
# The careless copy still runs the *original's* attention, and never its own. Averaged weights (EMA) and the
# checkpoint of the best epoch are often made from copies. Nothing raises an error.
#
# ## The same for a whole network
#
# `insert_attention(model, factory)` does this at the end of every residual branch. It calls the factory with the number
# of channels, which it finds by running a copy on a fake image.

# %% tags=["nbval-check-output"]
network, images = pretrained_resnet20(), torch.randn(2, 3, 32, 32)
keys, before = list(network.state_dict()), network(images)

insert_attention(network, lambda channels: CBAM(channels, 4))
places = [name for name, module in network.named_modules() if isinstance(module, CBAM)]
print(len(places), "places, from", places[0], "to", places[-1])
print("old names kept:", [k for k in network.state_dict() if ".attention." not in k] == keys)
remove_attention(network)
print("removed, the outputs are the same to the last bit:", torch.equal(network(images), before))

# %% [markdown]
# A checkpoint of the plain network loads into the attended one with `strict=False`: only the attention's weights are
# missing. The same call works for torchvision's ResNets, MobileNets, EfficientNets and ConvNeXts, and for detectors
# and segmenters built on them. (MobileNetV3, EfficientNet and RegNetY contain SE already.) For a network without
# additions, or for the neck of a detector (the layers that mix its maps), `where` takes names of modules to follow.
# Fuse BatchNorms, or convert them to `SyncBatchNorm`, *before* the insertion: both replace the modules that carry the
# hooks.
#
# ## What it costs
#
# Three rows, counted without training anything: ResNet-50 at 224 × 224 pixels.
#
# **Predict, then run.** CBAM has 1,568 parameters more than SE. ResNet-50 has 16 blocks. What are the 98 in each?

# %% tags=["nbval-check-output"]
from torchvision.models import resnet50

for name, factory in {"plain": None, "SE": SqueezeExcitation, "CBAM": CBAM}.items():
    model = resnet50()
    if factory:
        insert_attention(model, factory)
    cost = count_cost(model, (1, 3, 224, 224))
    print(f"{name:6} {cost.parameters:12,} parameters   {cost.macs / 1e9:.3f} G multiply-adds")

# %% [markdown]
# 98 is the 7×7 kernel over two maps. What costs is the MLP, whose size grows with the square of the width: a tenth more
# parameters. (With biases and a BatchNorm, as in the authors' code, the total for CBAM is 28,089,624. Lesson 06b, optional,
# counts the paper's table that way.) In multiply-adds both are nearly free. In time they are not: pooling and
# multiplying by a gate count nothing here, and still have to read and write the whole map. `python -m cbam_course cost
# --model resnet50 --attention none,se,cbam` measures seconds and memory on your machine; do so before you call it
# negligible.
#
# ## Into a trained network
#
# Now the hope. We take the trained ResNet-20, insert CBAM, and *do not train*. If CIFAR-10 is on this computer, its
# images are used; if not, scenes. Whether the answers *stay the same* can be asked with any image.

# %%
from cbam_course.data.cifar10 import cifar10_or_scenes
from cbam_course.data.photos import to_float

small = cifar10_or_scenes(train=500, test=500, download=False)
inputs, labels = to_float(small.test[0]), small.test[1]
trained = pretrained_resnet20()
with torch.no_grad():
    before = trained(inputs)
print(f"500 test images: {small.title}")


# %%
def judge(title, network):
    """Print what share of answers is still that of the trained network (returned), and what share is right."""
    with torch.no_grad():
        answers = network(inputs).argmax(1)
    same = (answers == before.argmax(1)).float().mean()
    right = f", {(answers == labels).float().mean():5.1%} right" if small.title == "CIFAR-10" else ""
    commonest = answers.bincount().max() / len(answers)
    print(f"{title:24} {same:6.1%} answered as before{right}; the commonest answer: {commonest:.0%}")
    return same.item()


# %% [markdown]
# **Predict, then run.** The attention is fresh: small random weights, gates near one half. What share of the 500 answers
# stays the same?

# %%
predict("06-answers-kept", None)
torch.manual_seed(0)
broken = insert_attention(pretrained_resnet20(), lambda channels: CBAM(channels, 4))
judge("as trained", trained)
reveal("06-answers-kept", round(judge("CBAM inserted", broken), 3), tolerance=0.05)

# %% [markdown]
# Few answers are left; nearly all images get one and the same, the last number says.
#
# ## Size or choice?
#
# Is it *what* the gates choose, or *how small* they are? Separate the two. A **constant** in the same places has a size and
# cannot choose. And fresh CBAM whose output is scaled back to the spread of its input chooses and keeps the size.

# %%
from cbam_course.networks.baselines import ConstantGate


class SizeKept(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.attention = CBAM(channels, 4)

    def forward(self, x):
        gated = self.attention(x)
        return gated * (x.std() / gated.std())


# %%
for factor in (0.9, 0.5, 0.25):
    constant = insert_attention(pretrained_resnet20(), lambda channels, f=factor: ConstantGate(f))
    judge(f"only size: times {factor}", constant)
torch.manual_seed(0)
choosing = insert_attention(pretrained_resnet20(), SizeKept)
kept = judge("only choice: size kept", choosing)

# %% [markdown]
# A constant quarter, which is one half for the channels times one half for the positions, does about the same damage.
# The random choice alone leaves most answers as they were. So it is mostly the **shrinkage**. Along the network it
# looks like this:


# %%
def spreads(network):
    """Standard deviation of the map after each of the nine blocks."""
    kept = []
    blocks = [block for stage in (network.layer1, network.layer2, network.layer3) for block in stage]
    handles = [b.register_forward_hook(lambda m, i, output: kept.append(output.std().item())) for b in blocks]
    with torch.no_grad():
        network(inputs)
    for handle in handles:
        handle.remove()
    return kept


# %%
quarter = insert_attention(pretrained_resnet20(), lambda channels: ConstantGate(0.25))
plots.plot_lines(
    {"as trained": spreads(trained), "CBAM inserted": spreads(broken), "branches times 0.25": spreads(quarter)},
    xlabel="block", ylabel="standard deviation of the map", width=6,
)  # fmt: skip

# %% [markdown]
# *What to see: three lines over nine blocks. That of the trained network lies above the two others, which are close
# together and end at less than half of it.*
#
# Every BatchNorm subtracts and divides by what it learned for features of the old size, so part of the drop comes from
# later layers receiving unfamiliar values. If so, estimating the statistics anew should bring some answers back. We use
# 500 *other* images for that, and train nothing.

# %%
estimated = deepcopy(broken)
for module in estimated.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.reset_running_stats()
        module.momentum = None  # average over all that comes
with torch.no_grad():
    estimated.train()(to_float(small.train[0]))
repaired = judge("new statistics", estimated.eval())

# %% [markdown]
# Compare with *CBAM inserted*: some of the damage is repaired, and not all.
#
# ## Insertion that changes nothing
#
# There is an exact cure. Put a **blend** of x and the gated map into the network, with one learned number $\alpha$ for each
# place, which starts at 0:
#
# $$y = x + \alpha \cdot (\text{attention}(x) - x)$$
#
# With α = 0 this is x, with α = 1 it is the attention. The package calls it `identity=True`. (Starting a new path with a
# factor of 0 is an old idea; ReZero is one of its names.)

# %%
torch.manual_seed(0)
careful = insert_attention(pretrained_resnet20(), lambda channels: CBAM(channels, 4), identity=True)
exact = judge("identity=True", careful)
with torch.no_grad(), capture(careful) as gates:
    print("outputs the same to the last bit:", torch.equal(careful(inputs), before))
print({name: gate[0].item() for name, gate in gates.items() if name.endswith("alpha") and "layer1" in name})

# %% [markdown]
# Not nearly the same: the same. (`capture` records α too.) At first the output does not depend on the attention's
# weights. So can they learn?
#
# **Predict, then run.** Which parameters have a gradient in the first step?

# %% tags=["nbval-check-output"]
careful(torch.randn(2, 3, 32, 32)).square().sum().backward()
for part in ("alpha", "mlp.0.weight", "conv.weight"):
    named = [p for name, p in careful.named_parameters() if ".attention." in name and name.endswith(part)]
    moved = sum(bool(p.grad.abs().sum() > 0) for p in named)
    print(f"{part:14} a gradient at {moved} of {len(named)} places")

# %% [markdown]
# Only α learns in the first step. As soon as it has moved, the gates have gradients too. So the attention starts with no
# influence and gains it during training; a short training may end before it matters. Two details:
#
# * Nothing keeps α between 0 and 1. Where it turns negative, the place lifts what the gate would close.
# * Weight decay pulls parameters towards 0, and α = 0 means no attention. `fit` therefore spares single numbers, as it
#   spares biases.
#
# ## Fine-tuning: which habit costs what?
#
# Advice on fine-tuning says: protect what was learned. **Stages**: first train only what is new, then unfreeze the last
# third, then everything. **A tenth of the rate** for old layers. `train_only(model, "attention", "fc")` freezes by name,
# and `fit(..., learning_rate={"attention": 0.01, "fc": 0.01, "": 0.001})` gives rates by name. A frozen BatchNorm must also
# stop averaging, or the features change although no parameter does; `fit` sees to it.
#
# An earlier version of this lesson trained with stages *and* a tenth of the rate, saw accuracy collapse to .31, with
# attention and without, and blamed the stages. It had changed two things at once. The cure is a 2×2: each habit alone,
# both, neither. Two experiments were registered: a target that is foreign to CIFAR-10, `where` scenes, and a related one,
# photographs of pets. Both have the four recipes without attention and with CBAM started as the identity, plain insertion, and
# a mean+max head in place of attention. Each recipe was trained at the learning rate that its validation images chose.
#
# **Predict, then run.** On the foreign target, which costs more: stages, or a tenth of the rate?

# %%
from cbam_course.experiments.evidence import evidence
from cbam_course.statistics import runs_by_label

recipes = {"plain": "no attention", "plain-tenth": "no attention, tenth", "plain-staged": "no attention, stages",
           "plain-tenth-staged": "no attention, both", "cbam-identity": "CBAM", "cbam-identity-tenth": "CBAM, tenth",
           "cbam-identity-staged": "CBAM, stages", "cbam-identity-tenth-staged": "CBAM, both",
           "cbam": "CBAM inserted plainly", "plain-max": "mean+max head"}  # fmt: skip
foreign = evidence("finetune-where")
plots.plot_runs(runs_by_label(foreign.table, recipes), xlabel="accuracy on scenes", width=7)

# %% [markdown]
# *What to see: ten rows of five points. The row without attention, that of CBAM and that of CBAM inserted plainly lie
# together at the right; those with a tenth of the rate a little to the left of them, those with stages farther left,
# and those with both farthest. One run of the mean+max head lies far behind its others.*


# %%
def verdicts(runs):
    for outcome in runs.outcomes():
        numbers = f"{outcome.difference.mean:+.3f}" if outcome.difference else ""
        print(f"{outcome.comparison.first} − {outcome.comparison.second}: {numbers} {outcome.verdict}")


verdicts(foreign)
print("rates:", {recipe: foreign.rate(recipe) for recipe in ("plain", "plain-tenth", "plain-staged")})

# %% [markdown]
# Attention gains nothing here. Started as the identity it ends somewhat lower than the same training without it, by
# about a point, which was not expected; plain insertion, which destroys nearly every answer first, is not shown to
# differ at all. And both habits cost, with attention and without: a tenth of the rate some five points, stages some
# fifteen, both together twenty-five and more. Perhaps on a foreign target there is little to protect.
#
# The story has a second half. After blaming the stages, we tried each habit alone, with one seed and one rate for
# all: stages .594, a tenth of the rate .317 (the registration quotes it under *seen*). So we blamed the tenth, and
# that was wrong as well. Given a choice, that recipe takes a rate three times as high as the plain one does, and its
# old layers learn enough. Most of the cost was not the tenth, but the tenth of *that* rate. Lesson 07 is about this
# trap.
#
# Now the related target, 240 photographs of three breeds:

# %%
related = evidence("finetune-pets")
verdicts(related)
plots.plot_runs(runs_by_label(related.table, recipes), xlabel="accuracy on pets", width=7)

# %% [markdown]
# *What to see: ten rows of five points, most of which overlap. CBAM inserted plainly has the lowest mean.*
#
# Where what was learned is of use, protecting it costs little, and gains nothing that is shown: without attention
# neither habit moves the mean by more than a point, and the intervals reach to three. (With CBAM the stages end some
# two points lower, which five seeds do not show to be a loss.) Started as the identity, attention does no harm that
# is shown, and no good. Inserted plainly it ends some five points lower, which was not expected; here the careful
# start pays. Perhaps 240 photographs are too few to repair what the fresh gates broke; the table does not say.
#
# Two morals stand. Change one thing at a time, and let each side choose its rate. And compare with the *same training without
# attention*: otherwise a recipe's gain or loss is put down to the attention.
#
# ## What this does not show
#
# * One small network was opened up. Another may keep more of its answers, or fewer.
# * "The answers are the same" is about the moment of insertion. It says nothing about where training ends.
# * We counted parameters and multiply-adds. Neither is time or memory; lesson 09 measures both.
# * For accuracies on ImageNet we have other people's tables only, with one run in each cell. In implus/PytorchInsight
#   ResNet-50 goes from 76.38 to 77.18 with SE and 77.63 with CBAM, ResNet-101 from 78.20 to 78.47 and 78.35: SE and
#   CBAM change places.
#
# ## Three questions
#
# <details><summary>1. Why does plain insertion break a trained network, and not one that is trained from scratch?</summary>
#
# A network from scratch learns all its weights with the gates in place; a factor of a quarter is then like another scale of
# the initial weights. In a trained network every weight and every statistic was fitted to features of a certain size.
# </details>
#
# <details><summary>2. Somebody shows +2 points for CBAM: fine-tuned in stages with CBAM, against the network without. What
# do you ask?</summary>
#
# Whether the network without CBAM was fine-tuned in the same stages, as long, with rates chosen as carefully; and how
# many seeds. Otherwise the 2 points may belong to the recipe.
# </details>
#
# <details><summary>3. Could you start the gates at 1 instead, for example with a bias of 5 before the sigmoid?</summary>
#
# σ(5) = 0.993: nearly the identity. But the sigmoid is flat there; its slope is 0.007 where it is 0.25 in the middle,
# so the gates learn slowly. And with two gates each branch is multiplied by 0.987: near is not equal.
# </details>
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018: figure 3.
# * J. Hu, L. Shen, G. Sun: *Squeeze-and-Excitation Networks*, CVPR 2018: figure 3.
# * K. He, X. Zhang, S. Ren, J. Sun: *Deep Residual Learning for Image Recognition*, CVPR 2016: section 4.2 (the ResNet-20).
# * T. Bachlechner et al.: *ReZero is All You Need*, UAI 2021: a learned factor that starts at 0.
# * implus/PytorchInsight on GitHub: the ImageNet accuracies. Issues as named in the text.
# * `results/finetune-where.csv` and `finetune-pets.csv`, with their registrations; `results/checkpoint.json`.
