"""CIFAR-10 from each of its sources, each of them out of order, and scenes in the end."""

import hashlib
import io
import os
import pickle
import sys
import tarfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from server import bad_server

from cbam_course.data import cifar10, download
from cbam_course.data.cifar10 import CLASS_NAMES, cifar10_or_scenes, load_cifar10
from cbam_course.data.download import DataNotFound

PIXELS = np.random.default_rng(0).integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)
LABELS = [3, 8, 0, 9]


def pickled(content):
    return pickle.dumps(content, protocol=4)


@cache
def batches():
    """Return the files of a CIFAR-10 whose training and test set are the same four images, by name."""
    full = pickled({"data": PIXELS.reshape(4, -1), "labels": LABELS})
    empty = pickled({"data": PIXELS[:0].reshape(0, 3072), "labels": []})
    return {
        "test_batch": full,
        "data_batch_1": full,
        **{f"data_batch_{number}": empty for number in range(2, 6)},
        "batches.meta": pickled({"label_names": list(CLASS_NAMES)}),
    }


@cache  # gzip writes the time into the file
def archive():
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in batches().items():
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def parquet():
    pyarrow = pytest.importorskip("pyarrow", reason="the hub's files need pyarrow")
    from PIL import Image
    from pyarrow import parquet as writer

    cells = []
    for image in PIXELS:
        png = io.BytesIO()
        Image.fromarray(image.transpose(1, 2, 0)).save(png, "png")
        cells.append({"bytes": png.getvalue(), "path": None})
    file = io.BytesIO()
    writer.write_table(pyarrow.table({"img": cells, "label": LABELS}), file)
    return file.getvalue()


