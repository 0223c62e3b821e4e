"""Progress: one append-only file that survives kills, two writers, torn lines and copies."""

import json
import os
import shutil
import subprocess
import sys
import time

from cbam_course.checks import check, hint, progress
from cbam_course.checks.progress import append, progress_file, read_entries

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
    with open(progress_file(), "ab") as file:
        file.write(b'{"task": "squeeze", "stat')
    check("excite-by-hand", (0.88, 0.27))
    shown = progress()
    assert shown.passed == 2
    assert "Line 2" in str(shown)


def test_copying_the_file_moves_progress(tmp_path, monkeypatch):
    check("se-parameters", 8192)
    kept = progress_file()
    monkeypatch.setenv("CBAM_COURSE_HOME", str(tmp_path / "other"))
    assert progress().passed == 0
    progress_file().parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(kept, progress_file())
    assert progress().passed == 1


def test_bytes_that_are_no_text_and_lines_that_are_no_entries_are_skipped():
    progress_file().parent.mkdir(parents=True, exist_ok=True)
    progress_file().write_bytes(
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
    progress_file().mkdir(parents=True)  # something in the way
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
