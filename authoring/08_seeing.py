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
# # 08 · What attention sees: maps, and what they prove
#
# **You will be able to**
#
# * put a network with your own CBAM under the microscope, and say in numbers why a gate is open or shut;
# * tell a gate from Grad-CAM, and read either beside the controls that it needs;
# * find out by intervention whether a network needs its map, or only the map's average.
#
# **Time** 35 minutes of reading. The cells run in about a minute on two CPU cores, with or without a GPU.
#
# **Before this** lessons 04 and 05: the spatial gate and its controls, CBAM; a glance at lesson 07.

# %%
import torch
from torch.nn import functional as F

from cbam_course import CBAM, fit, make_scenes, predict, reveal
from cbam_course.inspection import plots
from cbam_course.inspection.capture import gates_by_depth
from cbam_course.inspection.microscope import microscope
from cbam_course.networks.pretrained import trained_near, trained_what
from cbam_course.networks.small_cnn import DenseCNN

# %% [markdown]
# ## The question
#
# Attention is often compared to *smart glasses*: it shows the network where to look. In the task `near` the discs with a
# red flag are to be marked. Here is what the first two spatial gates of a trained CBAM let through.

# %%
scenes = make_scenes(300, task="near", seed=910)
network = trained_near("cbam")
gates = gates_by_depth(network, scenes.images)
first, second = (gates[f"blocks.{n}.attention.spatial"][:, 0] for n in (0, 1))
shown = [F.interpolate(maps[:4, None], size=64)[:, 0] for maps in (first, second)]
plots.show_maps(
    torch.cat(shown), ["gate 0"] * 4 + ["gate 1"] * 4, masks=scenes.masks[:4].repeat(2, 1, 1),
    columns=4, limits=(0, 1),
)  # fmt: skip

# %% [markdown]
# *What to see: the discs asked for are outlined. Above, gate 0 of four scenes: bright on every disc, outlined or not, and
# on some smaller spots. Below, gate 1: dark squares with a bright frame, and the outlined discs lie on the frames or beside
# them.*
#
# The upper row would look good in a paper, with the sentence *our module finds the relevant objects*; the lower one would be left out. But
# which of the two does the network need more? Users meet the question from the other side: *the attention maps look right, and the metrics
# do not move* (ultralytics#21297). This lesson is about what lies between the two halves of that sentence.
#
# ## The microscope
#
# Look before you judge. Put **your own** CBAM in place of ours below (the class that passed `check("cbam", CBAM)` in
# lesson 05). It is trained on the task `what`, where the patch in the corner has the colour of the shape to be marked. Beside it stand the trained
# networks that come with the course.

# %%
Mine = CBAM  # your class in place of CBAM, pasted into a cell above
train, test = make_scenes(1000, task="what", seed=911), make_scenes(300, task="what", seed=912)
torch.manual_seed(0)
yours = DenseCNN(attention=lambda channels: Mine(channels, 4))
options = {"epochs": 6, "batch_size": 32, "learning_rate": 0.01, "progress": False}
history = fit(yours, train.dense, test.dense, **options)
print(f"mean IoU {history.final:.2f} after {history.seconds:.0f} s")

# %%
networks = {"yours": yours} | {name: trained_what(name) for name in ("plain", "channel", "spatial", "cbam")}
microscope(networks, test.images[:6], labels=test.masks[:6])

# %% [markdown]
# *What to see: the microscope, or where no script runs a still picture of it: a scene with three shapes, the channel gate and
# the spatial gate of the last block, and what the network marks.*
#
# Where this page is only a picture (on GitHub, or in a notebook that is not trusted), run the cell, or open the file that
# `microscope(...).save("mine.html")` writes: it works in any browser, without a network connection. Choose a network, a
# block and a picture; click on a channel or a position, and the arithmetic of its gate stands there, number by number. Then try this:
#
# 1. Paint the patch in the corner in another colour. Which channels open, which close, and what is marked now?
# 2. Switch off the channel gates of `cbam`, then its spatial gates. Which of them costs the answer?
# 3. Give the picture the gates of another one. In `spatial`, whatever you do, the answer stays poor.
#
# ## What a gate is, and what it is not
#
# A gate is a **factor**. Whether 0.3 is low depends on what it multiplies and on what reads the product.
#
# **Predict, then run.** We halve all spatial gates in every block, and double the weights of the layers that read the
# products. How far do the answers change?

