"""Progress: one append-only file that survives kills, two writers, torn lines and copies."""

import json
import os
import shutil
import subprocess
import sys
import time

import numpy
import torch

from cbam_course.checks import check, hint, predict, progress, reveal
from cbam_course.checks.progress import append, kept_file, passed_tasks, read_entries
from cbam_course.checks.tasks import texts

WRITER = """
import sys
from cbam_course.checks.progress import append
for number in range(10**6 if len(sys.argv) == 2 else int(sys.argv[2])):
    append({"writer": sys.argv[1], "number": number})
    print(number, flush=True)
"""


KILLS = int(os.environ.get("CBAM_COURSE_KILLS", "3"))  # each one starts an interpreter


def numbers(writer):
    return [entry["number"] for entry in read_entries()[0] if entry.get("writer") == writer]


def start(writer, *count):
    command = [sys.executable, "-c", WRITER, writer, *map(str, count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))


def test_killing_the_process_loses_nothing_that_was_recorded_before():
    writers = {f"w{number}": start(f"w{number}") for number in range(KILLS)}
    told = {}
    for number, (name, process) in enumerate(writers.items()):
        told[name] = int(process.stdout.readline())  # it is running
        time.sleep(0.007 * number)
        process.kill()
        told[name] = max([told[name], *map(int, process.stdout.read().split("\n")[:-1])])
        process.wait()
        process.stdout.close()
    for name, last in told.items():
        assert numbers(name)[: last + 1] == list(range(last + 1))


def test_two_kernels_may_write_at_once():
    pair = [start("a", 150), start("b", 150)]
    for process in pair:
        process.communicate()
    assert numbers("a") == numbers("b") == list(range(150))
    assert not read_entries()[1]


def test_a_torn_line_is_skipped_with_a_sentence_and_swallows_no_other():
    check("se-parameters", 8192)
    with open(kept_file(), "ab") as file:
        file.write(b'{"task": "squeeze", "stat')
    check("excite-by-hand", (0.88, 0.27))
    shown = progress()
    assert shown.passed == 2
    assert "Line 2" in str(shown)


def test_the_table_says_what_its_columns_are():
    check("se-parameters", 1)
    check("se-parameters", 8192)
    lines = str(progress()).splitlines()
    assert lines[2].split() == ["lesson", "task", "state", "attempts"]
    assert any(line.split() == ["02", "se-parameters", "passed", "2"] for line in lines)
    assert progress()._repr_html_().count("<th") == 4


def test_copying_the_file_moves_progress(tmp_path, monkeypatch):
    check("se-parameters", 8192)
    kept = kept_file()
    monkeypatch.setenv("CBAM_COURSE_HOME", str(tmp_path / "other"))
    assert progress().passed == 0
    kept_file().parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(kept, kept_file())
    assert progress().passed == 1


def test_bytes_that_are_no_text_and_lines_that_are_no_entries_are_skipped():
    kept_file().parent.mkdir(parents=True, exist_ok=True)
    kept_file().write_bytes(
        b"\xff\xfe\x00\n[1, 2]\n3\n" + json.dumps({"task": ["odd"], "status": {}}).encode()
    )
    append({"task": "squeeze", "status": "passed"})
    assert progress().passed == 1
    assert check("se-parameters", 8192).passed


def test_a_later_failure_takes_no_pass_away():
    check("se-parameters", 8192)
    check("se-parameters", 1)
    states = {task: (state, attempts) for _, task, state, attempts in progress().rows}
    assert states["se-parameters"] == ("passed", 2)


def test_progress_that_cannot_be_written_leaves_the_verdict():
    kept_file().mkdir(parents=True)  # something in the way
    report = check("se-parameters", 8192)
    assert report.passed
    assert "could not be written" in report.notes[0]


def test_hints_go_one_step_further_at_each_call_and_stay_at_the_last():
    headings = [hint("cbam").heading for _ in range(4)]
    assert [heading.split()[1] for heading in headings] == ["1", "2", "3", "3"]
    assert "give a whole number from 1 to 3" in str(hint("cbam", 4))


def test_an_unknown_task_names_the_nearest():
    assert "squeeze-excitation" in str(check("squeeze-excitaton", 3))
    assert "cbam" in str(hint("cbm"))


OLD_LINES = """
{"time": "2026-05-01T10:00:00+0000", "task": "squeeze", "status": "error", "mistake": null, "holding": 0, "of": 3}
{"time": "2026-05-01T10:01:00+0000", "task": "squeeze", "status": "passed", "mistake": null, "holding": 3, "of": 3}
{"time": "2026-05-01T10:02:00+0000", "task": "cbam", "status": "failed", "mistake": "order-swapped"}
{"time": "2026-05-01T10:03:00+0000", "task": "se-parameters", "status": "not attempted", "mistake": null}
{"time": "2026-05-01T10:04:00+0000", "hint": "cbam", "step": 2}
"""


