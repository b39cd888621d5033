"""TensorFlow's checkpoints: CRC-32C against RFC 3720, and bundles that are written here byte by byte."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from metric.errors import MetricError
from metric.weights.tensor_bundle import crc32c, read_bundle
from tensor_bundle_writer import Files, write_bundle

_TENSORS = {
    "encoder/base/0/bias/.ATTRIBUTES/VARIABLE_VALUE": np.arange(3, dtype=np.float32) / 7,
    "encoder/base/0/kernel/.ATTRIBUTES/VARIABLE_VALUE": np.arange(24, dtype=np.float64).reshape(2, 3, 4),
    "encoder/base/1/half": np.array([[0.5, -2]], dtype=np.float16),
    "save_counter/.ATTRIBUTES/VARIABLE_VALUE": np.array(-5, dtype=np.int64),
    "zero/size": np.zeros((0, 4), dtype=np.int32),
}


def _read(files: Files) -> dict[str, np.ndarray]:
    return read_bundle("weights", files.__getitem__)


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # RFC 3720, Appendix B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_checksums_are_those_of_the_standard(data: bytes, expected: int) -> None:
    assert crc32c(data) == expected


def test_the_checksum_of_long_data_is_that_of_their_bits_one_by_one() -> None:
    data = np.random.default_rng(0).bytes(33_000)  # in parts side by side, and a rest
    register = 0xFFFF_FFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0x82F6_3B78 if register & 1 else 0)
    assert crc32c(data) == register ^ 0xFFFF_FFFF


@pytest.mark.parametrize("keys_a_block", [1, 2, 100])
@pytest.mark.parametrize("shards", [1, 2])
def test_what_was_written_is_read(keys_a_block: int, shards: int) -> None:
    found = _read(write_bundle(_TENSORS, keys_a_block=keys_a_block, shards=shards))
    assert list(found) == sorted(_TENSORS)
    for name, tensor in _TENSORS.items():
        assert found[name].dtype == tensor.dtype
        np.testing.assert_array_equal(found[name], tensor)


def test_texts_are_left_out() -> None:
    assert list(_read(write_bundle({"a": np.ones(2, dtype=np.float32)}, text="_CHECKPOINTABLE_OBJECT_GRAPH"))) == ["a"]


def test_damage_is_refused() -> None:
    files = write_bundle(_TENSORS)
    (data,) = (name for name in files if "data" in name)

    def changed(name: str, position: int) -> Files:
        content = bytearray(files[name])
        content[position] ^= 1
        return files | {name: bytes(content)}

    with pytest.raises(MetricError, match=r'weights.index is not a checkpoint.*"encoder/base/0/bias.* checksum'):
        _read(changed(data, 0))
    with pytest.raises(MetricError, match="a part of its table has another checksum"):
        _read(changed("weights.index", 5))
    with pytest.raises(MetricError, match="does not end as such a table does"):
        _read(changed("weights.index", -1))
    with pytest.raises(MetricError, match="does not end as such a table does"):
        _read(files | {"weights.index": b"short"})
    with pytest.raises(MetricError, match="bytes, too few or too many for"):
        _read(files | {data: files[data][:20]})


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"compression": 1}, "its table is compressed"),
        ({"big_endian": True}, "its numbers are big-endian"),
        ({"type_number": 23}, "of type number 23"),
        ({"header": False}, "it has no header"),
    ],
)
def test_what_tensorflow_does_not_write_is_refused(how: dict[str, int], sentence: str) -> None:
    with pytest.raises(MetricError, match=sentence):
        _read(write_bundle(_TENSORS, **how))  # type: ignore[arg-type]


def test_a_table_that_points_outside_itself_is_refused() -> None:
    footer = bytes([0, 0, 0xFF, 0x7F, 10]).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)
    with pytest.raises(MetricError, match="ends too early or is damaged"):
        _read({"weights.index": footer})
