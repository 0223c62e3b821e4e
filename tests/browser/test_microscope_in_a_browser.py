"""The microscope in a real browser: the same numbers as PyTorch, every control by keyboard, axe, and offline."""

import io
import os
from pathlib import Path

import pytest
import torch
from microscope_networks import EarlySigmoid, all_networks, full_steps, shuffled
from PIL import Image

from cbam_course import CBAM, ChannelAttention, SpatialAttention, fit, make_scenes
from cbam_course.inspection.microscope import microscope
from cbam_course.networks.small_cnn import DenseCNN, SmallCNN

SCENES = make_scenes(4, seed=3)
WHAT = make_scenes(2, task="what", size=48, seed=4)
READY = "html[data-ready]"
# What somebody can change, and what to call it; of a group of radio buttons, Tab stops at the chosen one.
CONTROL = """e => e.matches('button, select, input, canvas[tabindex], summary')
  && e.getClientRects().length && (e.type !== 'radio' || e.checked)"""
NAME = "e => e.id || e.name || e.tagName + (e.dataset.kind || '')"
ALL_STEPS = """([network, picture]) => Object.fromEntries(Object.entries(
    forward(networks[network], pictures[picture].original, size, { number: picture }).steps
).map(([name, values]) => [name, Array.from(values)]))"""


def networks():
    torch.manual_seed(0)
    cbam = shuffled(SmallCNN(5, attention=lambda c: CBAM(c, 4)))
    with torch.no_grad():
        cbam.head.classify[0].weight.mul_(8)
    return {
        "CBAM": cbam,
        "channel": shuffled(SmallCNN(5, attention=lambda c: ChannelAttention(c, 4, convention="paper"))),
        "spatial": shuffled(SmallCNN(5, attention=lambda c: SpatialAttention(7))),
        "plain": SmallCNN(5),
        "mine": shuffled(SmallCNN(5, attention=EarlySigmoid)),
    }


@pytest.fixture(scope="module")
def context(browser):
    with browser.new_context(viewport={"width": 1000, "height": 1000}) as opened:
        yield opened


@pytest.fixture
def page(context):
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.trouble = []
    page.on("pageerror", lambda error: page.trouble.append(str(error)))
    page.on("console", lambda message: page.trouble.append(message.text) if message.type == "error" else None)
    yield page
    assert page.trouble == []
    page.close()


def opened(page, shown, folder):
    page.goto(shown.save(folder / "page.html").as_uri())
    page.wait_for_selector(READY)
    return page


@pytest.fixture(scope="module")
def several():
    """Return the page of all the networks above."""
    return microscope(networks(), SCENES.images, labels=SCENES.labels, classes=SCENES.class_names)


@pytest.fixture
def small(page, several, tmp_path):
    return opened(page, several, tmp_path)


def difference(page):
    return float(page.evaluate("document.documentElement.dataset.maxDifference"))


def said(page):
    """Return the sentence once it rests."""
    page.wait_for_function("() => !waiting && $('sentence').textContent === sentence()")
    return page.inner_text("#sentence")


def test_every_intermediate_is_what_pytorch_computes(page, tmp_path):
    models, images = all_networks(), SCENES.images[:2]
    opened(page, microscope(models, images), tmp_path)
    assert difference(page) <= 1e-4  # the first picture, a sample of each intermediate
    assert not page.is_visible("#warning")
    for number, (name, model) in enumerate(models.items()):
        steps = full_steps(model, images[1:])
        found = page.evaluate(ALL_STEPS, [number, 1])
        found = {step: values for step, values in found.items() if not step.endswith(".used")}
        assert found.keys() == steps.keys(), name
        for step, values in found.items():
            torch.testing.assert_close(
                torch.tensor(values, dtype=torch.float64),
                steps[step].double().flatten(),
                rtol=1e-4,
                atol=1e-4,
                msg=lambda text, at=f"{name}, {step}": f"{at}: {text}",
            )


