"""Reading TensorFlow's checkpoint format ("tensor bundle") without TensorFlow.

A bundle is a table of names and a file of numbers. The table, `….index`, is a LevelDB table: blocks of sorted keys
with shared prefixes, then a block that says where these are, then a footer. Its values are protocol buffers,
`BundleEntryProto` of tensorflow/core/protobuf/tensor_bundle.proto: type, shape, and where in which
`….data-SSSSS-of-NNNNN` the numbers are, little-endian and in C order, with their CRC-32C.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from metric.errors import MetricError

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}
_STRING = 7

Array = npt.NDArray[Any]
Words = npt.NDArray[np.uint32]


class _BadBundleError(Exception):
    """Something in the bundle is not as the format says."""


def read_bundle(name: str, read: Callable[[str], bytes]) -> dict[str, Array]:
    """The tensors of a bundle by their full names; texts, such as the graph of objects, are left out.

    Args:
        name: of the bundle, such as `variables/variables`; its files are `NAME.index` and `NAME.data-…`.
        read: the content of a file by its name.

    Raises:
        MetricError: where the bundle is damaged, or made as TensorFlow's own writer does not make it.
    """
    try:
        return _read_bundle(name, read)
    except MetricError:
        raise
    except Exception as error:  # anything may come of a damaged file
        why = str(error) if isinstance(error, _BadBundleError) else "it ends too early or is damaged"
        raise MetricError(f"{name}.index is not a checkpoint of TensorFlow that can be read: {why}.") from error


def _read_bundle(name: str, read: Callable[[str], bytes]) -> dict[str, Array]:
    entries = dict(_read_table(read(f"{name}.index")))
    if b"" not in entries:
        raise _BadBundleError("it has no header")
    header = _read_fields(entries.pop(b""))
    shards = int(header.get(1, [1])[-1])
    if header.get(2, [0])[-1]:
        raise _BadBundleError("its numbers are big-endian")
    content: dict[int, bytes] = {}
    tensors: dict[str, Array] = {}
    for key, value in entries.items():
        entry = _Entry.parse(value)
        if entry.type == _STRING:
            continue
        if entry.shard not in content:
            content[entry.shard] = read(f"{name}.data-{entry.shard:05d}-of-{shards:05d}")
        tensors[key.decode()] = entry.take(key.decode(), content[entry.shard])
    return tensors


@dataclass(frozen=True)
class _Entry:
    type: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int
    slices: list[Any] = field(default_factory=list)

    @classmethod
    def parse(cls, value: bytes) -> _Entry:
        fields = _read_fields(value)

        def number(index: int) -> int:
            return int(fields.get(index, [0])[-1])

        shape = _read_fields(fields.get(2, [b""])[-1])
        sizes = tuple(int(_read_fields(size).get(1, [0])[-1]) for size in shape.get(2, []))
        return cls(number(1), sizes, number(3), number(4), number(5), number(6), fields.get(7, []))

    def take(self, name: str, content: bytes) -> Array:
        if self.type not in _TYPES:
            raise _BadBundleError(f'"{name}" is of type number {self.type}, which is no plain number')
        if self.slices:
            raise _BadBundleError(f'"{name}" is stored in slices')
        kind = np.dtype(_TYPES[self.type])
        data = content[self.offset : self.offset + self.size]
        if len(data) != self.size or self.size != prod(self.shape) * kind.itemsize:
            raise _BadBundleError(f'"{name}" has {len(data)} bytes, too few or too many for {self.shape}')
        if mask(crc32c(data)) != self.checksum:
            raise _BadBundleError(f'"{name}" has another checksum than was written down')
        return np.frombuffer(data, kind).reshape(self.shape).copy()


def _read_table(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a LevelDB table, in their order."""
    footer = table[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise _BadBundleError("it does not end as such a table does")
    _, _, position = _read_handle(footer, 0)
    start, size, _ = _read_handle(footer, position)
    for _, handle in _read_block(table, start, size):
        yield from _read_block(table, *_read_handle(handle, 0)[:2])


def _read_block(table: bytes, start: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    block, trailer = table[start : start + size], table[start + size : start + size + 5]
    compression, checksum = struct.unpack("<BI", trailer)
    if compression:
        raise _BadBundleError("its table is compressed")
    if mask(crc32c(block + trailer[:1])) != checksum:
        raise _BadBundleError("a part of its table has another checksum than was written down")
    restarts = struct.unpack("<I", block[-4:])[0]
    end = len(block) - 4 * (restarts + 1)
    position, key = 0, b""
    while position < end:
        shared, position = _read_varint(block, position)
        unshared, position = _read_varint(block, position)
        length, position = _read_varint(block, position)
        key = key[:shared] + block[position : position + unshared]
        position += unshared
        yield key, block[position : position + length]
        position += length


def _read_handle(data: bytes, position: int) -> tuple[int, int, int]:
    """Offset and size of a block, and the position after them."""
    offset, position = _read_varint(data, position)
    size, position = _read_varint(data, position)
    return offset, size, position


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def _read_fields(message: bytes) -> dict[int, list[Any]]:
    """The fields of a protocol buffer by number: integers, and bytes for what is nested."""
    fields: dict[int, list[Any]] = {}
    position = 0
    while position < len(message):
        tag, position = _read_varint(message, position)
        value: int | bytes
        match tag & 7:
            case 0:
                value, position = _read_varint(message, position)
            case 1 | 5 as width:
                size, code = (8, "<Q") if width == 1 else (4, "<I")
                value = struct.unpack(code, message[position : position + size])[0]
                position += size
            case 2:
                size, position = _read_varint(message, position)
                value = message[position : position + size]
                position += size
            case other:
                raise _BadBundleError(f"it has a field of kind {other}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _crc_table() -> Words:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = table >> np.uint32(1) ^ (table & np.uint32(1)) * np.uint32(0x82F63B78)
    return table


def _past_zeros(count: int) -> Words:
    """`(4, 256)`: what each value of each byte of a register, the lowest first, becomes behind so many bytes of 0."""
    registers: Words = np.stack([np.arange(256, dtype=np.uint32) << np.uint32(8 * byte) for byte in range(4)])
    for _ in range(count):
        registers = _CRC_TABLE[registers & 0xFF] ^ registers >> 8
    return registers


_CRC_TABLE = _crc_table()
_PART = 512
"""Bytes of a part; parts of long data are gone through side by side."""

_FEWEST_PARTS = 64
_PAST_A_PART = _past_zeros(_PART).tolist()


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli) of `data`; RFC 3720, Appendix B.4 has examples.

    >>> hex(crc32c(bytes(32)))
    '0x8a9136aa'
    """
    parts = len(data) // _PART
    if parts < _FEWEST_PARTS:
        parts = 0
    rest = len(data) - parts * _PART
    table, crc = _CRC_TABLE.tolist(), 0xFFFF_FFFF
    for byte in data[:rest]:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    registers = np.zeros(parts, np.uint32)
    for column in np.frombuffer(data, np.uint8, offset=rest).reshape(parts, _PART).T if parts else ():
        registers = _CRC_TABLE[(registers ^ column) & 0xFF] ^ registers >> 8
    # What a register becomes behind the next part is what it becomes behind zeros, and what the part makes of zeros.
    first, second, third, fourth = _PAST_A_PART
    for register in registers.tolist():
        crc = first[crc & 0xFF] ^ second[crc >> 8 & 0xFF] ^ third[crc >> 16 & 0xFF] ^ fourth[crc >> 24] ^ register
    return crc ^ 0xFFFF_FFFF


def mask(crc: int) -> int:
    """A checksum as LevelDB writes it down: rotated and shifted, so that a checksum of checksums is no trivial one."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFF_FFFF
