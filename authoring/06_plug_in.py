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
# * reproduce the costs in CBAM's tables to the last parameter, and say what they leave out;
# * insert into a trained network without breaking it, train in stages, and judge what that was worth.
#
# **Time** 45 minutes of reading. The cells run in under a minute on two CPU cores.
#
# **Before this** lesson 05: CBAM as a module, and its conventions.

# %%
from copy import deepcopy

import torch
from torch import nn

from cbam_course import (
    CBAM,
    SqueezeExcitation,
    capture,
    count_cost,
    fit,
    insert_attention,
    make_scenes,
    remove_attention,
)
from cbam_course.inspection import plots
from cbam_course.networks.pretrained import pretrained_resnet20

# %% [markdown]
# ## The question
#
# Both papers promise a module that can be put into any network. The promise has three parts, and each can be tested. It
# *fits*: there is a place for it. It is *light*: it costs next to nothing. And one can *go on with what one has*: a
# trained network gets attention and is better for it. This is a residual block, the part that most networks of
# the last ten years are made of (He et al. 2016). Where in it does the attention go?

# %%
plots.draw_flow(
    [("x", ""), ("convolution\nBatchNorm\nReLU", ""), ("convolution\nBatchNorm", "branch"),
     ("attention", "gated\nbranch"), ("+", ""), ("ReLU", "")],
    skip="shortcut: x as it came", skip_to=4, highlight=["attention"],
)  # fmt: skip

# %% [markdown]
# *What to see: six boxes in a row: x, two convolutions with BatchNorm, then the coloured attention, then the addition and a
# ReLU. An arrow from x passes over all of them to the addition: the shortcut.*
#
# SE and CBAM both gate the **branch**, after its last BatchNorm and before the addition (Hu et al. 2018, figure 3; Woo et
# al. 2018, figure 3). Before believing that, look at what other places would do.
#
# ## By hand
#
# One position, two channels. The shortcut brings (4, 1), the branch adds (2, −3), and the gate is (0.5, 0.1).
#
# **Predict, then run.** Which two results come out: with the gate on the branch, and with the gate after the addition?

# %% tags=["nbval-check-output"]
x, branch, gate = torch.tensor([4.0, 1.0]), torch.tensor([2.0, -3.0]), torch.tensor([0.5, 0.1])
print("gate on the branch      ", torch.relu(x + gate * branch))
print("gate after the addition ", gate * torch.relu(x + branch))

# %% [markdown]
# On the branch, a closed gate means *this block has nothing to say*, and x goes on unharmed: the second channel keeps 0.7
# of its 1. After the addition, the gate turns down everything that any block before has said. In one block that is a
# matter of taste. Networks have many:

# %% tags=["nbval-check-output"]
on_the_branch = after_the_addition = torch.tensor(1.0)
for _block in range(16):
    silent = torch.tensor(0.0)  # a branch that adds nothing
    on_the_branch = on_the_branch + 0.5 * silent
    after_the_addition = 0.5 * (after_the_addition + silent)
torch.testing.assert_close(after_the_addition, torch.tensor(0.5**16))
print(f"after 16 blocks: {on_the_branch:.6f} and {after_the_addition:.6f}")

# %% [markdown]
# A fresh gate is about one half. Sixteen of them in the main path, as in a ResNet-50, leave 0.000015 of a signal. The
# shortcut was invented so that signals (and gradients, on the way back) get through; a gate across it undoes that. It is
# a mistake that people make (taki0112/SENet-Tensorflow#1).
#
# And why *after* the last BatchNorm? Because a BatchNorm undoes a gate in front of it, in part: in training it divides
# each channel by its standard deviation over the batch.

# %% tags=["nbval-check-output"]
torch.manual_seed(0)
batch, norm = torch.randn(8, 4, 6, 6), nn.BatchNorm2d(4)
quarter = 0.25 * batch
print(f"largest change before the BatchNorm {(batch - quarter).abs().max():.1f}")
print(f"largest change behind it            {(norm(batch) - norm(quarter)).abs().max():.1f}")