def test_an_odd_size_is_pooled_and_enlarged_as_in_pytorch(page, tmp_path):
    images = torch.randint(
        0, 256, (1, 3, 27, 35), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    torch.manual_seed(0)
    model = shuffled(DenseCNN(attention=lambda c: CBAM(c, 4)))
    opened(page, microscope(model, images), tmp_path)
    answer = page.evaluate(ALL_STEPS, [0, 0])["answer"]
    torch.testing.assert_close(
        torch.tensor(answer), full_steps(model, images)["answer"].flatten(), rtol=1e-4, atol=1e-4
    )


def test_the_page_warns_when_its_numbers_are_not_those_of_python(page, tmp_path):
    model = networks()["CBAM"]
    shown = microscope(model, SCENES.images[:1])
    with torch.no_grad():
        model.blocks[1].norm.bias[3] += 0.01
    other = microscope(model, SCENES.images[:1])
    shown._page["networks"][0]["expected"] = other._page["networks"][0]["expected"]
    opened(page, shown, tmp_path)
    assert difference(page) > 1e-4
    assert "do not trust them" in page.inner_text("#warning")


def test_a_module_the_page_cannot_compute_is_told_and_shown_as_pytorch_computed_it(small):
    small.select_option("#network", label="mine")
    assert "EarlySigmoid is built in another way" in small.inner_text("#note")
    gate = networks()["mine"].blocks[2].attention.eval().gate
    with torch.no_grad():
        steps = full_steps(networks()["mine"], SCENES.images)
        wanted = gate(steps["2.pool"])[0].flatten()
    alive = steps["2.pool"][0].amax((1, 2)) > 0
    said(small)
    found = torch.tensor(small.evaluate("Array.from(factorsOf('channel', 'used'))"))
    torch.testing.assert_close(found[alive], wanted[alive], rtol=1e-4, atol=1e-4)
    assert small.is_disabled("#clean")
    assert "On average channel" in said(small)


def tab_to(page, wanted):
    """Press Tab until the keyboard is at an element, as somebody without a mouse does."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
            outline = page.evaluate(
                """() => { const at = document.activeElement.closest('.thumbs label') || document.activeElement;
                return [getComputedStyle(at).outlineStyle, parseFloat(getComputedStyle(at).outlineWidth)]; }"""
            )
            assert outline[0] != "none", f"the focus on {wanted} is invisible"
            assert outline[1] >= 2, f"the focus on {wanted} is hardly visible"
            return
    raise AssertionError(f"{wanted} cannot be reached with Tab")


def rested(page):
    """Wait until what was pressed is drawn."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_tab_reaches_every_control_and_leaves_it(small):
    wanted = set(small.evaluate(f"[...document.querySelectorAll('main *')].filter({CONTROL}).map({NAME})"))
    assert {"picture", "channel-gate", "spatial-gate", "network", "value", "undo", "SELECTchannel"} <= wanted
    reached = set()
    for _ in range(60):
        small.keyboard.press("Tab")
        reached.add(small.evaluate(f"({NAME})(document.activeElement)"))
    assert wanted <= reached


def test_painting_by_keyboard_changes_the_answer_and_is_told(small):
    before = small.evaluate("Array.from(shown.answer)")
    tab_to(small, "#picture")
    for key in ("ArrowUp", "Shift+ArrowLeft", "ArrowLeft"):
        small.keyboard.press(key)
    rested(small)
    assert "Row 23, column 18." in small.get_attribute("#picture", "aria-label")
    small.keyboard.press("Enter")
    rested(small)
    red, radius = small.evaluate("[pictures[0].pixels[23 * 48 + 18], Number($('brush').value)]")
    assert (red, radius) == (215, 5)
    assert small.evaluate("Array.from(shown.answer)") != before
    assert "with your painting" in said(small)
    assert "before your changes" in said(small)
    tab_to(small, "#colour")
    small.keyboard.press("ArrowDown")
    tab_to(small, "#brush")
    small.keyboard.press("ArrowLeft")
    assert small.evaluate("[$('colour').value, $('brush').value]") == ["1", "4"]
    tab_to(small, "#clean")
    small.keyboard.press("Enter")
    rested(small)
    assert small.evaluate("Array.from(shown.answer)") == before


def test_picture_network_and_block_are_chosen_by_keyboard(small):
    tab_to(small, "input[name=picture]")
    small.keyboard.press("ArrowRight")
    assert "picture 2" in said(small)
    tab_to(small, "#network")
    small.keyboard.press("ArrowDown")
    assert "Network channel" in said(small)
    assert not small.is_visible("#spatial-gate")
    tab_to(small, "#block")
    small.keyboard.press("ArrowUp")
    assert "block 2 of 3" in said(small)


def test_channels_units_and_positions_are_chosen_by_keyboard_and_their_arithmetic_shown(small):
    model = networks()["CBAM"]
    steps = full_steps(model, SCENES.images[:1])
    tab_to(small, "#maps-in")
    start = small.evaluate("state.channel")
    small.keyboard.press("ArrowDown" if start < 32 else "ArrowUp")
    tab_to(small, "#pools")
    small.keyboard.press("ArrowRight")
    channel = small.evaluate("state.channel")
    assert channel != start
    rested(small)
    gate = steps["2.channel.gate"][0, channel].item()
    assert f"= {gate:.4f}" in small.inner_text("#channel-result")
    rows = small.locator("#channel-sum tbody tr").all_inner_texts()
    assert len(rows) == 16
    products = sum(float(row.split("\t")[-1].replace("−", "-")) for row in rows)
    assert products == pytest.approx(steps["2.channel.logit"][0, channel].item(), abs=2e-3)

    tab_to(small, "#hidden")
    unit = small.evaluate("state.unit")
    small.keyboard.press("ArrowLeft" if unit else "ArrowRight")
    rested(small)
    assert small.evaluate("state.unit") != unit
    tab_to(small, "#unit-sum summary")
    small.keyboard.press("Enter")
    assert small.is_visible("#unit-sum table")
    assert small.locator("#unit-sum tbody tr").count() == 64

    tab_to(small, "#spatial-gate")
    small.keyboard.press("ArrowUp")
    small.keyboard.press("ArrowLeft")
    rested(small)
    row, column = small.evaluate("state.position")
    wanted = steps["2.spatial.gate"][0, row, column].item()
    assert f"= {wanted:.4f}" in small.inner_text("#position-result")
    assert f"Row {row}, column {column}." in small.get_attribute("#overlay", "aria-label")


def test_gates_are_changed_by_keyboard_and_the_answer_follows_as_in_pytorch(small):
    model = networks()["CBAM"]
    before = small.evaluate("Array.from(shown.answer)")
    tab_to(small, "#channel-gate")
    channel = small.evaluate("state.channel")
    small.keyboard.press("-")
    small.keyboard.press("-")
    rested(small)
    value = small.evaluate("factorsOf('channel', 'used')[state.channel]")
    answer = small.evaluate("Array.from(shown.answer)")
    assert answer != before
    assert f"channel {channel} to" in said(small)
    torch.testing.assert_close(torch.tensor(answer), with_gate(model, channel, value), rtol=1e-4, atol=1e-4)

    tab_to(small, "#value")
    small.keyboard.press("Home")
    rested(small)
    answer = small.evaluate("Array.from(shown.answer)")
    torch.testing.assert_close(torch.tensor(answer), with_gate(model, channel, 0.0), rtol=1e-4, atol=1e-4)
    tab_to(small, "#undo")
    small.keyboard.press("Enter")
    rested(small)
    assert small.evaluate("Array.from(shown.answer)") == before


def with_gate(model, channel, value, kind="channel", change=None):
    """Return the logits of picture 1 when a gate of the last block is replaced."""
    part = getattr(model.blocks[2].attention, kind)
    gate = type(part).gate

    def replaced(x):
        result = gate(part, x)
        if change:
            return change(result)
        result = result.clone()
        result[:, channel] = value
        return result

    part.gate = replaced
    try:
        with torch.no_grad():
            return model.eval()(SCENES.inputs())[0]
    finally:
        del part.gate


@pytest.mark.parametrize("kind", ["channel", "spatial"])
def test_a_gate_is_switched_off_averaged_and_exchanged_by_keyboard(small, kind):
    model = networks()["CBAM"]
    wanted = {
        "off": with_gate(model, 0, 0, kind, torch.ones_like),
        "mean": with_gate(model, 0, 0, kind, lambda g: g.mean((1, 2, 3), keepdim=True).expand_as(g)),
        "other": with_gate(model, 0, 0, kind, lambda g: g[1:2].expand_as(g)),
    }
    words = {"off": "switched", "mean": "its mean", "other": "that picture 2 gets"}
    tab_to(small, f"input[name={kind}]")
    for mode in ("off", "mean"):
        small.keyboard.press("ArrowDown")
        rested(small)
        answer = torch.tensor(small.evaluate("Array.from(shown.answer)"))
        torch.testing.assert_close(answer, wanted[mode], rtol=1e-4, atol=1e-4)
        assert words[mode] in said(small)
    tab_to(small, f"select[data-kind={kind}]")
    small.keyboard.press("ArrowDown")
    rested(small)
    answer = torch.tensor(small.evaluate("Array.from(shown.answer)"))
    torch.testing.assert_close(answer, wanted["other"], rtol=1e-4, atol=1e-4)
    assert words["other"] in said(small)


def test_the_mouse_chooses_paints_and_drags(small):
    small.locator("#channel-gate").scroll_into_view_if_needed()
    box = small.locator("#channel-gate").bounding_box()
    x = box["x"] + box["width"] * 10.5 / 64
    small.mouse.click(x, box["y"] + 60)
    rested(small)
    assert small.evaluate("[state.channel, Object.keys(state.changes).length]") == [10, 0]
    before = small.evaluate("factorsOf('channel', 'used')[10]")
    step = 30 if before > 0.5 else -30
    small.mouse.move(x, box["y"] + 45)
    small.mouse.down()
    small.mouse.move(x, box["y"] + 45 + step, steps=4)
    small.mouse.up()
    rested(small)
    assert abs(small.evaluate("factorsOf('channel', 'used')[10]") - before) > 0.2

    small.locator("#spatial-gate").scroll_into_view_if_needed()
    box = small.locator("#spatial-gate").bounding_box()
    small.mouse.click(box["x"] + 3, box["y"] + box["height"] - 3)
    rested(small)
    assert small.evaluate("state.position") == [5, 0]
    small.locator("#picture").click(position={"x": 5, "y": 5})
    assert "with your painting" in said(small)


def test_a_picture_of_ones_own_is_cut_and_read(small, tmp_path):
    path = tmp_path / "mine.png"
    Image.new("RGB", (200, 100), (215, 50, 45)).save(path)
    small.set_input_files("#upload", str(path))
    small.wait_for_selector("input[aria-label='your picture 1']", state="attached")
    assert small.evaluate("[0, 1, 2].map(c => pictures[4].pixels[c * 48 * 48 + 100])") == [215, 50, 45]
    assert "your picture 1" in said(small)
    (tmp_path / "words.png").write_text("no picture")
    small.set_input_files("#upload", str(tmp_path / "words.png"))
    small.wait_for_function("() => $('sentence').textContent.includes('no picture that')")


def in_a_frame(page, shown, folder):
    host = folder / "notebook.html"
    html = shown._repr_html_()
    host.write_text(f"<!doctype html><html lang='en'><title>host</title><body>{html}", encoding="utf-8")
    page.goto(host.as_uri())
    frame = page.locator("iframe").element_handle().content_frame()
    frame.wait_for_selector(READY)
    return frame


@pytest.fixture(scope="module")
def axe():
    package = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason='needs pip install -e ".[browser]"'
    )
    return package.Axe()


