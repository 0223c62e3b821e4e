"""The course as a learner meets it: JupyterLab in a browser, clicked and typed into."""

from pathlib import Path

from typed_answers import typed

ROOT = Path(__file__).parents[2]
TASK, STUB = "two-summaries", "def two_summaries"


def test_a_lesson_runs_from_top_to_bottom_and_shows_its_figures(lab, picture):
    lab.open("notebooks/03_channel_attention.ipynb")
    lab.run_all()
    assert lab.trouble() == []
    figures = lab.outputs().locator("img").all()
    assert len(figures) >= 5
    for figure in figures:
        figure.scroll_into_view_if_needed()
        assert figure.is_visible()
        assert figure.evaluate("image => image.complete && image.naturalWidth") > 200
    question, seen = lab.prose("But a maximum stands on one number"), lab.prose("What to see: as the noise")
    picture("lesson", question, seen)


def test_a_wrong_answer_is_told_its_mistake_and_a_right_one_passes(lab, picture):
    lab.open("work/03_channel_attention_exercise.ipynb")
    lab.run_all()
    assert lab.trouble() == []
    asked = (
        (ROOT / "authoring" / "03_channel_attention_exercise.py")
        .read_text(encoding="utf-8")
        .count("\ncheck(")
    )
    assert lab.outputs("not attempted").filter(has_text="Nothing to check yet").count() == asked > 3

    answer, check = lab.cell(STUB), lab.cell(f'check("{TASK}"')
    lab.type_over(answer, typed(TASK, "same-twice"))
    report = lab.run(check)
    assert f"{TASK}: failed" in report.inner_text()
    assert "Likely mistake: same-twice." in report.inner_text()
    picture("mistake", answer, check)

    lab.type_over(answer, typed(TASK))
    assert f"{TASK}: passed" in lab.run(check).inner_text()

    table = lab.run(lab.cell("progress()"))
    assert f"{TASK}\t✔ passed\t2" in table.inner_text()
    assert "warm-up\t✔ passed\t1" in table.inner_text(), "what was passed in an earlier session stays passed"
    picture("progress", table.locator("strong"), table.locator("tr", has_text="channel-attention"))


def test_a_folded_reminder_leads_to_a_hint(lab):
    lab.open("work/00_start_here_exercise.ipynb")
    lab.run_all()
    folded = lab.page.locator("details", has_text="Stuck?").first
    reminder = folded.locator("code").first
    assert not reminder.is_visible()
    folded.locator("summary").click()
    assert reminder.is_visible()
    shown = lab.type_below(lab.cell("Stuck?"), reminder.inner_text())
    assert "Hint 1 of 3" in shown.inner_text()


def test_make_lab_alone_leads_from_lesson_00_to_its_exercise_and_back_and_on_to_lesson_01(newcomer):
    newcomer.wait_for_tab("00_start_here.ipynb")
    newcomer.follow("your copy")
    newcomer.wait_for_tab("00_start_here_exercise.ipynb")
    newcomer.run(newcomer.cell("from cbam_course import check"))
    newcomer.type_over(
        newcomer.cell("def brightness"), "def brightness(images):\n    return images.mean(dim=(1, 2, 3))"
    )
    assert "warm-up: passed" in newcomer.run(newcomer.cell('check("warm-up"')).inner_text()

    newcomer.follow("00 · Start here")
    newcomer.wait_for_tab("00_start_here.ipynb")
    newcomer.follow("glossary")
    newcomer.wait_for_tab("GLOSSARY.md")

    newcomer.page.locator("#jp-main-dock-panel .lm-TabBar-tab", has_text="00_start_here.ipynb").click()
    newcomer.follow("01 · Feature maps")
    newcomer.wait_for_tab("01_feature_maps.ipynb")
    assert newcomer.page.locator(".jp-Dialog").count() == 0
