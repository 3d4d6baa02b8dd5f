# SPDX-License-Identifier: MIT
"""The seeds of the target `picture`: PNG files that this script makes, and changes of JPEG files that libjpeg wrote."""
import os
import struct
import zlib

from corpus_put import ROOT, put


# ---- PNG -------------------------------------------------------------------------------------------------------------
SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind: bytes, data: bytes = b"", crc: int | None = None, length: int | None = None) -> bytes:
    right = zlib.crc32(kind + data)
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(
        ">I", right if crc is None else crc)


def ihdr(w: int = 4, h: int = 4, depth: int = 8, colour: int = 0, comp: int = 0, filt: int = 0, lace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, depth, colour, comp, filt, lace))


def rows(w: int, h: int, depth: int, colour: int, filt: int = 0, top: int = 0) -> bytes:
    n = (w * CHANNELS.get(colour, 1) * depth + 7) // 8
    return b"".join(bytes([filt]) + bytes((y * 37 + x * 11) % (top or 256) for x in range(n)) for y in range(h))


def pack(raw: bytes) -> bytes:
    return zlib.compress(raw, 9)


IEND = chunk(b"IEND")
GREY = pack(rows(4, 4, 8, 0))
PLTE = chunk(b"PLTE", bytes(range(48)))


def png(*parts: bytes) -> bytes:
    return SIGNATURE + b"".join(parts)


def picture(name: str, verdict: str, *parts: bytes) -> None:
    put("picture", f"{name}.{verdict}", png(*parts))


def idat(data: bytes) -> bytes:
    return chunk(b"IDAT", data)


def deflate(bits: str) -> bytes:
    """A zlib stream whose deflate bits are given in the order they are read."""
    bits += "0" * (-len(bits) % 8)
    body = bytes(int(bits[i:i + 8][::-1], 2) for i in range(0, len(bits), 8))
    return b"\x78\x9c" + body + struct.pack(">I", 1)


def png_colours() -> None:
    legal = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for colour, depths in legal.items():
        for depth in depths:
            middle = [PLTE] if colour == 3 and depth < 8 else [chunk(b"PLTE", bytes(768))] if colour == 3 else []
            if colour == 3 and depth < 4:
                middle = [chunk(b"PLTE", bytes(range(3 << depth)))]
            raw = rows(4, 4, depth, colour)
            name = "PN22-16-bits" if depth == 16 else "PN00-colour"
            picture(f"{name}-{colour}-depth-{depth}", "good", ihdr(4, 4, depth, colour), *middle, idat(pack(raw)), IEND)
    illegal = [(2, 1), (2, 4), (3, 16), (4, 1), (4, 4), (6, 2), (6, 4), (1, 8), (5, 8), (7, 8), (0, 0), (0, 3), (0, 17)]
    for colour, depth in illegal:
        picture(f"PN06-colour-{colour}-depth-{depth}", "bad", ihdr(4, 4, depth, colour), PLTE, idat(GREY), IEND)
    grey = (ihdr(), idat(GREY), IEND)
    picture("PN06-colour-9", "bad", ihdr(4, 4, 8, 9), idat(GREY), IEND)
    picture("PN12-grey-with-trns", "good", ihdr(), chunk(b"tRNS", b"\0\x0b"), *grey[1:])
    palette = pack(rows(4, 4, 8, 3, top=16))
    picture("PN12-palette-with-trns", "good", ihdr(colour=3), PLTE, chunk(b"tRNS", bytes(16)), idat(palette), IEND)
    for filt in range(1, 5):
        picture(f"PN18-filter-{filt}", "good", ihdr(), idat(pack(rows(4, 4, 8, 0, filt))), IEND)
    laced = b"".join(rows(w, h, 8, 0) for w, h in ((1, 1), (1, 1), (2, 1), (2, 2), (4, 2)))
    picture("PN07-adam7", "good", ihdr(lace=1), idat(pack(laced)), IEND)