def violations(axe, frame):
    results = axe.run(frame).response["violations"]
    return [(found["id"], [node["html"][:120] for node in found["nodes"]]) for found in results]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_inside_the_frame(page, axe, several, tmp_path, scheme):
    page.emulate_media(color_scheme=scheme)
    frame = in_a_frame(page, several, tmp_path)
    frame.click("#unit-sum summary")
    for name in ("CBAM", "spatial", "plain", "mine"):
        frame.select_option("#network", label=name)
        said(frame)
        assert violations(axe, frame) == [], name


def test_axe_finds_nothing_where_pixels_are_marked(page, axe, tmp_path):
    torch.manual_seed(0)
    model = shuffled(DenseCNN(attention=lambda c: CBAM(c, 4, convention="paper")))
    frame = in_a_frame(page, microscope(model, WHAT.images, labels=WHAT.masks), tmp_path)
    assert violations(axe, frame) == []
    assert "with an IoU of" in frame.inner_text("#sentence")


def test_axe_can_find_something(page, axe, tmp_path):
    frame = in_a_frame(page, microscope(SmallCNN(5), SCENES.images), tmp_path)
    frame.evaluate(
        "document.getElementById('network').parentElement.replaceWith(document.getElementById('network'))"
    )
    assert "select-name" in dict(violations(axe, frame))


