"""The build tool: what it cuts out, what it runs, and what it refuses to write."""

import re
import textwrap

import build_notebooks
import nbformat
import pytest
from blanker import blank

LESSON = """\
# %% [markdown]
# # One

# %%
import os
import warnings

warnings.warn("careful", stacklevel=1)
print(os.environ["CBAM_COURSE_HOME"], repr(os.environ["CBAM_COURSE_STRICT"]))
"""
EXERCISE = """\
# %% [markdown]
# # Exercise 01

# %%
### BEGIN SOLUTION
answer = 3
### END SOLUTION
"""


@pytest.fixture
def course(tmp_path):
    """A course of one lesson and one exercise."""
    (tmp_path / "authoring").mkdir()
    (tmp_path / "authoring" / "01_one.py").write_text(LESSON)
    (tmp_path / "authoring" / "01_one_exercise.py").write_text(EXERCISE)
    return tmp_path


@pytest.fixture
def runs(monkeypatch):
    """Note which notebooks would run, instead of starting kernels."""
    noted = []

    def note(target, root):
        noted.append(target.path.parent.name)
        target.notebook.cells[-2].execution_count = len(noted)  # the last cell leads to other notebooks

    monkeypatch.setattr(build_notebooks, "execute", note)
    return noted


def build(root, *arguments):
    build_notebooks.main(["--root", str(root), *arguments])


def read(root, place):
    return nbformat.read(root / f"{place}.ipynb", as_version=4)


def test_a_marked_body_raises_and_keeps_what_stands_around_it():
    source = textwrap.dedent('''\
        def double(x):
            """Twice x."""
            ### BEGIN SOLUTION
            y = 2 * x
            return y
            ### END SOLUTION


        check("double", double)''')
    expected = (
        'def double(x):\n    """Twice x."""\n    raise NotImplementedError\n\n\ncheck("double", double)'
    )
    assert blank(source) == expected


@pytest.mark.parametrize(
    ("solution", "left"),
    [
        ("answer = 3", "answer = None"),
        ("a, (b, c) = 1, (2, 3)", "a = None\nb = None\nc = None"),
        ("_step = 2\nanswer = _step + 1\nanswer = answer + 1", "answer = None"),
        ("total: int = sum(k for k in range(3))", "total = None"),
        ("def f(x):\n    inner = x\n    return inner", "f = None"),
        ("layer.weight = x[0] = 3", "# your code here"),
    ],
)
def test_marked_names_at_module_level_become_none(solution, left):
    marked = f"# an int\n### BEGIN SOLUTION\n{solution}\n### END SOLUTION\nprint()"
    assert blank(marked) == f"# an int\n{left}\nprint()"


def test_every_region_of_a_cell_is_cut():
    region = "### BEGIN SOLUTION\n{} = 1\n### END SOLUTION\n"
    assert blank(region.format("a") + "b = 2\n" + region.format("c")) == "a = None\nb = 2\nc = None\n"


def test_exercise_and_solution_differ_in_the_answer_and_the_title(course, runs):
    build(course)
    exercise, solution = read(course, "exercises/01_one_exercise"), read(course, "solutions/01_one_solution")
    assert exercise.cells[1].source == "answer = None"
    assert exercise.cells[0].source.startswith("# Exercise 01\n\nNo tasks, ")
    assert "### BEGIN SOLUTION\nanswer = 3\n### END SOLUTION" in solution.cells[1].source
    assert solution.cells[0].source.startswith(
        "# Exercise 01 · solution\n\nThese are the answers to [the exercise]"
    )
    assert runs == ["notebooks", "solutions"]


def test_a_cell_keeps_its_id_when_others_come_before_it(course, runs):
    build(course)
    before = [cell.id for cell in read(course, "notebooks/01_one").cells]
    path = course / "authoring" / "01_one.py"
    path.write_text(LESSON.replace("# %%\nimport", "# %%\nx = 1\n\n# %%\nx = 1\n\n# %%\nimport"))
    build(course)
    after = [cell.id for cell in read(course, "notebooks/01_one").cells]
    assert [after[0], *after[3:]] == before
    assert len(set(after)) == 5  # the twins x = 1 have ids of their own


def test_only_what_changed_runs_again(course, runs):
    build(course)
    build(course)
    assert runs == ["notebooks", "solutions"]
    build(course, "--all")
    assert len(runs) == 4
    (course / "authoring" / "01_one_exercise.py").write_text(EXERCISE.replace("3", "4"))
    build(course)
    assert runs[4:] == ["solutions"]


@pytest.mark.parametrize(
    "place", ["cbam_course/new.py", "cbam_course/checks/texts.toml", "results/table.csv"]
)
def test_a_changed_package_or_result_runs_everything_again(course, runs, place):
    build(course)
    (course / place).parent.mkdir(parents=True)
    (course / place).write_text("new")
    build(course)
    assert runs == ["notebooks", "solutions"] * 2


def test_only_builds_one_lesson_and_refuses_a_number_that_is_not_there(course, runs):
    (course / "authoring" / "02_two.py").write_text(LESSON)
    build(course, "--only", "02")
    assert not (course / "notebooks" / "01_one.ipynb").exists()
    assert (course / "notebooks" / "02_two.ipynb").exists()
    with pytest.raises(SystemExit, match=r"no file authoring/07\*\.py"):
        build(course, "--only", "07")


def test_without_execution_cells_change_and_kept_cells_keep_their_outputs(course, runs):
    build(course)
    path = course / "authoring" / "01_one.py"
    path.write_text(path.read_text() + "\n# %%\nx = 1\n")
    build(course, "--no-execute")
    lesson = read(course, "notebooks/01_one")
    assert [cell.get("execution_count") for cell in lesson.cells] == [None, 1, None, None]
    build(course)
    assert runs == ["notebooks", "solutions", "notebooks"]


def test_a_real_run_cleans_paths_and_leaves_the_learner_alone(course, monkeypatch, tmp_path):
    home = tmp_path / "learner"
    home.mkdir()
    (home / "progress.jsonl").write_text("mine\n")
    monkeypatch.setenv("CBAM_COURSE_HOME", str(home))
    build(course, "--only", "01")
    lesson, solution = read(course, "notebooks/01_one"), read(course, "solutions/01_one_solution")
    shown = {output.name: output.text for output in lesson.cells[1].outputs}
    assert shown["stdout"] == "~/cbam-course ''\n"
    assert shown["stderr"].startswith("<cell>: UserWarning: careful")
    assert solution.cells[1].execution_count == 1
    assert "version" not in lesson.metadata.language_info
    assert "execution" not in lesson.cells[1].metadata
    assert [path.name for path in home.iterdir()] == ["progress.jsonl"]
    assert (home / "progress.jsonl").read_text() == "mine\n"


def test_a_failing_cell_stops_the_build_with_notebook_and_cell(course):
    (course / "authoring" / "01_one.py").write_text(LESSON.replace("warnings.warn", "1 / 0; warnings.warn"))
    with pytest.raises(SystemExit, match=r"(?s)^01_one\.ipynb, cell 1 raised:.*ZeroDivisionError"):
        build(course)
    assert not (course / "notebooks" / "01_one.ipynb").exists()


def test_an_output_that_shows_the_checkout_is_refused(course):
    (course / "authoring" / "01_one.py").write_text(LESSON + "print(os.getcwd())\n")
    with pytest.raises(SystemExit, match=f"cell 1: an output shows the path {re.escape(str(course))}"):
        build(course)