# %%
from copy import deepcopy

from cbam_course.inspection.interventions import changed_gates

doubled = deepcopy(network)
with torch.no_grad():
    for layer in (doubled.blocks[1].conv, doubled.blocks[2].conv, doubled.mark):
        layer.weight *= 2
    with changed_gates(doubled, lambda gate, generator: gate / 2, kind="spatial"):
        change = (doubled(scenes.inputs()) - network(scenes.inputs())).abs().max().item()
print(f"largest change of a logit: {change:g}")

# %% [markdown]
# Not at all: every map is half as bright, and the network is the same. (We had luck with our numbers: halving and doubling are exact in
# floating point.) So a gate's *brightness* means nothing by itself; differences *within* one map can mean something. Nor is a bright place
# "important": the next layer may read a dimmed area as a signal, as in lesson 04, where a gate seemed to work by marking what is **not**
# asked for.
#
# ## Grad-CAM: another question
#
# The maps in most papers are no gates but **Grad-CAM** (Selvaraju et al. 2017). It asks: *more of which features, and
# where, would have raised this score?* Take a layer's maps $A_c$, and the gradient of the score with respect to them. The
# mean of the gradient over the positions is the channel's weight $w_c$; the map is
# $\mathrm{relu}\big(\sum_c w_c A_c\big)$. It needs no attention in the network.


# %%
def my_grad_cam(model, layer, inputs):
    kept = []

    def keep(module, arguments, output):
        kept.append(output.detach().requires_grad_())
        return kept[0].clone()  # from here on the pass depends on what was kept

    hook = layer.register_forward_hook(keep)
    try:
        score = model(inputs).flatten(1).amax(dim=1).sum()  # of each image the largest logit
        (gradient,) = torch.autograd.grad(score, kept[0])
    finally:
        hook.remove()
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    return torch.relu((weights * kept[0].detach()).sum(dim=1))


# %% [markdown]
# A hook that returns something puts it in the layer's place: so the gradient ends at a copy of the maps. (The images of a batch do not
# influence each other in `eval` mode, so one sum of their scores gives the gradients of all.) Beside the package's:

# %%
from cbam_course.inspection.gradcam import grad_cam, rank_agreement

layer = network.blocks[2].pool
cam = grad_cam(network, layer, scenes.inputs())
torch.testing.assert_close(my_grad_cam(network, layer, scenes.inputs()), cam)
spatial = [gates[f"blocks.{n}.attention.spatial"][:, 0] for n in range(3)]
print("rank agreement of Grad-CAM with gate 0, 1, 2:",
      [round(rank_agreement(gate, cam).nanmean().item(), 2) for gate in spatial])  # fmt: skip

# %% [markdown]
# **Rank agreement** compares how two maps order the positions: 1 is the same order, 0 unrelated. The two kinds of map hardly agree, and neither
# is wrong: a gate shows what was *let through* to later layers, Grad-CAM what *moved one score*. A caption that does not
# say which of the two it shows cannot be read.
#
# ## Three controls
#
# Which points at the discs asked for? As in lesson 04 we count how often the brightest pixel lies on one, and set three controls beside it:
# **the centre**, **another image's map**, **random weights**.
#
# **Predict, then run.** Four maps: three gates and Grad-CAM. Which hits most often?

# %%
predict("08-which-map", None, sure=None)  # "gate 0", "gate 1", "gate 2" or "grad-cam" in place of None

# %%
from cbam_course.inspection.pointing import pointing_table


def all_maps(model):
    gates = gates_by_depth(model, scenes.images)
    maps = {f"gate {n}": gates[f"blocks.{n}.attention.spatial"][:, 0] for n in range(3)}
    return maps | {"Grad-CAM": grad_cam(model, model.blocks[2].pool, scenes.inputs())}