def md5_of(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def place(monkeypatch, tmp_path):
    """An empty data folder, impatient downloads, and the hashes of our files for those of the official ones."""
    from torchvision.datasets import CIFAR10

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CBAM_COURSE_DATA", str(tmp_path / "data sets"))
    monkeypatch.setattr(download, "user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    monkeypatch.setattr(download, "Patience", lambda: download_patience)
    for listed in ("train_list", "test_list"):
        ours = [[name, md5_of(batches()[name])] for name, _ in getattr(CIFAR10, listed)]
        monkeypatch.setattr(CIFAR10, listed, ours)
    monkeypatch.setattr(CIFAR10, "tgz_md5", md5_of(archive()))
    return tmp_path / "data sets"


download_patience = download.Patience(timeout=0.3, attempts=2, pause=0.001)


@pytest.fixture
def serve(monkeypatch):
    """Return what starts a server that stands for the hub and for the original server."""
    from torchvision.datasets import CIFAR10

    def start(*behaviour):
        files = {"train-00000-of-00001.parquet": parquet(), "cifar-10-python.tar.gz": archive()}
        expected = hashlib.sha256(files["train-00000-of-00001.parquet"]).hexdigest()
        monkeypatch.setitem(cifar10._HUB_SHA256, "train", expected)
        context = bad_server(files, *behaviour)
        server = context.__enter__()
        running.append(context)
        monkeypatch.setenv("HF_ENDPOINT", f"{server.address}/")
        monkeypatch.setattr(CIFAR10, "url", f"{server.address}/cifar-10-python.tar.gz")
        return server

    running = []
    yield start
    for context in running:
        context.__exit__(None, None, None)


def files_below(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def assert_is_the_data(pair):
    torch.testing.assert_close(pair[0], torch.from_numpy(PIXELS))
    torch.testing.assert_close(pair[1], torch.tensor(LABELS))


def put_local_copy(folder):
    (folder / "cifar-10-batches-py").mkdir(parents=True)
    for name, content in batches().items():
        (folder / "cifar-10-batches-py" / name).write_bytes(content)


@pytest.mark.parametrize("folder", ["data sets", "data", "cache/data"])
def test_a_copy_on_this_computer_is_read_first(place, serve, folder):
    put_local_copy(place.parent / folder)
    server = serve("whole")
    assert_is_the_data(load_cifar10("test"))
    assert server.asked == []


def test_the_hub_comes_next_and_its_mirror_is_asked_once(place, serve):
    server = serve("whole")
    for _ in range(2):
        assert_is_the_data(load_cifar10("train"))
    revision = "0b2714987fa478483af9968de7c934580d0bb9a2"
    path = f"/datasets/uoft-cs/cifar10/resolve/{revision}/plain_text/train-00000-of-00001.parquet"
    assert server.asked == [(path, None)]
    assert files_below(place) == ["cifar10-hub/train-00000-of-00001.parquet"]


def test_the_hub_that_breaks_off_is_taken_up_again(place, serve):
    server = serve("cut", "whole")
    assert_is_the_data(load_cifar10("train"))
    assert [bool(wanted) for _, wanted in server.asked] == [False, True]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (404, "answered 404"),
        (403, "answered 403"),
        ("wrong", "sent another file"),
        ("silent", "cannot be reached"),
    ],
)
def test_without_the_hub_one_sentence_and_the_original_server(place, serve, behaviour, reason):
    server = serve(behaviour, "whole")
    with pytest.warns(UserWarning, match=f"loaded from the Hugging Face hub: 127.*{reason}") as caught:
        assert_is_the_data(load_cifar10("train"))
    assert len(caught) == 1
    assert [path.rpartition("/")[2] for path, _ in server.asked][1:] == ["cifar-10-python.tar.gz"]
    assert {name.split("/")[0] for name in files_below(place)} == {"cifar-10-batches-py"}
    assert_is_the_data(load_cifar10("train"))
    assert len(server.asked) == 2


@pytest.mark.parametrize("behaviour", [404, 503, "wrong", "silent"])
def test_when_nothing_answers_scenes_take_over_and_nothing_half_written_is_left(
    place, serve, behaviour, capsys
):
    serve(behaviour)
    with pytest.warns(UserWarning, match="could not be loaded from") as caught:
        found = cifar10_or_scenes(6, 4)
    assert len(caught) == 2
    assert files_below(place) == []
    assert (found.title, found.train[0].shape, len(found.test[1])) == ("scenes", (6, 3, 32, 32), 4)
    said = capsys.readouterr().out
    assert (
        "this computer (FileNotFoundError), the Hugging Face hub (DownloadFailed), the original server"
        in said
    )
    assert "set CBAM_COURSE_DATA" in said
    assert said.endswith("This lesson goes on with scenes.\n")


def test_an_archive_that_cannot_be_unpacked_leaves_nothing_unpacked(place, serve, monkeypatch):
    def full(source, target):
        raise OSError("No space left on device")

    serve(404, "whole")
    monkeypatch.setattr(download.shutil, "copyfileobj", full)
    with pytest.warns(UserWarning, match="could not be loaded") as caught, pytest.raises(DataNotFound):
        load_cifar10("train")
    assert "No space left" in str(caught[1].message)
    assert files_below(place) == ["cifar-10-python.tar.gz"]  # whole and checked: not fetched again
    assert not (place / "cifar-10-batches-py").exists()


def test_a_damaged_copy_is_named_and_left_alone(place, serve):
    (place / "cifar-10-batches-py").mkdir(parents=True)
    serve(404)
    with pytest.warns(UserWarning, match="could not be") as caught, pytest.raises(DataNotFound):
        load_cifar10("train")
    said = [str(warning.message) for warning in caught]
    assert "from this computer" in said[0]
    assert "from the original server" in said[2]
    for sentence in (said[0], said[2]):
        assert (
            "data_batch_1 is missing or damaged; delete the folder cifar-10-batches-py, and it is" in sentence
        )


class _Harmful:
    """What a pickled file can do when it is read: call anything."""

    def __init__(self, call, *arguments):
        self.does = call, arguments

    def __reduce__(self):
        return self.does


@pytest.mark.parametrize(
    ("harmful", "asked"),
    [
        (_Harmful(os.mkdir, "harm"), "mkdir"),
        (_Harmful(eval, "1"), r"builtins\.eval"),
        (_Harmful(np.fromfile, "test_batch"), "numpy.*fromfile"),
        (np.random.default_rng(0), "numpy.random"),
        (Path("x"), "pathlib"),
    ],
)
def test_a_batch_can_hold_arrays_and_lists_only(place, monkeypatch, harmful, asked):
    from torchvision.datasets import CIFAR10

    content = pickled({"data": PIXELS.reshape(4, -1), "labels": LABELS, "more": harmful})
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5_of(content)]])
    put_local_copy(place)
    (place / "cifar-10-batches-py" / "test_batch").write_bytes(content)
    sentence = f"from this computer: a file of CIFAR-10 must not ask for .*{asked}"
    with pytest.warns(UserWarning, match=sentence), pytest.raises(DataNotFound):
        load_cifar10("test", download=False)
    assert not Path("harm").exists()


