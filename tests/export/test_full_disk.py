"""A disk that is full is named as such, and what was there before the export stays whole."""

import errno
import re
import subprocess
import sys

import numpy as np
import pytest

from convmatrix import Conv
from convmatrix.export import export, export_blocks, replacing

LAYER = Conv(64, 3)
WEIGHT = np.random.default_rng(0).random((3, 3))
FULL = "the disk is full ("


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 16 KiB, where one can be mounted."""
    if not sys.platform.startswith("linux"):
        pytest.skip("disks are mounted as on Linux")
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("ending", [".npz", ".mtx", ".mat", ".csv", ".json", ".npy"])
def test_a_full_disk_is_named(small_disk, ending):
    target = small_disk / f"C{ending}"
    target.write_text("before")
    with pytest.raises(
        OSError, match=f"^cannot write {re.escape(str(target))}: {re.escape(FULL)}.*make room, or give"
    ) as caught:
        export(LAYER.matrix(WEIGHT), target, layer=LAYER)
    assert caught.value.errno == errno.ENOSPC
    assert target.read_text() == "before"
    assert [*small_disk.iterdir()] == [target]


def test_a_full_disk_is_named_in_an_export_of_blocks(small_disk):
    with pytest.raises(OSError, match=re.escape(FULL)):
        export_blocks(LAYER, small_disk / "C.blocks", WEIGHT, rows=500)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FULL + "No space left on device): make room"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), FULL + "Disk quota exceeded): make room"),
        (
            OSError("Not enough free space to write 8 bytes"),
            FULL + "Not enough free space to write 8 bytes): make room",
        ),
        (OSError("131072 requested and 32640 written"), FULL + "131072 requested and 32640 written): make room"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError("some other reason"), "some other reason"),
    ],
    ids=str,
)
def test_the_reason_is_that_of_the_system(tmp_path, error, reason):
    with pytest.raises(OSError, match=f"^cannot write .*: {re.escape(reason)}"), replacing(tmp_path / "C.txt"):
        raise error
    assert not [*tmp_path.iterdir()]
