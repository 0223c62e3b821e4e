"""Tables of runs: nothing that is no table is touched, no line changes once it is written, nothing is lost."""

import errno
import subprocess
import sys
import time
import zlib

import ledgers
import pytest
from filelock import FileLock

from cbam_course.experiments import sweep, tables
from cbam_course.experiments.run import Run
from cbam_course.experiments.sweep import run_sweep
from cbam_course.experiments.tables import COLUMNS, NotATable, Table, read_table

MADE_BY = {"commit": "12e34567", "registration": "377304447631"}
HEADER = ",".join(COLUMNS)


def row(seed=0, accuracy=0.5, **others):
    run = Run("scenes-where", "plain", seed, 1, 8, others.pop("learning_rate", 0.003))
    return {**ledgers.row(run, accuracy, MADE_BY), **others}


@pytest.fixture
def path(tmp_path):
    """A table of two rows."""
    table = Table(tmp_path / "t.csv")
    table.add(row(0, 0.8455))
    table.add(row(1, 0.3333333333, learning_rate=0.00001234567))
    return tmp_path / "t.csv"


@pytest.fixture
def nothing_runs(monkeypatch):
    """Let every run fail the test: what is wrong with a file is said before."""
    monkeypatch.setattr(
        "cbam_course.experiments.execute.perform", lambda *_: pytest.fail("something was computed")
    )


def quick(out, **options):
    options = {"seeds": 2, "epochs": 1, "images": 8, "jobs": 1, "progress": False, **options}
    return run_sweep("scenes-where", ["plain"], out=out, **options)


def refused(path, sentence):
    before = path.read_bytes()
    with pytest.raises(NotATable, match=sentence):
        quick(path)
    assert path.read_bytes() == before


def test_a_row_is_written_as_people_write_numbers_and_comes_back_as_it_was(path):
    first, second = path.read_text().splitlines()[1:]
    assert first.startswith(
        "scenes-where,plain,0,0.8455,accuracy,,,0.625,62.3,24021,1,8,0.003,64,500,2000,cpu,"
    )
    assert ",0.33333," in second
    assert ",1.234567e-05," in second
    back = read_table(path)
    assert back.learning_rate.tolist() == [0.003, 0.00001234567]
    assert (back.registration[0], back.commit[0], back.error[0]) == ("377304447631", "12e34567", "")
    assert back.dtypes[["seed", "validation", "accuracy"]].astype(str).tolist() == [
        "int64",
        "int64",
        "float64",
    ]


def test_rows_in_memory_are_those_that_would_be_read_from_the_file(path):
    table = Table(path)
    table.add(row(2, 1 / 3, error="", metric=None))
    assert table.rows.equals(read_table(path))
    memory = Table(None)
    for line in table.rows.to_dict("records"):
        memory.add(line)
    assert memory.rows.equals(table.rows)


def test_lines_stay_what_they_are_byte_by_byte_when_the_file_is_written_anew(path):
    by_hand = (
        path.read_text().splitlines()[1].replace(",0,0.8455,", ",2,0.84550,").replace("24021", "24021.0")
    )
    with path.open("a") as file:
        file.write(
            f"{by_hand}\n{by_hand.replace(',2,0', ',3,0').replace('plain', chr(34) + 'plain' + chr(34))}\n"
        )
    lines = path.read_bytes().splitlines()
    table = Table(path)
    table.add(row(4, None, error="ValueError: why"))
    table.add(row(5, 0.25))
    table.drop_failed()
    after = path.read_bytes().splitlines()
    assert after[:5] == lines
    assert len(after) == 6