def test_progress_that_an_earlier_version_wrote_is_read():
    kept_file().parent.mkdir(parents=True, exist_ok=True)
    kept_file().write_text(OLD_LINES.lstrip(), encoding="utf-8")
    states = {task: (state, attempts) for _, task, state, attempts in progress().rows}
    assert states["squeeze"] == ("passed", 2)
    assert states["cbam"] == ("failed", 1)
    assert states["se-parameters"] == ("not attempted", 0)
    assert hint("cbam").heading.startswith("Hint 3")


def test_strange_lines_give_one_sentence_in_all_and_hide_nothing():
    strange = [
        b"[" * 100_000,
        b'{"task": ["cbam"], "status": "passed"}',
        b'{"hint": "cbam", "step": -4}',
        b"\xff",
    ]
    kept_file().parent.mkdir(parents=True, exist_ok=True)
    kept_file().write_bytes(b"\n".join([*strange, *[b"{damaged"] * 3000]) + b"\n")
    append({"task": "squeeze", "status": "passed"})
    shown = progress()
    assert shown.passed == 1
    assert len([note for note in shown.notes if "damaged" in note]) == 1
    assert "3003 lines" in str(shown)
    assert hint("cbam").heading.startswith("Hint 1")


def test_a_short_write_is_told_and_completed_later(monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, line: write(handle, line[:20]))
    report = check("se-parameters", 8192)
    assert report.passed
    assert "a part of it fitted" in report.notes[0]
    assert progress().passed == 1  # what waits to be written counts
    monkeypatch.setattr(os, "write", write)
    check("excite-by-hand", (0.88, 0.27))
    assert {json.loads(line)["task"] for line in kept_file().read_bytes().splitlines()[1:]} == {
        "se-parameters",
        "excite-by-hand",
    }
    assert progress().passed == 2


def test_a_full_disk_leaves_what_was_passed_before(monkeypatch):
    check("se-parameters", 8192)

    def full(handle, line):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    report = check("excite-by-hand", (0.88, 0.27))
    assert "No space left" in report.notes[0]
    assert progress().passed == 2


def test_a_file_that_cannot_be_written_is_shown_with_a_sentence(monkeypatch):
    check("se-parameters", 8192)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # whoever runs the tests may be root
    shown = progress()
    assert shown.passed == 1
    assert "New results cannot be kept" in str(shown)


def test_nothing_raises_where_progress_has_no_place(monkeypatch):
    for error in (RuntimeError("no HOME"), KeyError("HOME"), OSError(2, "No such file")):
        monkeypatch.setattr(sys.modules["cbam_course.checks.progress"], "course_home", raiser(error))
        report = check("se-parameters", 8192)
        assert report.passed
        assert "no place" in report.notes[0]
        assert "no place" in str(progress())
        assert "Hint" in str(hint("cbam"))
        assert "Noted" in str(predict("x", 3))


def raiser(error):
    def home():
        raise error

    return home


def test_passes_of_retired_tasks_are_kept(monkeypatch):
    monkeypatch.setitem(texts(), "retired", {"old-task": "cbam"})
    append({"task": "old-task", "status": "passed"})
    assert "old-task" in str(progress())
    assert "old-task" in passed_tasks()


def test_a_prediction_is_kept_and_compared_with_the_outcome():
    assert str(predict("a", 3, sure=0.8)) == "Noted: 3, 80 % sure."
    assert "You predicted 3, and 3 it is" in str(reveal("a", 3.0))
    predict("b", torch.Size([2, 3]), 0.6)
    assert "You predicted (2, 3); it is (3, 2)" in str(reveal("b", (3, 2)))
    assert "it is" in str(reveal("never-predicted", 5)).lower()
    told = str(progress())
    assert "Predictions: 2, of which 2 were compared with the outcome and 1 were right (50 %)" in told
    assert "70 % sure on average" in told
    assert "surer than" in told


def test_a_prediction_made_after_the_outcome_does_not_count():
    predict("a", 1)
    reveal("a", 2)
    predict("a", 2)
    assert "2 it is" in str(reveal("a", 2))
    assert "0 were right" in str(progress())


def test_predictions_take_numbers_shapes_words_and_truth_values():
    for name, value, outcome, right in (
        ("number", numpy.float64(0.5), 0.52, False),
        ("near", torch.tensor(0.5), 0.52, True),
        ("word", " Channel ", "channel", True),
        ("truth", True, numpy.bool_(True), True),
        ("no-number", True, 1, False),
        ("array", numpy.array([2, 3]), [2, 3], True),
    ):
        predict(name, value)
        shown = str(reveal(name, outcome, tolerance=0.05 if name == "near" else 0.0))
        assert (" it is." in shown) == right, (name, shown)


def test_no_prediction_and_strange_ones_do_no_harm():
    assert "which is fine" in str(predict("a", None))
    assert "nothing was noted" in str(predict("a", object()))
    assert "nothing was noted" in str(predict("a", [[], 1]))
    assert "give a number from 0 to 1" in str(predict("a", 3, sure=80))
    assert predict("a", float("nan"))._repr_html_()
    assert "Predictions" in str(progress())


def test_without_predictions_nothing_is_said_about_them():
    assert "Predictions" not in str(progress())