# %% [markdown]
# A channel that is turned down to a quarter *in all images* comes out as it was. What is left is how the gate differs
# between images and between positions. Behind the BatchNorm all of it counts.
#
# ## The width: planes, and four times planes
#
# ResNet-18 and -34 are made of two 3×3 convolutions per block, both with the same number of channels. ResNet-50 and
# deeper have **Bottlenecks**: a 1×1 convolution narrows the map to `planes` channels, a 3×3 works there, and another 1×1
# widens it again to 4 · `planes`. Most code carries `planes` around as *the* width of a block. This is an old trap.
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
# The branch is 256 channels wide. That is the error of mmdetection#10190, where a plugin was sized for `planes`; in plain
# torch it reads "mat1 and mat2 shapes cannot be multiplied". It is the good case, because it is an error. The cure that
# suggests itself, moving the attention to where `planes` fits, runs, costs a sixteenth, and is another network. Look at what
# comes out of the branch instead: `block.bn3.num_features`, or a forward pass.
#
# ## Insert by hand
#
# Now a network with weights that are worth keeping. The course brings one along: a ResNet-20 trained on CIFAR-10 (small
# photographs of ten classes) to 83.9 % of the test images (`results/checkpoint.json`). Its first block is a pair of 3×3
# convolutions. We could write a new block class with attention in it. But then all weights would get new names, and
# the checkpoint would not load. A smaller way: the last BatchNorm of the branch gets a **child** called `attention`, and a
# **forward hook**, which torch calls with the module's output; what the hook returns takes that output's place.


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
# The block computes what the picture shows, every old weight has its old name, and the attention is a proper part: an
# optimiser, a checkpoint and `.to(device)` find it. The hook *asks the module that it runs on* for its attention. Many
# people write a lambda that remembers the attention instead. Then:
#
# **Predict, then run.** Copy both blocks with `deepcopy`, and set the attention of the **copies** to zeros. Do the copies'
# outputs change?

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
# The careless copy still runs the *original's* attention, and its own one never. Averages of weights (EMA), checkpoints of
# the best epoch and several GPUs all make copies. It trains, no error comes, and the copy is wrong. (A lambda cannot
# be pickled either, which is at least an error.)
#
# ## The same for a whole network
#
# `insert_attention(model, factory)` does this at the end of every residual branch. The factory is called with the number
# of channels, which is found by running a copy on a fake image, so that no width has to be known.

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
# A checkpoint of the plain network loads into the attended one with `strict=False`: only the attention is missing. The
# same call works for torchvision's ResNets, MobileNets, EfficientNets, ConvNeXts, for detectors and segmenters with such
# backbones, and for timm's ResNets. A network without additions has no residual branches. It says so, and says what it has:

# %% tags=["nbval-check-output"]
from torchvision.models import squeezenet1_1

other = squeezenet1_1()
try:
    insert_attention(other, CBAM)
except ValueError as error:
    print(error)
insert_attention(other, CBAM, where=["features.4", "features.7"])
print([module.channel.mlp[0].in_features for module in other.modules() if isinstance(module, CBAM)])

# %% [markdown]
# `where` takes names of modules to follow, or a function of name and module. For a segmentation network that is how you try
# the neck or the decoder in place of the backbone. (One limit: fusing BatchNorms into convolutions, or converting them to
# `SyncBatchNorm`, replaces the modules that carry the hooks. Do that before the insertion.)
#
# ## The paper's table, to the last parameter
#
# "Negligible overhead" is a claim with numbers: the columns "Param." and "GFLOPs" of the ImageNet table (Woo et al. 2018,
# table 4). They can be counted again without training anything.
#
# **Predict, then run.** ResNet-50 has 16 blocks. With CBAM it has 1,600 parameters more than with SE. What are the 100 per
# block? (The authors' code has a BatchNorm behind the 7×7 convolution.)

# %% tags=["nbval-check-output"]
from cbam_course.inspection.table import cost_rows

counted = {"plain": "plain", "SE, with biases": "SE", "CBAM, paper": "CBAM"}
for row in cost_rows(["resnet18", "resnet34", "resnet50", "resnext50_32x4d"]):
    if row.attention in counted:
        name = f"{row.network} {counted[row.attention]}"
        print(f"{name:22} {row.parameters:12,} parameters   {row.macs / 1e9:.3f} G multiply-adds")

# %% [markdown]
# 98 weights of the 7×7 kernel over two maps, and two of its BatchNorm: the spatial part is one of the cheapest layers in deep
# learning. What costs is the MLP, whose size grows with the square of the width. These are integers, so that
# there is nothing to argue about; the tests of this course hold every one of them. `python -m cbam_course table`
# prints all six networks of the table with five kinds of attention.
#
# **The stride question.** Count torchvision's own ResNet-50 and you get another number of multiply-adds. In each stage
# the first block halves the resolution, with a stride of 2 in one of its convolutions. In which one?