def test_an_error_of_several_lines_and_commas_stays_one_row(path):
    table = Table(path)
    table.add(row(2, None, error='ValueError: a "b",\r\n c'))
    assert len(path.read_bytes().splitlines()) == 4
    assert read_table(path).error[2] == 'ValueError: a "b", c'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"cells": [{"source": []}],\n "nbformat": 4}', "line 1 is not its header"),
        (b"\x89PNG\r\n\x1a\n" + zlib.compress(b"picture" * 99), "it is no text"),
        (b"\r".join([HEADER.encode(), b"scenes-where,plain"]), "its lines end in an old way"),
        (HEADER.replace(",", ";").encode() + b"\n", "its cells are not separated by commas"),
        (b"half a line of something", "line 1 is not its header"),
        (b"data,model,seed,accuracy,epochs,images\n", "line 1: there is no column metric, .* another version"),
        (HEADER.encode() + b",seed\n", "line 1: a column stands there twice"),
    ],
    ids=["notebook", "picture", "old line ends", "semicolons", "words", "older", "twice"],
)  # fmt: skip
def test_what_is_no_table_is_refused_untouched(tmp_path, nothing_runs, content, sentence):
    (tmp_path / "t.csv").write_bytes(content)
    refused(tmp_path / "t.csv", sentence)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("total,,,0.9" + "," * 22, "line 4: seed is '', which is no whole number"),
        ("mean,plain,0,0.9", "line 4: 4 cells where line 1 has 26"),
        ("scenes-where,plain,2,nan" + "," * 22, "line 4: accuracy is 'nan', which is no number"),
        ('scenes-where,plain,2,"0,9"' + "," * 22, "line 4: accuracy is '0,9', which is no number"),
        ("scenes-where,plain,2,1_0" + "," * 22, "line 4: accuracy is '1_0', which is no number"),
        ('scenes-where,plain,2,"0.9' + "," * 22, "line 4: its quotation marks do not fit"),
        (
            "scenes-where,plain,2,0.9,an\rerror" + "," * 21,
            "line 4: there is a character in it that ends a line",
        ),
    ],
    ids=["total", "short", "nan", "quoted decimal", "underscore", "quotes", "carriage return"],
)
def test_a_damaged_line_gets_its_number_before_anything_is_computed(path, nothing_runs, line, sentence):
    with path.open("a", newline="") as file:
        file.write(f"{line}\n")
    refused(path, sentence)


def test_a_run_that_stands_there_twice_or_has_no_score_is_told(path, nothing_runs):
    text = path.read_text()
    path.write_text(text + text.splitlines()[1] + "\n")
    refused(path, "plain on scenes-where with seed 0 stands there twice")
    path.write_text(text.replace("0.8455", ""))
    refused(path, "line 2: there is neither an accuracy nor an error")


def test_a_missing_line_end_loses_no_row_and_half_a_line_is_one_run_to_repeat(path):
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    Table(path)
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-60])
    assert len(read_table(path)) == 1
    assert path.read_bytes() == whole[:-60]
    Table(path)
    assert path.read_bytes() == b"".join(whole.splitlines(keepends=True)[:2])


def test_a_last_cell_that_may_lack_digits_is_told(path, nothing_runs):
    lines = path.read_text().splitlines()
    path.write_text("\n".join([f"{lines[0]},weight", *(f"{line},0.25" for line in lines[1:])]))
    refused(path, "line 3: the line has no end, so its last number may lack digits")


def test_a_wider_table_keeps_its_columns_and_windows_line_ends_lose_nothing(path):
    lines = path.read_text().splitlines()
    path.write_bytes(
        "".join(f"{line},{note}\r\n" for line, note in zip(lines, ("note", "a", "b"), strict=True)).encode()
    )
    table = Table(path)
    table.add(row(2))
    assert read_table(path).note.tolist() == ["a", "b", ""]
    assert b"\r" not in path.read_bytes()


def test_a_kill_during_the_repair_leaves_the_file_as_it_was(path, monkeypatch):
    half = path.read_bytes()[:-60]
    path.write_bytes(half)

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("cbam_course.storage.os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        Table(path)
    assert path.read_bytes() == half


def test_two_sweeps_on_one_table_are_one_too_many(path, nothing_runs):
    before = path.read_bytes()
    with (
        FileLock(path.with_name(".t.csv.lock")),
        pytest.raises(ValueError, match="another process is writing to"),
    ):
        quick(path)
    assert path.read_bytes() == before


def test_a_failed_run_is_tried_again_and_the_others_stay(path, monkeypatch):
    table = Table(path)
    table.add(row(2, None, error="DataNotFound: no network"))
    asked = []

    def note(run, made_by, threads, device):
        asked.append(run.seed)
        return row(run.seed, 0.75)

    monkeypatch.setattr("cbam_course.experiments.execute.perform", note)
    assert quick(path, seeds=3).accuracy.tolist() == [0.8455, 0.75, 0.75]
    assert asked == [1, 2]  # the second row was made at another rate
    assert quick(path, seeds=3).error.tolist() == [""] * 3
    assert len(asked) == 2
    assert len(read_table(path)) == 4


@pytest.mark.parametrize("full", ["room", "append"])
def test_a_full_disk_is_said_before_the_first_run(path, nothing_runs, monkeypatch, full):
    before = path.read_bytes()

    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tables.os, "fsync", no_room)
    with pytest.raises(OSError, match="No space left"):
        quick(path if full == "room" else path.with_name("new.csv"))
    assert path.read_bytes() == before


