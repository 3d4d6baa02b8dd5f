# SPDX-License-Identifier: MIT
"""Writes bytes of the formats that the program reads, right or with the fault of a seed: IDX, .npy, WAD, safetensors."""
import gzip
import io
import json
import struct


def idx(kind: int, sizes: tuple[int, ...], values: bytes) -> bytes:
    return bytes([0, 0, kind, len(sizes)]) + b"".join(struct.pack(">I", n) for n in sizes) + values


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as file:
        file.write(data)
    return out.getvalue()


def npy(header: str, values: bytes, version: int = 1, length: int | None = None) -> bytes:
    text = header.encode("latin-1")
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    n = len(text) if length is None else length
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", n) + text + values


def wad(lumps: list[tuple[str, bytes]], kind: bytes = b"PWAD", count: int | None = None) -> bytes:
    body, entries = b"", b""
    for name, data in lumps:
        entries += struct.pack("<II8s", 12 + len(body), len(data), name.encode())
        body += data
    return kind + struct.pack("<II", len(lumps) if count is None else count, 12 + len(body)) + body + entries


def patch(w: int, h: int) -> bytes:
    """All columns are one."""
    column = bytes([0, h, 0]) + bytes((i * 9) % 256 for i in range(h)) + b"\0\xff"
    return struct.pack("<HHhh", w, h, 0, 0) + struct.pack("<I", 8 + 4 * w) * w + column


def texture(name: str, w: int, h: int, parts: list[tuple[int, int, int]]) -> bytes:
    head = struct.pack("<8sIHHIH", name.encode(), 0, w, h, 0, len(parts))
    return head + b"".join(struct.pack("<hhHHH", x, y, n, 1, 0) for x, y, n in parts)


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def safetensors(texts: dict[str, str], tensors: list[tuple[str, str, list[int], bytes]]) -> bytes:
    data = b"".join(t[3] for t in tensors)
    header: dict[str, object] = {"__metadata__": {"vae.crc32c": f"{crc32c(data):08x}", **texts}}
    at = 0
    for name, dtype, shape, values in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(values)]}
        at += len(values)
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def floats(n: int, first: float = 0.25) -> bytes:
    return struct.pack(f"<{n}f", *(first + 0.125 * i for i in range(n)))
