"""Downloads from a server that is slow, cuts the line, sends something else or refuses; it runs on this computer."""

import errno
import hashlib
import socket

import pytest
from server import bad_server

from cbam_course.data import download
from cbam_course.data.download import DownloadFailed, Patience, fetch

CONTENT = bytes(range(256)) * 40
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
QUICK = Patience(timeout=0.3, attempts=3, pause=0.001)


def get(server, folder, checksum=CHECKSUM, patience=QUICK):
    return fetch(
        f"{server.address}/file.bin", folder / "a" / "file.bin", checksum, patience=patience, progress=False
    )


def left_over(folder):
    return [path.name for path in folder.rglob("*") if path.is_file()]


def failure(server, folder, **options):
    """Return the sentence of a download that fails, after looking whether anything is left of it."""
    with pytest.raises(DownloadFailed) as caught:
        get(server, folder, **options)
    assert left_over(folder) == []
    return str(caught.value).replace(server.address.removeprefix("http://"), "SERVER")


def test_a_file_arrives_whole_and_is_fetched_once(tmp_path):
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        for _ in range(2):
            assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/file.bin", None)]
    assert left_over(tmp_path) == ["file.bin"]


def test_a_file_of_that_name_with_another_content_is_replaced(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file.bin").write_bytes(b"half")
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("times", [1, 4])
def test_a_cut_line_is_taken_up_where_it_broke(tmp_path, times):
    with bad_server({"file.bin": CONTENT}, *["cut"] * times, "whole") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    left = [len(CONTENT) - len(CONTENT) // 2]
    while len(left) < times:
        left.append(left[-1] - left[-1] // 2)
    assert [asked for _, asked in server.asked] == [None, *(f"bytes={len(CONTENT) - rest}-" for rest in left)]


def test_a_server_that_cannot_continue_starts_again(tmp_path):
    with bad_server({"file.bin": CONTENT}, "cut", "deaf") as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[1][1] == f"bytes={len(CONTENT) // 2}-"


def test_what_a_killed_kernel_left_is_taken_up_by_the_next(tmp_path, monkeypatch):
    real = download._Transfer._judge_speed
    monkeypatch.setattr(download._Transfer, "_judge_speed", _interrupt)
    with bad_server({"file.bin": CONTENT}, "cut", "whole") as server:
        with pytest.raises(KeyboardInterrupt):
            get(server, tmp_path)
        assert left_over(tmp_path) == ["file.bin.part"]
        monkeypatch.setattr(download._Transfer, "_judge_speed", real)
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked[1][1].startswith("bytes=")


def _interrupt(transfer):
    raise KeyboardInterrupt


def test_a_kernel_killed_between_the_last_byte_and_the_name_has_lost_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file.bin.part").write_bytes(CONTENT)
    with bad_server({}, 503) as server:
        assert get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == []


def test_a_server_that_goes_away_for_good_is_given_up_after_longer_and_longer_pauses(tmp_path, monkeypatch):
    pauses = []
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    with bad_server({"file.bin": CONTENT}, "cut", "silent") as server:
        sentence = failure(server, tmp_path)
    assert sentence == "SERVER broke off after 0.0 MB (timed out)."
    assert len(server.asked) == QUICK.attempts
    assert pauses == [QUICK.pause, 2 * QUICK.pause]


@pytest.mark.parametrize(("status", "reason"), [(404, "Not Found"), (503, "Service Unavailable")])
def test_a_refusal_is_taken_at_once(tmp_path, status, reason):
    with bad_server({"file.bin": CONTENT}, status) as server:
        assert failure(server, tmp_path) == f"SERVER answered {status} ({reason})."
    assert len(server.asked) == 1


def test_another_file_than_the_expected_one_is_thrown_away(tmp_path):
    with bad_server({"file.bin": CONTENT}, "wrong") as server:
        assert failure(server, tmp_path) == "SERVER sent another file than the one that was expected."


def test_a_digest_may_be_given_by_its_beginning_and_in_another_algorithm(tmp_path):
    md5 = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        for number, checksum in enumerate((md5, CHECKSUM[:15])):
            assert get(server, tmp_path / str(number), checksum).read_bytes() == CONTENT
        assert "another file" in failure(server, tmp_path / "2", checksum="sha256:00000000")


def test_a_silent_server_is_left_after_the_timeout(tmp_path):
    with bad_server({"file.bin": CONTENT}, "silent") as server:
        assert failure(server, tmp_path) == "SERVER cannot be reached (timed out)."
    assert len(server.asked) == 1


def test_a_server_that_does_not_speak_http_is_a_sentence(tmp_path):
    with bad_server({"file.bin": CONTENT}, "gibberish") as server:
        assert failure(server, tmp_path).startswith("SERVER cannot be reached (who is there?")


def test_a_slow_server_is_left_after_a_grace(tmp_path):
    impatient = Patience(timeout=1, slowest=1e9, grace=0.05)
    with bad_server({"file.bin": CONTENT}, "slow") as server:
        assert failure(server, tmp_path, patience=impatient) == "SERVER is too slow (0 kB per second)."


def test_a_server_that_is_fast_enough_is_waited_for(tmp_path):
    checksum = f"sha256:{hashlib.sha256(CONTENT[:9]).hexdigest()}"
    patient = Patience(timeout=1, slowest=1, grace=0)
    with bad_server({"file.bin": CONTENT[:9]}, "slow") as server:
        assert get(server, tmp_path, checksum, patient).read_bytes() == CONTENT[:9]


def test_no_server_at_all_is_a_sentence(tmp_path):
    with bad_server({}, 503) as server:
        pass
    with socket.socket() as probe:  # nobody listens there any more
        assert probe.connect_ex(server.server_address) != 0
    assert failure(server, tmp_path).startswith("SERVER cannot be reached (")


def test_a_full_disk_is_not_taken_for_a_broken_line(tmp_path, monkeypatch):
    def full(transfer, response):
        yield CONTENT[:9]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download._Transfer, "_pieces", full)
    with bad_server({"file.bin": CONTENT}, "whole") as server, pytest.raises(OSError, match="No space left"):
        get(server, tmp_path)
    assert left_over(tmp_path) == []
    assert len(server.asked) == 1


def test_a_bar_shows_the_size_of_the_file_unless_it_is_not_wanted(tmp_path, capsys):
    with bad_server({"file.bin": CONTENT}, "whole") as server:
        for progress in (False, True):
            assert "10.2k" not in capsys.readouterr().err
            fetch(f"{server.address}/file.bin", tmp_path / str(progress), CHECKSUM, progress=progress)
    assert "0.00/10.2k" in capsys.readouterr().err