def png_structure() -> None:
    good = ihdr() + idat(GREY) + IEND
    put("picture", "PN01-signature.bad", b"\x89PNG\r\n\x1a\r" + good)
    put("picture", "PN01-signature-alone.bad", SIGNATURE)
    picture("PN03-idat-first", "bad", idat(GREY), ihdr(), IEND)
    picture("PN03-ihdr-twice", "bad", ihdr(), ihdr(), idat(GREY), IEND)
    picture("PN03-ihdr-of-12", "bad", chunk(b"IHDR", bytes(12)), idat(GREY), IEND)
    for w, h in ((0, 4), (4, 0), (2**31, 1), (2**32 - 1, 1), (16385, 1), (1, 16385)):
        picture(f"PN04-{w}x{h}", "bad", ihdr(w, h), idat(GREY), IEND)
    picture("PN05-product", "bad", ihdr(16384, 16384, 16, 6), idat(GREY), IEND)
    picture("PN07-compression", "bad", ihdr(comp=1), idat(GREY), IEND)
    picture("PN07-filter", "bad", ihdr(filt=1), idat(GREY), IEND)
    picture("PN07-interlace", "bad", ihdr(lace=2), idat(GREY), IEND)
    picture("PN08-length-2-31", "bad", ihdr(), chunk(b"IDAT", GREY, length=2**31), IEND)
    picture("PN08-length-past-the-end", "bad", ihdr(), chunk(b"IDAT", GREY, length=5000), IEND)
    picture("PN09-crc-of-ihdr", "bad", ihdr()[:-1] + b"\0", idat(GREY), IEND)
    picture("PN09-crc-of-idat", "bad", ihdr(), chunk(b"IDAT", GREY, crc=1), IEND)
    picture("PN10-type-of-digits", "bad", ihdr(), chunk(b"1DAT", b"x"), idat(GREY), IEND)
    picture("PN10-unknown-critical", "bad", ihdr(), chunk(b"ABCD", b"x"), idat(GREY), IEND)
    picture("PN10-cgbi", "bad", chunk(b"CgBI", bytes(4)), ihdr(), idat(GREY), IEND)
    picture("PN10-unknown-ancillary", "good", ihdr(), chunk(b"abCd", b"x"), idat(GREY), IEND)
    picture("PN11-no-palette", "bad", ihdr(colour=3), idat(GREY), IEND)
    picture("PN11-palette-of-4-bytes", "bad", ihdr(colour=3), chunk(b"PLTE", bytes(4)), idat(GREY), IEND)
    picture("PN11-palette-of-257", "bad", ihdr(colour=3), chunk(b"PLTE", bytes(771)), idat(GREY), IEND)
    picture("PN11-palette-behind", "bad", ihdr(colour=3), idat(GREY), PLTE, IEND)
    picture("PN12-trns-of-3", "seed", ihdr(), chunk(b"tRNS", bytes(3)), idat(GREY), IEND)
    picture("PN12-trns-before-palette", "seed", ihdr(colour=3), chunk(b"tRNS", bytes(3)), PLTE, idat(GREY), IEND)
    picture("PN13-no-idat", "bad", ihdr(), IEND)
    picture("PN13-idat-in-two", "good", ihdr(), idat(GREY[:5]), idat(GREY[5:]), IEND)
    picture("PN13-idat-apart", "seed", ihdr(), idat(GREY[:5]), chunk(b"tEXt", b"a\0b"), idat(GREY[5:]), IEND)
    picture("PN20-index-past-the-palette", "seed", ihdr(colour=3), PLTE, idat(pack(b"\0\xff\xff\xff\xff" * 4)), IEND)
    picture("PN21-no-iend", "bad", ihdr(), idat(GREY))
    frame = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 4, 4, 0, 0, 1, 1, 0, 0))
    picture("PN23-animated", "good", ihdr(), frame, idat(GREY), chunk(b"fdAT", bytes(4) + GREY), IEND)
    picture("PN24-1x2-31", "bad", ihdr(1, 2**31 - 1), idat(GREY), IEND)
    picture("PN24-2-31x1", "bad", ihdr(2**31 - 1, 1), idat(GREY), IEND)
    bomb = zlib.compress(zlib.compress(bytes(1 << 24), 9), 9)
    picture("PN25-ztxt", "good", ihdr(), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20), 9)), idat(GREY), IEND)
    picture("PN25-iccp", "seed", ihdr(), chunk(b"iCCP", b"a\0\0" + bomb), idat(GREY), IEND)


