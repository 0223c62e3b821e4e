"""The microscope's page without a browser: what is in it, how large it is, what it says, and what it refuses."""

import base64
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch
from answers import lesson_03, lesson_04, lesson_05
from microscope_networks import CLASSES, EarlySigmoid, full_steps, shuffled
from torch import nn

from cbam_course import CBAM, ChannelAttention, SqueezeExcitation, make_scenes
from cbam_course.inspection.microscope import Microscope, microscope
from cbam_course.inspection.mirror import ChannelGate, SpatialGate, find_mirror
from cbam_course.networks.baselines import AddedContext
from cbam_course.networks.small_cnn import DenseCNN, SmallCNN

SCENES = make_scenes(8, seed=3)
MEGABYTE = 1_000_000


def cbam_network():
    torch.manual_seed(0)
    return shuffled(SmallCNN(5, attention=lambda c: CBAM(c, 4)))


@pytest.fixture(scope="module")
def shown():
    return microscope(cbam_network(), SCENES.images, labels=SCENES.labels, classes=SCENES.class_names)


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.seen = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))


def page_data(page: Microscope):
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.document(), re.S)[1]
    return json.loads(text)


def floats(text):
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), dtype="<f4").copy())


def test_a_still_picture_with_words_stands_before_a_sandboxed_frame(shown):
    tags = [(tag, of) for tag, of in Tags(shown._repr_html_()).seen if tag in ("img", "iframe")]
    (image, picture), (frame, inside) = tags
    assert (image, frame) == ("img", "iframe")
    assert picture["alt"] == shown.words
    assert "channel gate lets channel" in shown.words
    assert inside["sandbox"] == "allow-scripts"
    assert inside["title"]
    assert re.search(r"height:\d+px", inside["style"])
    assert inside["srcdoc"].startswith("<!doctype html>")
    assert shown._repr_png_().startswith(b"\x89PNG")


def test_one_network_fits_into_a_megabyte_and_its_file_is_the_document(shown, tmp_path):
    path = shown.save(tmp_path / "mine.html")
    text = path.read_text(encoding="utf-8")
    assert text == shown.document()
    assert path.stat().st_size <= MEGABYTE
    assert len(shown._repr_html_()) <= MEGABYTE


def test_six_networks_of_a_lesson_fit_into_two_megabytes():
    scenes = make_scenes(8, task="what", seed=4)
    models = {f"network {i}": DenseCNN(attention=lambda c: CBAM(c, 4)) for i in range(6)}
    assert len(microscope(models, scenes.images, labels=scenes.masks)._repr_html_()) <= 2 * MEGABYTE


def test_the_page_needs_nothing_from_outside_and_keeps_nothing(shown):
    text = shown.document()
    code = text[text.rindex("<script>") :]
    assert not re.search(
        r"https?://|localStorage|sessionStorage|indexedDB|document\.cookie|fetch\(|import\(", code
    )
    assert not [
        of for tag, of in Tags(text).seen if tag in ("link", "iframe") or (tag == "script" and "src" in of)
    ]


def test_weights_and_pictures_come_back_as_they_were(shown):
    model, data = cbam_network(), page_data(shown)
    for block, written in zip(model.blocks, data["networks"][0]["blocks"], strict=True):
        torch.testing.assert_close(
            floats(written["conv"]), block.conv.weight.detach().flatten(), rtol=0, atol=0
        )
        channel, spatial = written["gates"]
        wanted = block.attention.channel.mlp[0].weight.detach().flatten()
        torch.testing.assert_close(floats(channel["first"]), wanted, rtol=0, atol=0)
        wanted = block.attention.spatial.conv.weight.detach().flatten()
        torch.testing.assert_close(floats(spatial["kernel"]), wanted, rtol=0, atol=0)
    pixels = np.frombuffer(base64.b64decode(data["images"][2]), dtype=np.uint8)
    assert np.array_equal(pixels, SCENES.images[2].numpy().ravel())
    assert data["labels"] == SCENES.labels.tolist()