def test_a_batch_is_read_from_the_bytes_that_were_hashed(place, monkeypatch):
    """Somebody who exchanges the file after the check changes nothing."""
    put_local_copy(place)
    real = cifar10._unpickled

    def exchanged(content):
        (place / "cifar-10-batches-py" / "test_batch").write_bytes(b"another file")
        return real(content)

    monkeypatch.setattr(cifar10, "_unpickled", exchanged)
    assert_is_the_data(load_cifar10("test"))


def test_a_copy_that_appears_while_the_hub_is_asked_is_used(place, serve, monkeypatch):
    """As when another kernel was faster."""
    server = serve(404)
    fetched = cifar10._hub_copy

    def hub(split):
        put_local_copy(place)
        return fetched(split)

    monkeypatch.setattr(cifar10, "_hub_copy", hub)
    with pytest.warns(UserWarning, match="answered 404"):
        assert_is_the_data(load_cifar10("train"))
    assert len(server.asked) == 1


def test_without_pyarrow_a_sentence_says_how_to_get_it(place, serve, monkeypatch):
    serve("whole")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.warns(
        UserWarning, match=r"hub: the hub's files need the package pyarrow: pip install -U pyarrow\.$"
    ):
        assert_is_the_data(load_cifar10("train"))


def test_without_download_the_network_is_not_asked(place, serve):
    server = serve("whole")
    with pytest.raises(
        DataNotFound, match=r"from this computer \(FileNotFoundError\): put the folder cifar-10"
    ):
        load_cifar10("train", download=False)
    assert server.asked == []


def test_a_data_folder_that_cannot_be_written_sends_downloads_to_the_cache(place, serve):
    place.write_text("in the way")
    serve("whole")
    assert_is_the_data(load_cifar10("train"))
    assert files_below(place.parent / "cache") == ["data/cifar10-hub/train-00000-of-00001.parquet"]


def test_an_unknown_split_gets_a_sentence():
    with pytest.raises(ValueError, match="split is 'valid'; choose 'train' or 'test'"):
        load_cifar10("valid")


def test_the_fallback_draws_with_the_seed(place, monkeypatch, capsys):
    put_local_copy(place)
    drawn = [cifar10_or_scenes(3, 2, seed=seed, download=False) for seed in (0, 0, 1)]
    assert {d.title for d in drawn} == {"CIFAR-10"}
    assert drawn[0].class_names == CLASS_NAMES
    assert torch.equal(drawn[0].train[1], drawn[1].train[1])
    assert not torch.equal(drawn[0].train[1], drawn[2].train[1])
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("CBAM_COURSE_DATA", str(place / "empty"))
    scenes = [cifar10_or_scenes(3, 2, seed=seed, download=False) for seed in (0, 1)]
    assert not torch.equal(scenes[0].train[0], scenes[1].train[0])
    assert not torch.equal(scenes[0].train[0][:2], scenes[0].test[0])


@pytest.mark.skipif(
    not (Path(os.environ.get("CBAM_COURSE_DATA", "")) / "cifar-10-batches-py").is_dir(),
    reason="CBAM_COURSE_DATA names no folder with CIFAR-10",
)
def test_the_real_test_set_has_its_known_content():
    from torchvision.datasets import CIFAR10

    images, labels = load_cifar10("test", download=False)
    expected = CIFAR10(os.environ["CBAM_COURSE_DATA"], train=False)
    assert torch.equal(images.permute(0, 2, 3, 1), torch.from_numpy(expected.data))
    assert labels.tolist() == expected.targets
    assert images.shape == (10_000, 3, 32, 32)
    assert labels.bincount().tolist() == [1000] * 10
    assert labels[:5].tolist() == [3, 8, 8, 0, 6]
