"""ONNX's files: models from their paths, values in files beside them, and nothing outside of their folder."""

import os
import re
import sys
from types import ModuleType
from types import SimpleNamespace as Fake

import pytest
from numpy.testing import assert_array_equal

from convmatrix import Conv
from convmatrix.frameworks.onnx import (
    from_model,
)
from convmatrix.frameworks.onnx.files import ModelFileError, NeedsOnnxError, external_bytes
from onnx_fakes import W, check_sentence, graph, node, refused, tensor


@pytest.fixture
def without_onnx(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)


@pytest.fixture
def with_onnx(monkeypatch):
    """Make a stand-in for the package onnx that parses one file: the bytes b"model"."""

    class DecodeError(Exception):
        pass

    def parse(data):
        if data != b"model":
            raise DecodeError
        external = [Fake(key="location", value="w.bin"), Fake(key="offset", value="8")]
        w = tensor("w", W, raw_data=b"", data_location=1, external_data=external)
        return Fake(graph=graph([node("Conv", "x,w")], typed=[w]))

    onnx, message = ModuleType("onnx"), ModuleType("google.protobuf.message")
    onnx.ModelProto, message.DecodeError = Fake(FromString=parse), DecodeError
    for name, module in {
        "onnx": onnx,
        "google": ModuleType("google"),
        "google.protobuf": ModuleType("protobuf"),
        "google.protobuf.message": message,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_model_and_its_weights_are_read_from_a_path(with_onnx, tmp_path, as_path):
    (tmp_path / "m.onnx").write_bytes(b"model")
    (tmp_path / "w.bin").write_bytes(bytes(8) + W.tobytes() + b"more")
    chain = from_model(as_path(tmp_path / "m.onnx"))
    assert chain == [Conv((6, 6), 3, in_channels=2, out_channels=2)]
    assert_array_equal(chain.weights[0], W)


def test_what_is_no_model_file(with_onnx, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "text").write_bytes(b"no model")
    path = str(tmp_path)
    for name, message, kind in [
        ("", "is a folder: give the file itself", ModelFileError),
        ("/missing.onnx", "does not exist: check the path", ModelFileError),
        ("/pipe", "is no regular file: give the file itself", ModelFileError),
        ("/loop", "cannot be read: Too many levels of symbolic links", ModelFileError),
        ("/nul\0", "embedded null", ModelFileError),
        ("/text", "of 8 bytes is not a serialized ONNX model: give the .onnx file", ValueError),
    ]:
        refused(message, path + name, kind=kind)
    assert issubclass(ModelFileError, OSError)


def test_a_path_needs_the_package(without_onnx, tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"model")
    refused(
        "m.onnx' can be read only with the package onnx, which is not installed: install it (pip install onnx), or "
        "give the ModelProto in place of its path",
        tmp_path / "m.onnx",
        kind=NeedsOnnxError,
    )
    refused("does not exist", tmp_path / "other.onnx", kind=ModelFileError)
    assert issubclass(NeedsOnnxError, ImportError)
    assert from_model(graph([node("Conv", "x,w")], w=W))[0].kernel_size == (3, 3)


def test_external_data_stays_in_the_folder_of_the_model(tmp_path):
    folder = tmp_path / "model"
    (folder / "deeper").mkdir(parents=True)
    for place in (tmp_path / "secret", folder / "w.bin", folder / "deeper" / "w.bin"):
        place.write_bytes(bytes(range(16)))
    (folder / "link").symlink_to(folder / "w.bin")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    os.mkfifo(folder / "pipe")
    for location in ("w.bin", "deeper/w.bin", "./w.bin", "deeper/../w.bin", "link"):
        assert external_bytes("w", {"location": location, "offset": "4"}, folder, 8) == bytes(range(4, 12))
    for entries, message in [
        ({"location": "../secret"}, "location '../secret', leads out of the model's folder: only files inside of it"),
        ({"location": str(tmp_path / "secret")}, "leads out of the model's folder"),
        ({"location": "out"}, "leads out of the model's folder"),
        ({"location": "up/secret"}, "leads out of the model's folder"),
        ({"location": "/dev/zero"}, "leads out of the model's folder"),
        ({"location": "missing"}, "does not exist: check the path"),
        ({"location": "pipe"}, "is no regular file: give the file itself"),
        ({"location": "deeper"}, "is a folder: give the file itself"),
        ({"location": "loop"}, "cannot be read"),
        ({}, "location '', is no file name"),
        ({"location": "a\0b"}, "is no file name"),
        ({"location": "a" * 5000}, "cannot be read"),
        ({"location": "w.bin", "offset": "12"}, "ends at byte 20 (= offset 12 + length 8), but the file has 16 bytes"),
        ({"location": "w.bin", "offset": "-4"}, "has offset '-4', which is no number of bytes"),
        ({"location": "w.bin", "offset": "9" * 5000}, "which is no number of bytes"),
        ({"location": "w.bin", "length": "7"}, "has length 7, but the dims of the tensor need 8 bytes"),
    ]:
        with pytest.raises(ValueError, match=re.escape(message)) as caught:
            external_bytes("w", entries, folder, 8)
        check_sentence(caught.value)


def test_external_data_without_a_path_is_refused():
    w = tensor("w", W, raw_data=b"", data_location=1)
    refused(
        "tensor 'w' has its values in a file of their own: load the model with onnx.load, which reads them, or "
        "give from_model the path of the model",
        graph([node("Conv", "x,w")], typed=[w]),
    )