# %% tags=["nbval-check-output"]
from cbam_course.networks.resnet import imagenet_resnet

for stride in ("1x1", "3x3"):
    cost = count_cost(imagenet_resnet("resnet50", stride=stride), (1, 3, 224, 224))
    print(f"stride in the {stride}: {cost.parameters:,} parameters, {cost.macs / 1e9:.3f} G multiply-adds")

# %% [markdown]
# The papers have it in the first 1×1 convolution, torchvision in the 3×3 behind it, which then works on a map
# four times as large. Same parameters, 6 % more work. So a comparison of "CBAM, from the paper" with "ResNet-50, from
# torchvision" compares two different networks, and the difference between them is nearly 40 times what CBAM adds.
#
# **And the time?** Multiply-adds leave out what attention mostly does, walking through memory. A ResNet-50 with the
# usual code for CBAM took 1.27 times as long as without, with SE 1.07 times (measured beforehand: one CPU thread, `eval`,
# 112 × 112 pixels). In GFLOPs the table says less than 0.2 % and 0.1 %. Both are true. Quote the one you will pay for.
#
# ## Into a trained network
#
# Now the third part of the promise. We take the trained ResNet-20, insert CBAM, and *do not train*. What becomes of
# its answers? If CIFAR-10 is on this computer, its test images are used. If not, scenes do: the network was not made
# for them, but whether its answers stay *the same* can be asked with any image.

# %%
from cbam_course.data.cifar10 import cifar10_or_scenes
from cbam_course.data.photos import to_float

small = cifar10_or_scenes(train=10, test=500, download=False)
photographs, labels = small.test
print(f"500 test images: {small.title}")
inputs, reduced = to_float(photographs), lambda channels: CBAM(channels, 4)

# %%
trained = pretrained_resnet20()
with torch.no_grad():
    before = trained(inputs)


def judge(title, network):
    """Print on how many images the answer is still that of the trained network, and how many are right."""
    with torch.no_grad():
        answers = network(inputs).argmax(1)
    same = (answers == before.argmax(1)).float().mean()
    right = f", {(answers == labels).float().mean():5.1%} right" if small.title == "CIFAR-10" else ""
    print(f"{title:16} {same:6.1%} answered as before{right}; {len(answers.unique())} different answers")


# %% [markdown]
# **Predict, then run.** The attention is fresh: random small weights, gates near one half. How many of 500 answers
# survive?

# %%
torch.manual_seed(0)
broken = insert_attention(pretrained_resnet20(), reduced)
judge("as trained", trained)
judge("CBAM inserted", broken)

# %% [markdown]
# Next to nothing survives: the network gives one and the same answer to nearly every image. This is what users report who "added
# CBAM" to a pretrained network and saw its accuracy collapse (Jongchan/attention-module#24, argusswift/YOLOv4-pytorch#240,
# ultralytics#22856).
#
# Is it *what* the gates choose, or only *how small* they are? That can be told apart: put a **constant** into the same
# places, the same number for all channels, positions and images. It cannot choose anything.

# %%
from cbam_course.networks.baselines import ConstantGate

for factor in (0.9, 0.7, 0.5, 0.25):
    judge(
        f"times {factor}", insert_attention(pretrained_resnet20(), lambda channels, f=factor: ConstantGate(f))
    )

# %% [markdown]
# A constant does the same damage. A channel gate of one half times a spatial gate of one half is a quarter, and a quarter
# of each branch breaks the network, as does one half already. So it is the size, not the choice. Along the
# network it looks like this:


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
# *What to see: three lines over nine blocks. That of the trained network stays above the two others everywhere; they lie
# close together and end at less than half of it.*
#
# Every BatchNorm in the network still subtracts and divides by what it learned for features of the old size. A partial
# cure is known: let the BatchNorms estimate their statistics anew, on these images, without training a weight.

# %%
estimated = deepcopy(broken)
for module in estimated.modules():
    if isinstance(module, nn.BatchNorm2d):
        module.reset_running_stats()
        module.momentum = None  # average over all that comes
with torch.no_grad():
    estimated.train()(inputs)
judge("new statistics", estimated.eval())