def test_the_frame_covers_the_still_picture_and_has_a_fixed_height(page, tmp_path):
    in_a_frame(page, microscope(SmallCNN(5), SCENES.images), tmp_path)
    frame, still = page.locator("iframe").bounding_box(), page.locator("img").bounding_box()
    assert frame["height"] == 940
    assert frame["y"] <= still["y"]
    assert still["y"] + still["height"] <= frame["y"] + frame["height"]


def test_the_saved_file_works_offline_and_asks_for_nothing(browser, several, tmp_path):
    path = several.save(tmp_path / "mine.html")
    with browser.new_context(offline=True) as context:
        page, asked = context.new_page(), []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        page.wait_for_selector(READY)
        page.select_option("#network", label="spatial")
        assert "Network spatial" in said(page)
        assert asked == [path.as_uri()]


def test_without_scripts_the_still_picture_is_there(browser, several, tmp_path):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(several.save(tmp_path / "mine.html").as_uri())
        assert page.locator("noscript img").get_attribute("alt") == several.words
        assert page.locator("noscript img").bounding_box()["width"] > 200


def test_the_page_fits_a_narrow_screen(browser, several, tmp_path):
    path = several.save(tmp_path / "mine.html")
    with browser.new_context(viewport={"width": 380, "height": 800}) as context:
        page = context.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector(READY)
        assert page.evaluate("document.documentElement.scrollWidth") <= 380