def test_a_disk_that_fills_up_keeps_the_runs_made_so_far(tmp_path):
    # A limit on the size of files stands for the full disk.
    script = (
        "import resource, sys\n"
        "from test_tables import row\n"
        "from cbam_course.experiments.tables import Table, _ROOM\n"
        f"table = Table(__import__('pathlib').Path({str(tmp_path / 't.csv')!r}))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))\n"
        "for seed in range(99):\n"
        "    table.add(row(seed))\n"
    )
    if sys.platform == "win32":
        pytest.skip("no limits on the size of files here")
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=ledgers.Path(__file__).parent, capture_output=True, text=True
    )
    assert "File too large" in run.stderr
    kept = read_table(tmp_path / "t.csv")
    assert 1 <= len(kept) < 5
    Table(tmp_path / "t.csv").add(row(50))
    assert read_table(tmp_path / "t.csv").seed.tolist() == [*kept.seed, 50]


def test_what_cannot_be_written_is_said_in_a_sentence_before_the_first_run(tmp_path, nothing_runs, capsys):
    from cbam_course.__main__ import main

    (tmp_path / "file").write_text("x")
    words = ["sweep", "--data", "scenes-where", "--models", "plain", "--jobs", "1", "--out"]
    assert main([*words, str(tmp_path / "file" / "t.csv")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert main([*words, str(tmp_path)]) == 2
    assert "is no table of runs: it is no file" in capsys.readouterr().err


@pytest.mark.skipif(not tables.os.path.isdir("/proc/self"), reason="no folder like /proc here")
def test_a_folder_that_takes_no_lock_is_not_told_as_another_process(nothing_runs):
    """A folder where no file can be made looks to filelock like one that another process keeps busy."""
    with pytest.raises(OSError, match="No such file"):
        quick(ledgers.Path("/proc/t.csv"))


def test_a_sweep_that_is_killed_loses_and_repeats_nothing(tmp_path, monkeypatch):
    out = tmp_path / "t.csv"
    script = (
        "import time\n"
        "from test_tables import row\n"
        "from cbam_course.experiments import execute, sweep\n"
        "def slow(run, *rest):\n"
        "    time.sleep(0.1)\n"
        "    return row(run.seed, 0.25)\n"
        "execute.perform = slow\n"
        f"sweep.run_sweep('scenes-where', ['plain'], seeds=2000, epochs=1, images=8, out={str(out)!r}, jobs=1)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stderr=subprocess.DEVNULL, cwd=ledgers.Path(__file__).parent
    )
    while process.poll() is None and not (out.exists() and out.read_bytes().count(b"\n") >= 3):
        time.sleep(0.05)
    process.kill()
    process.wait()
    finished = len(read_table(out))
    assert 2 <= finished < 2000
    asked = []
    monkeypatch.setattr(
        "cbam_course.experiments.execute.perform", lambda run, *_: asked.append(run) or row(run.seed, 0.5)
    )
    assert quick(out, seeds=finished + 1).accuracy.tolist() == [0.25] * finished + [0.5]
    assert len(asked) == 1


def test_the_contract_of_the_sweep_names_its_options():
    import argparse

    parser = argparse.ArgumentParser()
    sweep.add_arguments(parser)
    options = {word for action in parser._actions for word in action.option_strings}
    assert options >= {"--data", "--models", "--seeds", "--epochs", "--images", "--learning-rate", "--out", "--jobs",
                       "--threads", "--device", "--scheduler"}  # fmt: skip