# %% [markdown]
# Compare with the first line of this kind, "CBAM inserted": much comes back, and not all.
#
# ## Insertion that changes nothing
#
# There is an exact cure. Do not put the gated map in place of x, but a **blend** of the two, with one learned number $\alpha$
# for each place, which starts at 0:
#
# $$y = x + \alpha \cdot (\text{attention}(x) - x)$$
#
# With α = 0 this is x; with α = 1 it is the attention; training finds the way. In the package: `identity=True`.
# (The idea of starting a new path with a factor of 0 is older than this use of it; ReZero is one of its names.)

# %%
torch.manual_seed(0)
careful = insert_attention(pretrained_resnet20(), reduced, identity=True)
judge("identity=True", careful)
with torch.no_grad(), capture(careful) as gates:
    print("outputs the same to the last bit:", torch.equal(careful(inputs), before))
print({name: gate[0].item() for name, gate in gates.items() if name.endswith("alpha") and "layer1" in name})

# %% [markdown]
# Not nearly the same: the same. (`capture` records α too, under the name `alpha`.) And it learns, although its output does not
# depend on the attention's weights at first: **predict** which parameters have a gradient in the first step.

# %% tags=["nbval-check-output"]
careful(torch.randn(2, 3, 32, 32)).square().sum().backward()
for part in ("alpha", "mlp.0.weight", "conv.weight"):
    named = [p for name, p in careful.named_parameters() if ".attention." in name and name.endswith(part)]
    moved = sum(bool(p.grad.abs().sum() > 0) for p in named)
    print(f"{part:14} a gradient at {moved} of {len(named)} places")

# %% [markdown]
# Only α. Its gradient says whether turning features down here would help, with the random gates of today. As soon
# as α has moved, the gates learn too. So this start costs time: the attention comes in late, through a small door. Keep that
# in mind for the result below. One more detail: weight decay pulls parameters towards 0, and for α that is a vote against
# attention. `fit` therefore spares single numbers, as it spares biases.
#
# With a network connection, the same lines take torchvision's ImageNet weights.

# %%
import warnings

from torchvision.models import ResNet18_Weights

from cbam_course.data.photos import load_photo
from cbam_course.networks.pretrained import imagenet_network

with warnings.catch_warnings(record=True) as notes:
    warnings.simplefilter("always")
    large = imagenet_network("resnet18")

# %%
if notes:
    print(f"{str(notes[-1].message).partition(':')[0]}; the lesson goes on without.")
else:
    recipe = ResNet18_Weights.DEFAULT
    photo = recipe.transforms()(load_photo("chelsea"))[None]
    versions = {"as trained": large, "CBAM inserted": insert_attention(deepcopy(large), CBAM),
                "identity=True": insert_attention(deepcopy(large), CBAM, identity=True)}  # fmt: skip
    for title, version in versions.items():
        with torch.no_grad():
            share, label = version(photo).softmax(1)[0].max(0)
        print(f"{title:16} {recipe.meta['categories'][label]}, {share:.0%}")

# %% [markdown]
# The photograph is a cat. With the weights you see what each of the three networks calls it.
#
# ## Fine-tuning in stages
#
# The network is to learn a new task: `where` on small scenes, five shapes. The advice that one reads is to protect what
# was learned. First train only what is new, the attention and the last layer; then unfreeze the last stage; then
# everything; and let old parameters learn at a tenth of the rate of the new ones. `train_only` freezes by name, and
# `fit` takes rates by name. (A frozen BatchNorm must also keep its running statistics, or the features change although
# no parameter does. `fit` takes care of that.)
#
# Live, one seed, an illustration:

# %%
from cbam_course.training.parameter_groups import train_only

train, test = (make_scenes(n, size=32, distractors=2, seed=n) for n in (400, 300))
torch.manual_seed(0)
tuned = pretrained_resnet20()
tuned.fc = nn.Linear(64, 5)
insert_attention(tuned, reduced, identity=True)
rates = {"attention": 0.01, "fc": 0.01, "": 0.001}
for stage in (["attention", "fc"], ["attention", "fc", "layer3"], [""]):
    names = train_only(tuned, *stage)
    history = fit(tuned, train.classification, test.classification,
                  epochs=2, batch_size=32, learning_rate=rates, progress=False)  # fmt: skip
    count = sum(p.numel() for p in tuned.parameters() if p.requires_grad)
    print(f"{', '.join(stage) or 'all':22} {count:7,} values trained   accuracy {history.final:.2f}")

# %%
alphas = {n.split(".bn2")[0]: p.item() for n, p in tuned.named_parameters() if n.endswith("alpha")}
plots.plot_gates({"α": torch.tensor(list(alphas.values()))}, list(alphas), ylabel="α", limits=None, width=8)