def png_stream() -> None:
    raw = rows(4, 4, 8, 0)
    for name, stream in {
            "PN14-method-7": b"\x77" + bytes([31 - 0x7700 % 31]) + GREY[2:],
            "PN14-fcheck": b"\x78\x00" + GREY[2:],
            "PN14-fdict": b"\x78\xbb" + GREY[2:],
            "PN14-window-64K": b"\x88\x1c" + GREY[2:],
            "PN15-block-type-3": deflate("111"),
            "PN15-stored-length": b"\x78\x01\x01\x14\x00\x14\x00" + raw,
            "PN15-code-286": deflate("110" + "11000110" + "0000000"),
            "PN15-distance-30": deflate("110" + "0000001" + "11110" + "0000000"),
            "PN15-distance-before-the-start": deflate("110" + "0000001" + "00000" + "0000000"),
            "PN15-over-subscribed": deflate("101" + "00000" + "00000" + "0000" + "100100100100" + "0" * 40),
            "PN16-short": pack(raw[:-3]),
            "PN18-filter-5": pack(rows(4, 4, 8, 0, 5)),
            "PN18-filter-255": pack(rows(4, 4, 8, 0, 255)),
    }.items():
        picture(name, "bad", ihdr(), idat(stream), IEND)
    picture("PN17-long", "seed", ihdr(), idat(pack(raw + bytes(999))), IEND)
    picture("PN19-adler", "seed", ihdr(), idat(GREY[:-1] + bytes([GREY[-1] ^ 1])), IEND)
    # stored, so that changes of single bytes are changes of pixels
    picture("PN00-stored", "good", ihdr(), idat(zlib.compress(raw, 0)), IEND)


# ---- JPEG, from two of libjpeg's own --------------------------------------------------------------------------------------
def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def exif(order: str, entries: list[tuple[int, int, int]], folder: int = 8, count: int | None = None) -> bytes:
    """A segment of camera's notes: entries of tag, type, value."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", folder)
    body = struct.pack(order + "H", len(entries) if count is None else count)
    for tag, kind, value in entries:
        body += struct.pack(order + "HHIHH", tag, kind, 1, value, 0)
    return segment(0xE1, b"Exif\0\0" + head + body)


def jpeg(name: str = "JP00-grey.good") -> bytes:
    with open(os.path.join(ROOT, "picture", name), "rb") as file:
        return file.read()


def jpeg_files() -> None:
    grey, progressive = jpeg(), jpeg("JP00-progressive.good")
    frame, scan, at = grey.index(b"\xff\xc0"), grey.index(b"\xff\xda"), progressive.index(b"\xff\xc2")
    first = progressive.index(b"\xff\xda")
    behind = progressive.index(b"\xff\xc4", first)
    with_notes = lambda *parts: grey[:2] + b"".join(parts) + grey[2:]
    orientation = 0x0112
    cases = {f"JP03-turned-{i}.good": with_notes(exif("<" if i % 2 else ">", [(orientation, 3, i)])) for i in range(10)}
    cases |= {
        "JP03-second-entry.good": with_notes(exif("<", [(0x0100, 3, 4), (orientation, 4, 6), (orientation, 3, 6)])),
        "JP03-more-entries-than-bytes.good": with_notes(exif(">", [(0x0100, 3, 4)], count=500)),
        "JP03-folder-past-the-end.good": with_notes(exif("<", [(orientation, 3, 6)], folder=2**31)),
        "JP03-folder-at-the-end.good": with_notes(exif("<", [(orientation, 3, 6)], folder=21)),
        "JP03-short-notes.good": with_notes(segment(0xE1, b"Exif\0\0II")),
        "JP03-other-notes.good": with_notes(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>")),
        "JP03-two-notes.good": with_notes(exif("<", [(orientation, 3, 8)]), exif("<", [(orientation, 3, 3)])),
        "JP04-two-components.bad": grey[:frame] + segment(0xC0, b"\x08\0 \0 \2\1\x11\0\2\x11\0") + grey[frame + 13:],
        "JP04-12-bits.bad": grey[:frame + 4] + b"\x0c" + grey[frame + 5:],
        "JP04-lossless.bad": grey[:frame + 1] + b"\xc3" + grey[frame + 2:],
        "JP05-side.bad": grey[:frame + 5] + struct.pack(">HH", 16385, 1) + grey[frame + 9:],
        "JP05-above-the-limit-of-libjpeg.bad": grey[:frame + 5] + b"\xff\xff\xff\xff" + grey[frame + 9:],
        "JP05-progressive-area.bad": progressive[:at + 5] + struct.pack(">HH", 8000, 8000) + progressive[at + 9:],
        "JP06-many-scans.bad": progressive[:first] + progressive[first:behind] * 110 + progressive[behind:],
        "JP07-end-within-the-scan.bad": grey[:scan + 14] + b"\xff\xd9" + grey[scan + 14:],
        "JP07-bytes-between-segments.good": grey[:frame] + b"\1\2\3" + grey[frame:],
    }
    for name, data in cases.items():
        put("picture", name, data)