torch.manual_seed(1)
untrained = DenseCNN(attention=lambda channels: CBAM(channels, 4)).eval()
table = pointing_table(all_maps(network), scenes.masks, all_maps(untrained)).query("measure == 'pointing'")
rates = table.pivot_table(index="map", columns="source", values="mean", sort=False)
print(rates.round(2))
print(reveal("08-which-map", rates["own"].idxmax()))

# %% [markdown]
# Grad-CAM nearly always hits, and no control comes near it. That is not much of a surprise: the score is the largest logit, and
# the network marks the right discs, so Grad-CAM **repeats the answer**. It tells where the answer is, not how it was found. The gates, which take part
# in finding it, hit less than half of the time.
#
# Now photographs, from a table of the course: Grad-CAM of its ResNet-20 for *cat* or *dog*, on pictures of pets, with the animal
# as the mask.

# %%
from cbam_course.statistics import load_maps, load_results

pointing = load_results("pointing").query("measure == 'pointing' and data == 'pets'")
print(pointing[["map", "source", "mean", "low", "high", "images"]].round(2).to_string(index=False))

# %% [markdown]
# Seen alone, Grad-CAM's share is impressive. But **a dot in the middle hits the animal more often**, presumably because people aim their
# cameras; with the map of another picture, and even with random weights, two pictures in three are hit. The map does know something about
# its picture (it beats the last two), and less than the first number suggests. Ask for the other three.
#
# ## Does the map matter, or only its average?
#
# Looking cannot answer that. Changing can: replace a gate in the trained network, in all blocks at once, and score again.
#
# * **mean**: each image's gate becomes one number, its own average. The map is gone, the amount is kept.
# * **another image's**: everything a gate usually looks like is kept, only this image is gone.
# * **permuted**: the same numbers in other places (or for other channels).
# * **complement**: 1 minus the gate.
#
# **Predict, then run.** In `near` each disc needs an answer of its own. Which gates can have another image's values without harm?

# %%
from cbam_course.inspection.interventions import measure_changes
from cbam_course.training.metrics import mean_iou

for kind in ("channel", "spatial"):
    effect = measure_changes(network, scenes.images, scenes.masks, mean_iou, kind=kind)
    print(f"{kind} gates replaced; mean IoU {effect.score.iloc[0]:.2f} untouched")
    print(effect[["changed", "difference", "images_low", "images_high"]].round(2), "\n")

# %% [markdown]
# The channel gates of another image do no harm at all, though permuted ones do: these gates are a **habit**. The network relies on them and they say nothing
# about this image. The spatial gates are the opposite: with another image's map the score falls below that of an even one.
# In this network a wrong map is worse than none.
#
# And the two gates of the first picture? Replace one at a time:

# %%
from cbam_course.inspection.interventions import gate_mean

for n in range(3):
    with torch.no_grad(), changed_gates(network.blocks[n], gate_mean, kind="spatial"):
        score = mean_iou(network(scenes.inputs()), scenes.masks).mean()
    print(f"spatial gate {n} replaced by its mean: mean IoU {score:.2f}")

# %% [markdown]
# This network needs both, and the ugly one more. The last one, open everywhere, it does not need at all.
#
# The intervals above are over 300 *images*: another 300 would show much the same **with this network**. Whether it holds for CBAM on this
# task is a question about *networks*. So the experiment was registered before it was run: five fresh networks on each task, trained with
# the rates that the tuning of lesson 05's tables chose, and intervals over the five. `cbam@spatial-mean` is the network `cbam` with its
# spatial gates replaced by their mean.

# %%
from cbam_course.experiments.evidence import evidence

for name in ("gates-near", "gates-what"):
    found = evidence(name)
    print(f"{name}, {found.table.seed.nunique()} networks")
    for o in found.outcomes():
        difference = f"{o.difference.mean:+.2f} ({o.difference.low:+.2f} to {o.difference.high:+.2f})"
        print(f"  {o.comparison.first} − {o.comparison.second}: {difference}, {o.verdict}")