# %% [markdown]
# *What to see: nine bars, one for each block: how far α has moved from 0 after training. Most have moved; none is near 1,
# and some may be negative.*
#
# Nothing keeps α above 0. Where it is negative, the place does the opposite of gating: it lifts what the gate would close.
# The blend has more freedom than the module it blends in.
#
# Guessing gives 0.20. Is the accuracy above good? From one run, without anything beside it, nobody can say. So look at the
# table.
#
# ## What it was worth
#
# The same task with 1,000 scenes and six epochs, five seeds for each way. The ways were chosen before the first run; which of
# them to compare was not written down before it, so the intervals are exploratory (`results/README.md`). The fair baselines
# are the same trainings **without attention**: `plain` for the first two, `plain-staged` for the staged one.

# %%
from cbam_course.training.results import load_results, runs_by_label
from cbam_course.training.statistics import compare

table = load_results("finetune")
ways = {"plain": "no attention", "cbam": "CBAM, plain insertion", "cbam-identity": "CBAM, identity=True",
        "plain-staged": "no attention, in stages", "cbam-staged": "CBAM, identity=True, in stages"}  # fmt: skip
plots.plot_runs(runs_by_label(table, ways), xlabel="accuracy on small where scenes", chance=1 / 5)

# %% [markdown]
# *What to see: three groups. Far left, not much above guessing, both ways in stages. On the right fine-tuning without
# attention and CBAM with identity=True, at the same place; plain insertion a little further right still, its runs closer
# together.*

# %%
for second in ("plain", "cbam-identity"):
    print(compare(table, "cbam", second))
print(compare(table, "cbam-identity", "plain"))
print(compare(table, "cbam-staged", "plain-staged"))
print(compare(table, "plain-staged", "plain"))

# %% [markdown]
# Hardly anything here is what the last two sections suggested.
#
# **Breaking the network did no harm.** Plain insertion, which had left nothing of its answers, ends *ahead* of fine-tuning
# without attention, and of the careful insertion. All weights are trained here, at the full rate,
# and adapt to the gates. And what the network knew of photographs is of little use for red shapes on clutter, so that there is little to
# lose. Why it ends ahead of the careful one we have not tested; a likely reason is how soon the attention takes part: at full
# strength from the first step, or through a door that opens from 0.
#
# **Identity insertion was harmless, and that is all.** No difference from the network without attention can be shown in six
# epochs. To keep a function at the moment of insertion is one aim; to end well on another task is another.
#
# **Stages cost nearly everything, with attention or without.** That is why `plain-staged` stands in the figure: without it one
# would blame CBAM for the fall. A third of the epochs for each stage, with a tenth of the rate for the layers that would
# have to change most, is too little to learn a task as foreign as this one. Between the two there is a difference of
# about a hundredth, at a level where neither has learned the task. It is significant, just, and means nothing.
#
# The moral is not "insert plainly and train everything". It is that advice about fine-tuning depends on how near the new task
# is and how long you train, that a safe-looking recipe can be a bad one, and that a baseline trained *in the same way* tells
# you which part of a result belongs to the attention.
#
# ## Weights from elsewhere
#
# Sometimes the attention itself is pretrained, in another library's module. Converting means: rename, drop the axes of length
# 1 from 1×1 convolutions, and exchange the two planes of the 7×7 kernel where the order of the pools differs.
# `attention.conventions` has `from_authors`, `from_timm` and `from_torchvision`, each with its inverse.

# %% tags=["nbval-check-output"]
from torchvision import ops

from cbam_course.attention.conventions import convert, from_torchvision

torch.manual_seed(0)
theirs, ours = ops.SqueezeExcitation(64, 4), SqueezeExcitation(64, convention="paper")
ours.load_state_dict(from_torchvision(theirs.state_dict()))
features = torch.randn(2, 64, 5, 5)
torch.testing.assert_close(ours(features), theirs(features))
print("torchvision's and ours: the same output with the same weights")

# %% [markdown]
# Not everything can be carried over. The authors' MLP has biases, the lesson's has none. A bias that is not zero has no place
# to go, and dropping it in silence would give a network that is a little wrong and says nothing.
#
# **Predict, then run.** A CBAM with the paper's convention is converted to the lesson's: fresh; then with its biases at 0.
# Its BatchNorm is fresh as well. Which of the two conversions is refused?

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
# Biases of 0 are no loss, and the BatchNorm is folded into the kernel: in `eval` mode it is a multiplication. One that also
# *shifts* the map would be refused, because our convolution has no bias to take the shift.
#
# ## YOLO
#
# Most people who search for CBAM want it in a YOLO. Detectors of that family are residual networks too, and the same call
# works. The library is not part of this course, and the cell says so if it is not there.

