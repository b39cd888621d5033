"""Writes a checkpoint as TensorFlow lays it out, from the description of the format, for tests."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from metric.weights.tensor_bundle import crc32c

Files = dict[str, bytes]

_TYPE_NUMBERS = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "float16": 19}


def write_bundle(
    tensors: Mapping[str, npt.NDArray[np.generic]],
    name: str = "weights",
    *,
    shards: int = 1,
    keys_a_block: int = 3,
    text: str = "",
    compression: int = 0,
    big_endian: bool = False,
    type_number: int = 0,
    header: bool = True,
) -> Files:
    """Name of a file → its content; `text` is the name of an entry that is no array."""
    data = [b""] * shards
    entries: list[tuple[bytes, bytes]] = []
    if header:
        entries.append((b"", _number(1, shards) + (_number(2, 1) if big_endian else b"") + _bytes(3, _number(1, 1))))
    if text:
        entries.append((text.encode(), _number(1, 7) + _number(5, 4)))
    for index, key in enumerate(sorted(tensors)):
        array, shard = tensors[key], index % shards
        content = array.tobytes()
        shape = b"".join(_bytes(2, _number(1, size)) for size in array.shape)
        entry = _number(1, type_number or _TYPE_NUMBERS[array.dtype.name]) + _bytes(2, shape)
        # Zeros are not written down, as protocol buffers have it.
        entry += _number(3, shard) if shard else b""
        entry += _number(4, len(data[shard])) if data[shard] else b""
        entry += _number(5, len(content)) + _varint(6 << 3 | 5) + struct.pack("<I", _masked(content))
        entries.append((key.encode(), entry))
        data[shard] += content
    files = {f"{name}.data-{shard:05d}-of-{shards:05d}": content for shard, content in enumerate(data)}
    return files | {f"{name}.index": _table(entries, keys_a_block, compression)}


def _table(entries: list[tuple[bytes, bytes]], keys_a_block: int, compression: int) -> bytes:
    table, index = b"", []
    for first in range(0, len(entries), keys_a_block):
        some = entries[first : first + keys_a_block]
        block = _block(some, compression)
        index.append((some[-1][0] + b"~", _varint(len(table)) + _varint(len(block) - 5)))
        table += block
    footer = b""
    for block in (_block([], 0), _block(index, 0)):
        footer += _varint(len(table)) + _varint(len(block) - 5)
        table += block
    return table + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def _block(entries: list[tuple[bytes, bytes]], compression: int) -> bytes:
    block, last = b"", b""
    for key, value in entries:
        shared = 0
        while shared < min(len(key), len(last)) and key[shared] == last[shared]:
            shared += 1
        block += _varint(shared) + _varint(len(key) - shared) + _varint(len(value)) + key[shared:] + value
        last = key
    block += struct.pack("<II", 0, 1)  # one restart, at the beginning
    return block + bytes([compression]) + struct.pack("<I", _masked(block + bytes([compression])))


def _masked(content: bytes) -> int:
    checksum = crc32c(content)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value