SHOWN_IN_LAB = """
import torch
from cbam_course import CBAM, make_scenes
from cbam_course.inspection.microscope import microscope
from cbam_course.networks.small_cnn import SmallCNN
class Mine(torch.nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.down, self.up = torch.nn.Linear(channels, 4), torch.nn.Linear(4, channels)
    def forward(self, x):
        pools = x.amax((2, 3)), x.mean((2, 3))
        return x * sum(self.up(self.down(p).relu()) for p in pools).sigmoid()[:, :, None, None]
microscope({"mine": SmallCNN(5, attention=Mine)}, make_scenes(3).images)
"""


def test_jupyterlab_shows_it_with_a_learners_own_module(lab):
    lab.open("notebooks/00_start_here.ipynb")
    output = lab.type_below(lab.cell("00 · "), SHOWN_IN_LAB)
    frame = output.locator("iframe").element_handle().content_frame()
    frame.wait_for_selector(READY)
    assert float(frame.evaluate("document.documentElement.dataset.maxDifference")) <= 1e-4
    assert not frame.is_visible("#note")
    frame.focus("#channel-gate")
    lab.page.keyboard.press("-")
    frame.wait_for_function("() => $('sentence').textContent.includes('You set the gate of channel')")


@pytest.mark.skipif(
    not os.environ.get("SCREENSHOTS"), reason="pictures are wanted only with SCREENSHOTS=FOLDER"
)
def test_a_picture_for_the_readme(page, tmp_path):
    train, shown = make_scenes(2000, seed=0), make_scenes(8, seed=3)
    torch.manual_seed(0)
    model = SmallCNN(5, attention=lambda c: CBAM(c, 4))
    fit(model, train.classification, shown.classification, epochs=8, batch_size=32, progress=False)
    view = microscope({"CBAM": model}, shown.images, labels=shown.labels, classes=shown.class_names)
    opened(page, view, tmp_path)
    page.select_option("#block", "1")
    said(page)
    path = Path(os.environ["SCREENSHOTS"]) / "microscope.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    shot = page.screenshot(full_page=True)
    whole = Image.open(io.BytesIO(shot)).convert("RGB")
    whole.crop((0, 0, whole.width, min(1000, whole.height))).quantize(256).save(path, optimize=True)