# %%
import os
from importlib.util import find_spec

if find_spec("ultralytics"):
    os.environ.setdefault("YOLO_OFFLINE", "True")
    from ultralytics.nn.tasks import DetectionModel

    yolo = DetectionModel("yolov8n.yaml", nc=2, verbose=False).eval()
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found = yolo(picture)[0]
        insert_attention(yolo, CBAM, identity=True)
        print("the same detections:", torch.equal(yolo(picture)[0], found))
    print([name for name, module in yolo.named_modules() if isinstance(module, CBAM)])
else:
    print("ultralytics is not installed; the lesson goes on without a YOLO.")

# %% [markdown]
# Three things to know before you write "YOLO + CBAM".
#
# * **Its own `CBAM` is another module.** It has one C→C layer behind an average, no maximum and no shared bottleneck MLP
#   (ultralytics#14635; lesson 05 counts its parameters). Insert the paper's from outside, or say which one you used.
# * **Channel numbers.** In its YAML files one writes widths by hand, which are then scaled, and people get them wrong
#   (ultralytics#4443, #10758, #19733, #20707). An insertion that looks at what arrives has no number to get wrong.
#   The neck is a list of names, `where=["model.15", "model.18", "model.21"]`, with numbers that depend on the version.
# * **Its licence is AGPL-3.0.** Whoever passes on a program that builds on it, or offers it as a service, has to offer the
#   program's source under that licence too, or buy another one. So it is an optional extra here: `pip install
#   "cbam-course[yolo]"`.
#
# ## What this does not show
#
# * One small network, and one target task that has little in common with what it was trained on. Where the new images resemble
#   the old ones, there is more to protect, and stages may well earn their keep. We have not tested that.
# * The budget was the same for all ways, and short: six epochs on 1,000 images. Stages divide it by three. With more
#   epochs the order may change.
# * No way was tuned. One learning rate served all, and it is the one that the plain networks of lesson 05 learned with.
# * We counted parameters and multiply-adds exactly. The times were measured on one CPU; on a GPU they are others.
# * For ImageNet accuracies we have other people's tables only (lesson 05 quotes them), with one run each.
#
# ## Three questions
#
# <details><summary>1. Why does plain insertion hurt a trained network, and not one that is trained from scratch?</summary>
#
# A network from scratch learns all its weights with the gates in place; a factor of a quarter is then like another scale of
# initial weights, and the next BatchNorm takes it out. In a trained network every weight and every statistic was fitted to
# features of a certain size.
# </details>
#
# <details><summary>2. Somebody shows +2 points for CBAM: fine-tuned in stages with CBAM, against the network without. What
# do you ask?</summary>
#
# Whether the network without CBAM was fine-tuned in the same way, as long, in the same stages, with the same rates; and how
# many seeds. Otherwise the 2 points may be those of the training.
# </details>
#
# <details><summary>3. Could you start the gates at 1 instead, for example with a bias of 5 before the sigmoid?</summary>
#
# σ(5) = 0.993: nearly the identity. But the sigmoid is flat there, so that its gradient is 0.007 where it is 0.25 in the
# middle, and the gates learn slowly. And two gates in nine blocks leave 0.993 eighteen times over: near is not equal.
# </details>
#
# ## Sources
#
# * S. Woo, J. Park, J.-Y. Lee, I. S. Kweon: *CBAM: Convolutional Block Attention Module*, ECCV 2018: figure 3, table 4.
# * J. Hu, L. Shen, G. Sun: *Squeeze-and-Excitation Networks*, CVPR 2018: figure 3.
# * K. He, X. Zhang, S. Ren, J. Sun: *Deep Residual Learning for Image Recognition*, CVPR 2016: section 4.2 (the ResNet-20).
# * T. Bachlechner et al.: *ReZero is All You Need*, 2020: a learned factor that starts at 0.
# * Issues and libraries as named in the text: mmdetection, torchvision (`models/resnet.py`, `ops.SqueezeExcitation`),
#   timm, ultralytics.
# * Tables: `results/finetune.csv`, made by `python -m cbam_course sweep`; `results/checkpoint.json`. Times were
#   measured beforehand.