def test_every_intermediate_is_written_down_for_the_pages_own_check(shown):
    expected = page_data(shown)["networks"][0]["expected"]
    steps = full_steps(cbam_network(), SCENES.images[:1])
    assert expected.keys() == steps.keys()
    assert {
        "0.conv",
        "2.channel.hidden.max",
        "1.spatial.logit",
        "2.out",
        "pooled",
        "answer",
    } <= expected.keys()
    for name, values in steps.items():
        written = expected[name]
        wanted = values[0].flatten()
        assert written["length"] == len(wanted)
        torch.testing.assert_close(floats(written["values"]), wanted[:: written["step"]].float())


def test_looking_changes_nothing_in_the_network():
    model = cbam_network().train()
    model.blocks[1].eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    microscope(model, SCENES.images[:2])
    assert [block.training for block in model.blocks] == [True, False, True]
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert not any(module._forward_hooks for module in model.modules())


# Weights kept as one flat vector have no shape to tell them apart by, and a factor that stands in no parameter is not
# read off: then gates are shown as they were computed.
RIGHT = [(answer, (16, 4)) for answer in lesson_03.RIGHT["channel-attention"]]
RIGHT += [(answer, (7,)) for answer in lesson_04.RIGHT["spatial-attention"]]
RIGHT += [(answer, (16, 4, 7)) for answer in lesson_05.RIGHT["cbam"]]
RIGHT = [(answer, arguments) for answer, arguments in RIGHT if answer.__name__ not in ("Flat", "Halved")]


@pytest.mark.parametrize(("answer", "arguments"), RIGHT, ids=lambda value: getattr(value, "__name__", ""))
def test_every_right_answer_of_a_learner_is_read_off_its_parameters(answer, arguments):
    torch.manual_seed(1)
    module, x = answer(*arguments), torch.randn(2, 16, 9, 11)
    module(x)  # lazy layers learn their size
    module = shuffled(module)
    mirror = find_mirror(module, [x])
    assert mirror is not None
    module.eval()
    with torch.no_grad():
        y = torch.randn(3, 16, 8, 8)
        torch.testing.assert_close(mirror.forward(y), module(y).double(), rtol=1e-5, atol=1e-5)


def test_both_orders_of_the_pools_are_told_apart():
    for convention, swapped in (("lesson", False), ("paper", True)):
        module = shuffled(CBAM(8, 2, convention=convention))
        mirror = find_mirror(module, [torch.randn(2, 8, 10, 10)])
        kernel = module.spatial.conv.weight[0].detach().double()
        torch.testing.assert_close(mirror.gates[1].kernel, kernel.flip(0) if swapped else kernel)


def test_a_hidden_layer_of_one_unit_keeps_its_bias():
    mirror = find_mirror(shuffled(CBAM(8, 16, convention="paper")), [torch.randn(2, 8, 6, 6)])
    channel, spatial = mirror.gates
    assert isinstance(channel, ChannelGate)
    assert isinstance(spatial, SpatialGate)
    assert channel.first.shape == (1, 8)
    assert channel.first_bias.abs() > 0


def test_wrong_answers_are_mirrored_truly_or_not_at_all():
    torch.manual_seed(2)
    x, y = torch.rand(2, 16, 8, 8), torch.randn(2, 16, 8, 8)
    checked = 0
    for answers in lesson_05.WRONG["cbam"].values():
        for answer in answers:
            module = answer(16, 4, 7)
            mirror = find_mirror(module, [x])
            if mirror is not None:
                module.eval()
                with torch.no_grad():
                    torch.testing.assert_close(
                        mirror.forward(y), module(y.clone()).double(), rtol=1e-4, atol=1e-4
                    )
                checked += 1
    assert checked >= 5


