# SPDX-License-Identifier: MIT
"""Makes right and wrong files of examples, with the standard library only: PNG of every kind, NumPy arrays, IDX, WAD."""
import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(name, data=b"", crc=None):
    crc = zlib.crc32(name + data) if crc is None else crc
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)


def head(w, h, depth=8, colour=2, interlace=0, compression=0, filters=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, compression, filters, interlace))


def packed(values, depth):
    """A row of values of 1 to 16 bits as bytes."""
    if depth == 16:
        return b"".join(struct.pack(">H", v) for v in values)
    if depth == 8:
        return bytes(values)
    bits = "".join(format(v, "0%db" % depth) for v in values)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def filtered(row, before, kind, width):
    """PNG's five filters; width is the bytes of a pixel."""
    def paeth(a, b, c):
        p = a + b - c
        near = sorted((abs(p - v), i) for i, v in enumerate((a, b, c)))
        return (a, b, c)[near[0][1]]
    out = []
    for i, value in enumerate(row):
        a = row[i - width] if i >= width else 0
        b = before[i]
        c = before[i - width] if i >= width else 0
        out.append((value - (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]) & 255)
    return bytes([kind]) + bytes(out)


ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def raw_rows(pixels, depth, colour, interlace, filters=None):
    """The bytes that a PNG deflates: pixels[y][x] are tuples of values."""
    raw = b""
    for left, top, dx, dy in ADAM7 if interlace else ((0, 0, 1, 1),):
        part = [row[left::dx] for row in pixels[top::dy]]
        if not part or not part[0]:
            continue
        before = bytes(len(packed([v for p in part[0] for v in p], depth)))
        width = max(1, depth * CHANNELS[colour] // 8)
        for y, row in enumerate(part):
            line = packed([v for p in row for v in p], depth)
            raw += filtered(line, before, y % 5 if filters is None else filters, width)
            before = line
    return raw


def png(pixels, depth=8, colour=2, interlace=0, palette=None, transparent=None, pieces=1, before=b"", after=b"", end=True):
    data = zlib.compress(raw_rows(pixels, depth, colour, interlace))
    size = max(1, -(-len(data) // pieces))
    out = SIGNATURE + head(len(pixels[0]), len(pixels), depth, colour, interlace) + before
    if palette:
        out += chunk(b"PLTE", b"".join(bytes(c) for c in palette))
    if transparent is not None:
        out += chunk(b"tRNS", transparent)
    for i in range(0, len(data), size):
        out += chunk(b"IDAT", data[i:i + size])
    return out + after + (chunk(b"IEND") if end else b"")


def pattern(w, h, depth, colour, colours=None):
    """Pixels that differ from place to place, of all values that the depth has."""
    most = (1 << depth) - 1 if colours is None else colours - 1
    step = max(1, most // 13)
    return [[tuple((x * (3 + k) + y * (5 - k) + k) * step % (most + 1) for k in range(CHANNELS[colour])) for x in range(w)]
            for y in range(h)]


def shown(pixels, depth, colour, palette=None, alphas=None, key=None, background=(255, 255, 255)):
    """What a reader is to make of them: red, green and blue from 0 to 1, over the background."""
    most = (1 << depth) - 1
    out = []
    for pixel in (p for row in pixels for p in row):
        alpha = 1.0
        if colour == 3:
            rgb = [v / 255 for v in palette[pixel[0]]]
            alpha = alphas[pixel[0]] / 255 if alphas and pixel[0] < len(alphas) else 1.0
        elif colour in (0, 4):
            rgb = [pixel[0] / most] * 3
        else:
            rgb = [v / most for v in pixel[:3]]
        if colour in (4, 6):
            alpha = pixel[-1] / most
        if key is not None and tuple(pixel) == tuple(key):
            alpha = 0.0
        out += [alpha * v + (1 - alpha) * b / 255 for v, b in zip(rgb, background)]
    return out


def npy(shape, values=b"", descr="'|u1'", order="False", version=1):
    text = "{'descr': %s, 'fortran_order': %s, 'shape': (%s), }" % (descr, order, "".join("%d, " % n for n in shape))
    text = text.encode("latin-1")
    text += b" " * (-(len(text) + 11 + 2 * (version > 1)) % 64) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + values


def idx(sizes, values, kind=8):
    return struct.pack(">BBBB", 0, 0, kind, len(sizes)) + b"".join(struct.pack(">I", n) for n in sizes) + values


def wad(lumps):
    """An archive of (name, bytes)."""
    body, directory, at = b"", b"", 12
    for name, data in lumps:
        directory += struct.pack("<II", at if data else 0, len(data)) + name.ljust(8, b"\0")
        body += data
        at += len(data)
    return b"PWAD" + struct.pack("<II", len(lumps), 12 + len(body)) + body + directory


def patch_bomb(copies, side, drawn):
    """A WAD of one small texture that draws many large empty patches, of which a file may hold one under many names."""
    column = b"\xff"
    first = 8 + 4 * side
    patch = struct.pack("<HHHH", side, side, 0, 0) + struct.pack("<I", first) * side + column
    names = struct.pack("<I", copies) + b"".join(b"P%d" % i + b"\0" * (8 - len(b"P%d" % i)) for i in range(copies))
    places = b"".join(struct.pack("<hhHHH", 0, 0, i % copies, 0, 0) for i in range(drawn))
    texture = b"BOMB\0\0\0\0" + struct.pack("<IhhIh", 0, 64, 64, 0, drawn) + places
    lumps = [(b"PLAYPAL", bytes(768)), (b"PNAMES", names), (b"TEXTURE1", struct.pack("<II", 1, 8) + texture)]
    shared = wad(lumps + [(b"P0", patch)])
    at = shared.rindex(b"P0\0\0\0\0\0\0")
    entry = shared[at - 8:at]
    more = b"".join(entry + (b"P%d" % i).ljust(8, b"\0") for i in range(1, copies))
    return shared[:4] + struct.pack("<I", len(lumps) + copies) + shared[8:] + more