# %% [markdown]
# First what did not come out: that a permuted map costs more than an even one was expected in both tasks, and in `near` it was not
# shown. (Our one network above had it. That is what five are for.) The others came as expected:
#
# * In `what`, without the choice among channels the score falls to that of a plain network, or below (.22 in `what-dense`): the answer
#   comes through these gates. Losing the **spatial** map costs CBAM a good part of its score too, although CBAM is not shown to score
#   higher than channel attention alone. A trained network leans on whatever it was trained with. So *the network needs it* and *attention
#   helps* are two statements, and the second takes a network that was trained without.
# * In `near`, the channel gates of another image make no difference; in `what` they take the score to that of a plain network. The same
#   module is a habit on one task and reads the image on the other.
# * In `near`, an even map takes the score to that of a plain network (.42 in `near-long`), which cannot tell the discs apart: the flags
#   reach the discs through the map, not through its average.
#
# A habit has a sign that one picture does not show: the gates hardly change from image to image. In the two trained networks:

# %%
for name, model, images in (("near", network, scenes.images), ("what", networks["cbam"], test.images)):
    found = gates_by_depth(model, images)
    spread = [found[f"blocks.{n}.attention.channel"].std(0).max().item() for n in range(3)]
    print(f"{name}: largest spread of a channel gate over the images:", [round(s, 2) for s in spread])

# %% [markdown]
# In `near` they hardly differ between images, in any block; in `what` those of the second block do.
#
# ## The museum of mistakes
#
# If the curve is good and the maps look right, is the module right? Nine wrong answers to the check of lesson 03 were put into the
# network for `what` and trained beside the right module, five seeds each.

# %%
what = load_results("museum").query("data == 'what'")
runs = {name: list(rows.groupby("seed").accuracy.apply(list)) for name, rows in what.groupby("model")}
right = runs.pop("right")
letters = dict(zip("ABCDEFGHI", sorted(runs), strict=False))
plots.plot_beside({letter: runs[name] for letter, name in letters.items()}, right,
                  name="right module", xlabel="epoch", ylabel="mean IoU")  # fmt: skip

# %% [markdown]
# *What to see: nine panels, one for each mistake, with the curves of its seeds; dashed in every panel the mean of the right
# module.*
#
# Which letter is which? And the maps? Here is what each network marks in one scene:

# %%
maps = load_maps("museum")
names = ["right", *letters.values()]
marks = torch.stack([torch.from_numpy(maps[f"what/{name}/answer"][0]) / 255 for name in names])
plots.show_maps(marks, ["right module", *letters], columns=5, limits=(0, 1),
                masks=torch.from_numpy(maps["what/masks"][:1]).expand(len(names), -1, -1))  # fmt: skip

# %% [markdown]
# *What to see: the answers of ten networks to one scene, from 0 (dark) to 1, with the shape asked for outlined. A pixel counts as marked
# above one half.*
#
# 1. only the average is pooled;
# 2. two MLPs, one for each summary;
# 3. no sigmoid;
# 4. the gate is added, not multiplied;
# 5. a softmax over the channels;
# 6. the sigmoid before the sum, and the mean of both;
# 7. mean and maximum joined into one vector;
# 8. the pools run over the wrong axis, so that columns are gated;
# 9. the gate is detached: its MLP never learns.
#
# <details><summary>The answers, once you have guessed</summary>
#
# A 1 · B 9 · C 6 · D 4 · E 3 · F 8 · G 7 · H 5 · I 2.
#
# Four of the nine differ from the right module by less than its own seeds differ: C, E, G and I. F gets no farther than a plain network,
# because a column's gate sees that column only. H, whose gates share out a sum of 1 among all channels, is never sure enough to mark
# anything. The other three score lower on average: A does so in this short training (with ten epochs and more images, in `what-dense`, the
# average alone is not shown to be worse), B's MLP is never trained, and D adds a number where the right module multiplies, so that it can
# close no channel.
# </details>
#
# So a good score does not say that a module is right, and neither does a good map. What does? A look at the numbers: the
# factor by which each channel was multiplied, in the last block.