def test_another_structure_is_told_in_one_sentence_and_shown_as_pytorch_computed_it():
    torch.manual_seed(0)
    model = SmallCNN(5, attention=EarlySigmoid)
    data = page_data(microscope({"mine": model}, SCENES.images[:3]))["networks"][0]
    assert data["note"].startswith("EarlySigmoid is built in another way than this page can compute")
    steps = full_steps(model, SCENES.images[:3])
    for number, block in enumerate(data["blocks"]):
        assert block["gates"] == []
        for image in range(3):
            torch.testing.assert_close(
                floats(block["outputs"][image]), steps[f"{number}.out"][image].flatten()
            )


def test_added_context_is_no_gate():
    assert find_mirror(shuffled(AddedContext(8, 2)), [torch.rand(2, 8, 6, 6)]) is None


def test_a_module_without_influence_is_mirrored_as_nothing():
    assert find_mirror(nn.Identity(), [torch.rand(1, 4, 5, 5)]).gates == ()


def test_masks_and_names_reach_the_page():
    scenes = make_scenes(3, task="what", seed=1)
    page = microscope(
        DenseCNN(attention=lambda c: ChannelAttention(c, 4)), scenes.images, labels=scenes.masks
    )
    masks = page_data(page)["masks"]
    stored = np.frombuffer(base64.b64decode(masks[1]), dtype=np.uint8).astype(bool)
    assert np.array_equal(stored, scenes.masks[1].numpy().ravel())
    assert "The network marks" in page.words
    named = microscope(SmallCNN(5), SCENES.images[:1], classes=["</script>", *CLASSES[1:]])
    assert page_data(named)["classes"][0] == "</script>"


@pytest.mark.parametrize(
    ("arguments", "kind", "sentence"),
    [
        (
            (SmallCNN(5), SCENES.inputs()),
            TypeError,
            r"images is of the kind torch.float32; give a tensor of uint8",
        ),
        (
            (SmallCNN(5), SCENES.images[0]),
            ValueError,
            r"images has the shape \(3, 48, 48\); give \(n, 3, H, W\)",
        ),
        ((SmallCNN(5), SCENES.images[:0]), ValueError, "with 1 to 24 images"),
        (
            (CBAM(8), SCENES.images),
            TypeError,
            "models has a CBAM under 'network'; give a SmallCNN or a DenseCNN",
        ),
        (({}, SCENES.images), TypeError, "models is a dict; give a network, or a mapping"),
        ((SqueezeExcitation, SCENES.images), TypeError, "models is a type; give a network"),
    ],
)
def test_a_bad_argument_gets_one_sentence(arguments, kind, sentence):
    with pytest.raises(kind, match=sentence):
        microscope(*arguments)


def test_labels_that_do_not_fit_get_one_sentence():
    with pytest.raises(
        ValueError, match=r"labels have the shape \(3,\) and the dtype torch.int64; give whole"
    ):
        microscope(SmallCNN(5), SCENES.images, labels=SCENES.labels[:3])


def test_the_wheel_carries_the_page(tmp_path):
    from hatchling.builders.wheel import WheelBuilder
    from test_packaging import ROOT

    names = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    page = ROOT / "cbam_course" / "inspection" / "page"
    assert len(list(page.iterdir())) >= 6
    assert {f"cbam_course/inspection/page/{path.name}" for path in page.iterdir()} <= names


def test_weights_kept_in_one_flat_vector_are_told_in_one_sentence():
    torch.manual_seed(0)
    flat = next(answer for answer in lesson_03.RIGHT["channel-attention"] if answer.__name__ == "Flat")
    model = SmallCNN(5, attention=lambda channels: flat(channels, 4))
    (network,) = page_data(microscope({"mine": model}, SCENES.images[:2]))["networks"]
    assert network["note"].startswith("Flat is built in another way than this page can compute")
    assert "cannot be painted on" in network["note"]
    steps = full_steps(model, SCENES.images[:2])
    for number, block in enumerate(network["blocks"]):
        assert block["gates"] == []
        torch.testing.assert_close(floats(block["outputs"][1]), steps[f"{number}.out"][1].flatten())