# %%
for letter, name in zip(["right", *letters], names, strict=True):
    factors = maps[f"what/{name}/channels"]
    print(f"{letter:>5}: from {factors.min():.2f} to {factors.max():.2f}")

# %% [markdown]
# A gate lies between 0 and 1. Two letters give themselves away at once. Against the others only a test of properties
# helps, one by one: `check`.
#
# ## What a bright map does not prove
#
# * *That the image was looked at.* A habit of the middle or of the border is bright too; that is what the controls are for.
# * *That the network needs it.* Only an intervention says so, and it speaks of this trained network: part of a loss
#   comes from later layers receiving unfamiliar values.
# * *That attention helps.* A network can lean on a part that brings nothing: compare it with one that was trained without
#   (lessons 05 and 07).
# * *That the module is right.* The museum.
#
# So, smart glasses? In these scenes the second gate is closer to a **pen**: it writes into the features what lies near by, for later layers
# to read. Whoever looks at it sees the writing, not the object.
#
# **What this does not show.** Small networks, two tasks made for the purpose. In a large pretrained network a gate can be
# a habit altogether; the tools of this lesson would show it.
#
# ## Three questions
#
# <details><summary>1. A network's score stays when each spatial gate is replaced by its mean. Is spatial attention useless there?</summary>
#
# The map is not needed by this network. Its average may be: try the complement. And another network, or another task,
# may need it.
# </details>
#
# <details><summary>2. Grad-CAM lies on the dog in every picture, and the network answers "cat". Where is the mistake?</summary>
#
# In the expectation. Grad-CAM shows where features that raise a score are; of "cat" as of "dog". Being on the animal is no
# evidence for the right reason.
# </details>
#
# <details><summary>3. Why is permuting a gate a harder test than taking its mean?</summary>
#
# The mean lets the same amount through everywhere. A permuted map holds back the wrong places and opens others: it takes the information and adds a false one.
# </details>
#
# ## If you want more
#
# ### At every depth, and the images that drive a channel
#
# `show_depths` draws all gates of one image; `strongest_images` finds the images on which a channel is largest.

# %%
from cbam_course.inspection.capture import strongest_images

plots.show_depths(scenes.images[0], gates)

# %% [markdown]
# *What to see: a scene, and its six gates from the first block to the last; channel gates as bars, spatial gates as maps over the
# scene.*

# %%
driven = strongest_images(network, network.blocks[1].pool, scenes.images, channel=0, k=6)
plots.show_images(scenes.images[driven.indices], [f"{value:.1f}" for value in driven.values])

# %% [markdown]
# *What to see: six scenes, with how strongly channel 0 of the second block answers to each.*
#
# ### Three more exhibits, on `near`
#
# `off-centre`: the window of the spatial kernel hangs to one side. `stretched-back`: no padding, and the map is stretched to the size of
# the features. `order-swapped`: the spatial gate first. All are parts of a CBAM, trained shorter than in `near-long`, so that the seed
# decides whether one of these three gets beyond a plain network (.42) at all.

# %%
near = load_results("museum").query("data == 'near'")
last = near[near.epoch == near.epoch.max()].groupby("model", sort=False).accuracy
print(last.agg(["mean", "min", "max", "count"]).round(2))

# %% [markdown]
# ## Sources
#
# * R. R. Selvaraju et al.: *Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization*, ICCV 2017,
#   equations 1 and 2.
# * J. Zhang et al.: *Top-down Neural Attention by Excitation Backprop*, ECCV 2016: the pointing game.
# * J. Adebayo et al.: *Sanity Checks for Saliency Maps*, NeurIPS 2018: random weights as a control.
# * ultralytics#21297: maps that look right while the metrics do not move. Jongchan/attention-module#29: does brighter mean
#   more important?
# * Tables: `results/gates-near.csv`, `results/gates-what.csv`, `results/pointing.csv`, `results/museum.csv`.
