# SPDX-License-Identifier: MIT
"""Runs the vae program on files of data. Each file must give the right values, or exit code 3 and a sentence, within a second of
processor time and 256 MiB. Prints a line for each case that fails and ends with "N passed, N failed"."""
import array
import gzip
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

import data_files as f
import data_more

VAE = os.environ["VAE"]
HERE = os.path.dirname(os.path.abspath(__file__))
MOST_BYTES, MOST_SECONDS = 256 << 20, 1.0
passed = failed = 0


def report(name, wrong):
    global passed, failed
    if wrong:
        failed += 1
        print("not ok %s: %s" % (name, wrong))
    else:
        passed += 1


def limit():
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))


class Run:
    """One call of the program and what it took."""
    def __init__(self, *args, env=None):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen([VAE, *args], stdin=subprocess.DEVNULL, stdout=out, stderr=err, preexec_fn=limit,
                                     env=dict(os.environ, **(env or {})))
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.code = child.returncode
            self.seconds = usage.ru_utime + usage.ru_stime
            self.bytes = usage.ru_maxrss * 1024
            out.seek(0)
            err.seek(0)
            self.out, self.err = out.read(), err.read()

    def wrong(self, code, words=None):
        text = (self.out + self.err).decode("utf-8", "replace")
        if self.code != code:
            return "exit code %d, wanted %d: %s" % (self.code, code, text.strip())
        if words and not re.search(words, text):
            return "no \"%s\" in: %s" % (words, text.strip())
        if self.seconds > MOST_SECONDS or self.bytes > MOST_BYTES:
            return "%.2f seconds, %d MiB" % (self.seconds, self.bytes >> 20)
        bare = [b for b in self.out + self.err if b < 32 and b != 10 or b == 127]
        return "control characters in the output" if bare else None


def write(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def values(path):
    """The values of an array that the program wrote."""
    with open(path, "rb") as file:
        data = file.read()
    start = 10 + struct.unpack("<H", data[8:10])[0]
    return array.array("i" if b"<i4" in data[:start] else "f", data[start:])


def encode(model, source, *more):
    return Run("encode", model, source, "-o", "z.npy", "-f", "--split", "train", "--threads", "1", *more)


def refused(name, source, words, model="colour", more=()):
    report(name, encode(model, source, *more).wrong(3, words))


def taken(name, source, words=None, model="colour", more=()):
    run = encode(model, source, *more)
    report(name, run.wrong(0, words))
    return values("z.npy") if run.code == 0 else None


def make_model(name, h, w, c):
    """A model whose latent is the example itself, in PyTorch's order, [C, H, W]."""
    text = "input %dx%dx%d\nencoder flatten\nlatent none\ndecoder reshape %dx%dx%d\nlikelihood gaussian\n"
    write(name + ".txt", (text % (h, w, c, h, w, c)).encode())
    run = Run("train", "shapes:2", "--model", name + ".txt", "--steps", "1", "-q", "-o", name)
    report("a model of %dx%dx%d" % (h, w, c), run.wrong(0))


def planar(rgb, c=3):
    return [v for k in range(c) for v in rgb[k::c]]


def compare(name, got, want, slack):
    if got is None or len(got) != len(want):
        return report(name, "no values, or others than %d" % len(want))
    worst = max(abs(a - b) for a, b in zip(got, want))
    report(name, "differs by %g" % worst if worst > slack else None)


# ---- PNG --------------------------------------------------------------------------------------------------------------

PALETTE = [(i * 16, 255 - i * 13, i * 7 % 256) for i in range(16)]


def good_pngs():
    """(name, file, red, green and blue), all 32x32: each colour type, depth, filter, interlaced and not, with and without
    transparency."""
    for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4, 8)), (4, (8, 16)), (6, (8, 16))):
        for depth in depths:
            colours = min(16, 1 << depth) if colour == 3 else None
            pixels = f.pattern(32, 32, depth, colour, colours)
            palette = PALETTE[:colours] if colour == 3 else None
            for interlace in (0, 1):
                name = "%d_%02d_%d" % (colour, depth, interlace)
                yield (name, f.png(pixels, depth, colour, interlace, palette), f.shown(pixels, depth, colour, palette))
            if colour == 3:
                alphas = bytes([0, 128, 200][:colours])
                yield (name + "_clear", f.png(pixels, depth, 3, 0, palette, alphas),
                       f.shown(pixels, depth, 3, palette, alphas))
            if colour in (0, 2):
                key = pixels[3][4]
                yield (name + "_key", f.png(pixels, depth, colour, 0, None, struct.pack(">%dH" % len(key), *key)),
                       f.shown(pixels, depth, colour, key=key))
    pixels = f.pattern(32, 32, 8, 2)
    ground = f.shown(pixels, 8, 2)
    text = f.chunk(b"tEXt", b"Comment\0" + bytes(1000)) + f.chunk(b"gAMA", struct.pack(">I", 20000))
    bomb = f.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(1 << 24))) + \
        f.chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(1 << 24)))
    yield ("pieces_1", f.png(pixels, pieces=400), ground)
    yield ("text", f.png(pixels, before=text), ground)
    yield ("text_bombs", f.png(pixels, before=bomb), ground)
    yield ("long_text", f.png(pixels, before=f.chunk(b"tEXt", b"Comment\0" + bytes(10 << 20))), ground)
    yield ("unknown", f.png(pixels, before=f.chunk(b"prVt", b"x" * 9), after=f.chunk(b"tIME", bytes(7))), ground)
    yield ("trailing", f.png(pixels) + b"more", ground)
    yield ("animated", f.png(pixels, before=f.chunk(b"acTL", struct.pack(">II", 1, 0)),
                             after=f.chunk(b"fdAT", bytes(30))), ground)


def check_good_pngs():
    names, want = [], []
    for name, data, rgb in good_pngs():
        write("good/%s.png" % name, data)
        names.append((name, rgb))
    got = taken("valid PNG files are read", "good")
    for i, (name, rgb) in enumerate(sorted(names)):
        compare("png %s" % name, got and got[i * 3072:(i + 1) * 3072], planar(rgb), 0.5 / 255 + 1e-4)
    write("over/a.png", f.png(f.pattern(32, 32, 8, 6), colour=6))
    write("over/b.png", f.png(f.pattern(32, 32, 8, 4), colour=4))
    for word, colour in (("black", (0, 0, 0)), ("#20C040", (32, 192, 64)), ("#f0A", (255, 0, 170)), ("white", (255,) * 3)):
        got = taken("pictures over %s" % word, "over", more=("--background", word))
        want = planar(f.shown(f.pattern(32, 32, 8, 6), 8, 6, background=colour)) + \
            planar(f.shown(f.pattern(32, 32, 8, 4), 8, 4, background=colour))
        compare("pixels over %s" % word, got, want, 0.5 / 255 + 1e-4)
    report("no such colour", encode("colour", "over", "--background", "whit").wrong(2, "did you mean white"))
    rows = (b"\0" + bytes(4096 // 8)) * 16384
    write("large.png", f.SIGNATURE + f.head(4096, 16384, 1, 0) + f.chunk(b"IDAT", zlib.compress(rows, 1)) + f.chunk(b"IEND"))
    run = encode("colour", "large.png")
    report("a large PNG is read row by row", run.wrong(0) if run.seconds < 1 else run.code)
    report("it takes little memory", "%d MiB" % (run.bytes >> 20) if run.bytes > 64 << 20 else None)
    large = f.SIGNATURE + f.head(16384, 4096, 8, 6, 1) + f.chunk(b"IDAT", zlib.compress(bytes(99))) + f.chunk(b"IEND")
    refused("a large interlaced PNG", write("large.png", large), "an interlaced PNG of 16384x4096 pixels, at most 134217728 bytes")
    for side in range(1, 10):
        for interlace in (0, 1):
            write("sizes/%d_%d.png" % (side, interlace), f.png(f.pattern(side, 10 - side, 1, 0), 1, 0, interlace))
    taken("small PNG files are read", "sizes", "18 pictures of .* are made 32x32 colour, as the model wants")
    taken("transparency is told", "good", "laid over #ffffff where transparent")


def bad_pngs():
    """(name, file, pattern)"""
    pixels = f.pattern(32, 32, 8, 2)
    good, raw = f.png(pixels), f.raw_rows(pixels, 8, 2, 0)
    S, end = f.SIGNATURE, f.chunk(b"IEND")

    def with_idat(data, head=f.head(32, 32)):
        return S + head + f.chunk(b"IDAT", data) + end
    idat = zlib.compress(raw)
    yield "signature", b"\x89PNG\r\n\x1a\r" + good[8:], "."
    yield "no_head", S + f.chunk(b"IDAT", idat) + end, "damaged PNG"
    yield "two_heads", S + f.head(32, 32) * 2 + f.chunk(b"IDAT", idat) + end, "damaged PNG"
    yield "short_head", S + f.chunk(b"IHDR", bytes(12)) + end, "damaged PNG"
    for w, h in ((0, 32), (32, 0), (1 << 31, 1), (1, (1 << 32) - 1)):
        yield "size_%d_%d" % (w, h), with_idat(idat, f.head(w, h)), "damaged PNG"
    for w, h in ((20000, 40), (40, 20000), (16385, 1), ((1 << 31) - 1, (1 << 31) - 1)):
        yield "side_%d_%d" % (w, h), with_idat(idat, f.head(w, h)), "%dx%d pixels, at most 16384 a side" % (w, h)
    yield "area", with_idat(idat, f.head(12000, 9000, 1, 0)), "12000x9000 pixels, at most 67108864 in all"
    yield "raw", with_idat(idat, f.head(8192, 8192, 16, 6)), "8192x8192 pixels of 64 bits .* at most 268435456"
    for depth, colour in ((1, 2), (2, 2), (4, 2), (16, 3), (1, 4), (2, 4), (4, 4), (1, 6), (2, 6), (4, 6), (8, 1), (8, 5), (8, 7),
                          (0, 0), (3, 0), (17, 0), (99, 2)):
        yield "depth_%d_%d" % (depth, colour), with_idat(idat, f.head(32, 32, depth, colour)), "damaged PNG"
    yield "compression", with_idat(idat, f.head(32, 32, compression=1)), "damaged PNG"
    yield "filters", with_idat(idat, f.head(32, 32, filters=1)), "damaged PNG"
    yield "interlace", with_idat(idat, f.head(32, 32, interlace=2)), "damaged PNG"
    yield "long_chunk", S + f.head(32, 32) + struct.pack(">I", 1 << 31) + b"IDAT" + idat, "damaged PNG"
    yield "chunk_past_end", S + f.head(32, 32) + struct.pack(">I", 1 << 20) + b"IDAT" + idat, "damaged PNG"
    yield "checksum_of_head", S + f.head(32, 32)[:-1] + b"!" + f.chunk(b"IDAT", idat) + end, "damaged PNG"
    yield "checksum_of_data", S + f.head(32, 32) + f.chunk(b"IDAT", idat, 7) + end, "damaged PNG"
    yield "critical", S + f.head(32, 32) + f.chunk(b"XYZw") + f.chunk(b"IDAT", idat) + end, "damaged PNG"
    yield "no_palette", with_idat(zlib.compress(bytes(33 * 32)), f.head(32, 32, 8, 3)), "damaged PNG"
    yield "no_data", S + f.head(32, 32) + end, "damaged PNG"
    yield "adler", with_idat(idat[:-4] + b"abcd"), "damaged PNG"
    yield "method", with_idat(b"\x79" + idat[1:]), "damaged PNG"
    yield "block", with_idat(b"\x78\x9c\x07" + idat[3:]), "damaged PNG"
    yield "far", with_idat(b"\x78\x9c\x63\x04\x40\x00" + bytes(20)), "damaged PNG"
    yield "short_data", with_idat(zlib.compress(raw[:-200])), "damaged PNG"
    yield "long_data", with_idat(zlib.compress(raw + bytes(100))), "more image data than its pixels take"
    yield "bomb", with_idat(zlib.compress(raw + bytes(1 << 26))), "more image data than its pixels take"
    yield "filter_5", with_idat(zlib.compress(b"\5" + raw[1:])), "damaged PNG"
    yield "no_end", good[:-12], "damaged PNG: cut short"


def check_bad_pngs():
    for name, data, words in bad_pngs():
        refused("bad png %s" % name, write("bad/%s.png" % name, data), words)
    good = f.png(f.pattern(3, 2, 8, 2))
    for n in range(len(good)):
        write("cut/%03d.png" % n, good[:n])
    refused("a PNG cut at every byte", "cut", "none of %d pictures could be read" % len(good))
    big = f.SIGNATURE + f.head(20000, 40, 8, 0) + f.chunk(b"IDAT", zlib.compress(bytes(20001 * 40))) + f.chunk(b"IEND")
    refused("a valid panorama", write("panorama.png", big), "panorama.png: 20000x40 pixels, at most 16384 a side")


# ---- JPEG -------------------------------------------------------------------------------------------------------------

def fixture(name):
    with open(os.path.join(HERE, "fixtures", "pictures", name), "rb") as file:
        return file.read()


def quarters(a, b, c, d):
    return [v for y in range(32) for x in range(32) for v in ((a, b), (c, d))[y // 16][x // 16]]


def check_jpegs():
    cmyk = fixture("cmyk.jpg")
    at = cmyk.index(b"Adobe") + 11
    write("jpeg/cmyk.jpg", cmyk)
    write("jpeg/ycck.jpg", cmyk[:at] + b"\2" + cmyk[at + 1:])  # the same values, taken for luma and chroma
    got = taken("four components are read", "jpeg", "2 converted from CMYK")
    want = quarters((255, 255, 255), (46, 190, 164), (130, 19, 87), (0, 245, 0)), \
        quarters((0, 134, 0), (89, 215, 24), (0, 2, 93), (245, 199, 29))
    compare("colours of CMYK and YCCK", got, [v / 255 for rgb in want for v in planar(rgb)], 3 / 255)
    grey = fixture("quarters.jpg")
    a, b, c, d = ((v,) * 3 for v in (20, 90, 160, 240))
    turned = (a, b, c, d), (b, a, d, c), (d, c, b, a), (c, d, a, b), (a, c, b, d), (c, a, d, b), (d, b, c, a), (b, d, a, c)
    for order, mark in (("<", b"II*\0"), (">", b"MM\0*")):
        for i in range(8):
            tiff = mark + struct.pack(order + "IHHHIHHI", 8, 1, 0x0112, 3, 1, i + 1, 0, 0)
            segment = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
            write("exif/%s%d.jpg" % (mark[:2].decode(), i + 1), grey[:2] + segment + grey[2:])
    got = taken("orientations are followed", "exif", "14 turned upright")
    want = [v / 255 for _ in range(2) for t in turned for v in planar(quarters(*t))]
    compare("pixels of orientations", got, want, 2 / 255)
    write("short.jpg", grey[:2] + b"\xff\xe1" + struct.pack(">H", 16) + b"Exif\0\0II*\0\xff\xff\xff\xff" + grey[2:])
    taken("a damaged orientation counts as none", "short.jpg")
    at = grey.index(b"\xff\xc0") + 5
    for h, w, words in ((40, 20000, "20000x40 pixels, at most 16384 a side"), (9000, 12000, "at most 67108864 in all"),
                        (65535, 65535, "65535x65535 pixels, at most 16384 a side")):
        data = grey[:at] + struct.pack(">HH", h, w) + grey[at + 4:]
        refused("a JPEG of %dx%d" % (w, h), write("size.jpg", data), words)
    for name, data in (("12 bits", grey[:at - 1] + b"\x0c" + grey[at:]), ("a lossless process", grey[:at - 4] + b"\xc3" + grey[at - 3:])):
        refused("a JPEG of " + name, write("kind.jpg", data), "kind.jpg: a JPEG of a kind that is not read: Unsupported")
    refused("a JPEG with its end cut off", write("cut.jpg", grey[:-20]), "damaged JPEG")
    refused("half a JPEG", write("half.jpg", grey[:180]), "damaged JPEG")
    kinds = {"JPEG XL": b"\0\0\0\x0cJXL ", "QOI": b"qoif", "HEIC": b"\0\0\0\x18ftypheic", "AVIF": b"\0\0\0\x1cftypavif"}
    for kind, data in kinds.items():
        refused("a %s named .jpg" % kind, write("kind.jpg", data + bytes(40)), "this is an? %s picture" % kind)


# ---- folders ----------------------------------------------------------------------------------------------------------

def labels(source, words=None, code=0, more=()):
    run = encode("colour", source, "--labels", "y.npy", *more)
    report("%s: labels" % source, run.wrong(code, words))
    return list(values("y.npy")) if run.code == 0 else None


def equal(name, got, want):
    report(name, None if got == want else "%s, wanted %s" % (got, want))


def check_folders():
    png = f.png(f.pattern(32, 32, 8, 2))
    heic = b"\0\0\0\x18ftypheic" + bytes(20)
    for name in ("a/0", "a/more/1", "a/more/yet/2", "a b/3", "b/4", "b/5"):
        write("deep/%s.png" % name, png)
    equal("labels by the first level", labels("deep", "3 folders of the first level: a, a b, b; .*up to 3 levels"),
          [0, 0, 0, 1, 2, 2])
    for name in ("0", "a/1", "a/b/2"):
        write("mixed/%s.png" % name, png)
    taken("pictures beside folders", "mixed", "1 pictures lie beside folders, 2 in them, so they have no labels")
    taken("all of them are taken", "mixed", "3 latents")
    for name in ("train/cat/0", "train/dog/1", "val/cat/2"):
        write("split/%s.png" % name, png)
    equal("parts of a data set are told", labels("split", "first level: train, val(.|\n)*named as parts"), [0, 0, 1])
    equal("one part has classes", labels("split/train", "first level: cat, dog"), [0, 1])
    os.makedirs("linked")
    os.symlink(os.path.abspath("deep/a"), "linked/classA")
    os.symlink(os.path.abspath("linked"), "linked/loop")
    os.symlink("classA", "linked/twin")
    os.symlink("nowhere", "linked/broken")
    equal("links are followed once", labels("linked", "broken: left out: No such file"), [0, 0, 0])
    refused("a broken link and --strict", "linked", "strict", more=("--strict",))
    for i in range(20):
        write("mostly/%02d.heic" % i, heic)
    write("mostly/one.png", png)
    write("mostly/.hidden.png", png)
    write("mostly/notes.txt", b"words")
    taken("pictures of other kinds are counted", "mostly", "20 HEIC pictures left out; PNG, ")
    taken("hidden files are counted", "mostly", "1 hidden name passed over")
    refused("pictures of other kinds and --strict", "mostly", "20 HEIC", more=("--strict",))
    for i in range(12):
        write("some/bad%02d.jpg" % i, b"" if i % 2 else heic[:3] + bytes(30))
    write("some/x.png", png)
    write("some/noname", png)
    os.mkfifo("some/pipe.png")
    taken("bad files are named", "some", "bad00.jpg: no picture that is known here(.|\n)*bad09.jpg: the file is empty(.|\n)*and 2 more")
    taken("bad files are counted", "some", "12 of 14 pictures could not be read and are left out(.|\n)*2 latents")
    refused("bad files and --strict", "some", "12 of 14 pictures could not be read", more=("--strict",))
    os.makedirs("nothing/in/it")
    refused("an empty folder", "nothing", "no picture in this folder .* train-images-idx3-ubyte .* data_batch_1.bin; there are 0")
    taken("what is made of pictures", "deep", "6 pictures of 32x32 in colour are made 28x28 grey, as the model wants", "grey")
    run = Run("train", "deep", "--model", "grey.txt", "--steps", "1", "-o", "photos", "-q")
    report("colour that is lost is a warning", run.wrong(0, "warning: .*in colour are made 28x28 grey"))


# ---- arrays -----------------------------------------------------------------------------------------------------------

def check_shapes():
    for name, shape, model in (("flat", (2, 3072), "colour"), ("channels last", (2, 32, 32, 3), "colour"), ("grey", (2, 28, 28), "grey"),
                               ("one channel", (2, 28, 28, 1), "grey"), ("one channel first", (2, 1, 28, 28), "grey")):
        n = 1
        for s in shape:
            n *= s
        taken("an array: " + name, write("a.npy", f.npy(shape, bytes(n))), "2 latents", model)
    for shape, words in (((2, 3, 32, 32), "examples are 3x32x32, the model wants 32x32x3 .channels last."),
                         ((2, 32, 3, 32), "examples are 32x3x32, the model wants 32x32x3 .channels last."),
                         ((5, 16, 64, 3), "examples are 16x64x3, the model wants 32x32x3"), ((32, 32, 3), "one example"),
                         ((2, 96, 32), "96x32x1"), ((2, 32, 32, 1), "32x32x1"), ((3072,), "1 sizes"), ((), "0 sizes")):
        n = 1
        for s in shape:
            n *= s
        path = write("a.npy", f.npy(shape, bytes(n)))
        refused("an array of %s" % (shape,), path, words)
    for command in ("eval", "recon", "interp", "prior", "codes"):
        more = () if command == "eval" else ("-o", "out.npy" if command == "interp" else "out.png", "-f")
        write("a.npy", f.npy((2, 3, 32, 32), bytes(6144)))
        more = ("-o", "out.safetensors") if command == "prior" else more
        report("%s compares sizes" % command, Run(command, "colour", "a.npy", *more).wrong(3, "channels last"))
    run = Run("train", "a.npy", "--model", "colour.txt", "--steps", "1", "-o", "r")
    report("train compares sizes", run.wrong(3, "3x32x32, the model wants 32x32x3 .channels last."))
    write("a.npy", f.npy((2, 1, 28, 28), bytes(1568)))
    run = Run("train", "a.npy", "--model", "grey.txt", "--augment", "flip", "--steps", "1", "-o", "r", "-f", "-q")
    report("a first size of 1 is no height", run.wrong(0))
    refused("IDX of another order", write("a", f.idx((2, 3, 32, 32), bytes(6144))), "channels last")
    taken("IDX of four sizes", write("a", f.idx((2, 32, 32, 3), bytes(6144))))
    z = struct.pack("<3072f", *range(3072))
    for shape in ((3072,), (1, 3072)):
        write("z0.npy", f.npy(shape, z, "'<f4'"))
        report("decode %s" % (shape,), Run("decode", "colour", "z0.npy", "-o", "x.npy", "-f").wrong(0))
    write("z0.npy", f.npy((2, 1536), z, "'<f4'"))
    report("decode compares sizes",
           Run("decode", "colour", "z0.npy", "-o", "x.npy", "-f").wrong(3, "latents of 1536, the model wants 3072"))


def check_types():
    for descr, words in (("'<f8'", "<f8 .float64."), ("'>f4'", "big-endian float32"), ("'<f2'", "float16"), ("'|b1'", "bool"),
                         ("'<i8'", "int64"), ("'|i1'", "int8"), ("'<c8'", "complex64"), ("'|O'", "never read"),
                         ("'<U2'", "texts"), ("'|V4'", "raw bytes"), ("'<M8'", "dates"),
                         ("[('a', '<f4'), ('b', '<i4')]", r"structured type, \[\('a', '<f4'\)"), ("('<f4', (2,))", "structured"),
                         ("'\x1b]0;x\x07'", r"\\x1b\]0;x\\x07"), ("'", "not read"), ("'<f", "not read"), ("7", "damaged")):
        refused("npy type %r" % descr, write("t.npy", f.npy((2, 32, 32, 3), bytes(6144), descr)), words)
    refused("npy of codes", write("t.npy", f.npy((2, 3072), bytes(24576), "'<i4'")), "int32, which are codes")
    for version in (1, 2, 3):
        taken("npy version %d" % version, write("t.npy", f.npy((2, 32, 32, 3), bytes(6144), version=version)))
    refused("npy version 4", write("t.npy", f.npy((2, 3072), bytes(6144), version=4)), "version 4")
    refused("Fortran order", write("t.npy", f.npy((2, 3072), bytes(6144), order="True")), "Fortran order")
    whole = f.npy((1, 3072), bytes(3072))
    for n in range(140):
        if subprocess.run([VAE, "encode", "colour", write("t.npy", whole[:n]), "-o", "n"], capture_output=True).returncode != 3:
            report("npy cut at %d" % n, "not refused")
    refused("a quote that does not end", write("t.npy", b"\x93NUMPY\1\0\x0e\0{'descr': '<f4"), "damaged")
    for bits, words in ((0x7fc00000, "nan"), (0x7f800000, "inf"), (0xff800000, "-inf")):
        data = bytes(12288 + 40) + struct.pack("<I", bits) + bytes(12244)
        refused("npy with " + words, write("t.npy", f.npy((2, 3072), data, "'<f4'")),
                "example 1, value 10 is not finite .%s" % words)
        data = bytes(4 * 40) + struct.pack(">I", bits) + bytes(4 * 6103)
        refused("IDX with " + words, write("t", f.idx((2, 32, 32, 3), data, 13)),
                "example 0, value 40 is not finite .%s" % words)
    for low, high, words in ((-1, 1, "values from -1 to 1; pictures show 0 to 1"), (0, 255, "values from 0 to 255"),
                             (-2.5, 3, "-2.5 to 3"), (0.5, 7, "values from 0.5 to 7")):
        data = struct.pack("<ff", low, high) * 1536
        taken("values from %g to %g" % (low, high), write("t.npy", f.npy((1, 32, 32, 3), data, "'<f4'")), "warning: .*" + words)
    data = struct.pack("<ff", -1e-25, 1e-24) * 1536
    taken("values that count as 0", write("t.npy", f.npy((1, 32, 32, 3), data, "'<f4'")), "warning: .*no value is larger than 1e-24")
    run = encode("colour", write("t.npy", f.npy((1, 32, 32, 3), struct.pack("<ff", 0, 1) * 1536, "'<f4'")))
    report("values from 0 to 1", run.wrong(0) or ("a warning" if b"warning" in run.err else None))


def sparse(path, head, size):
    write(path, head)
    os.truncate(path, size)
    return path


def check_sizes():
    """Wrong files of any size are refused by their heads."""
    G = 1 << 30
    refused("3 GiB of doubles", sparse("s.npy", f.npy((G // 8, 3), b"", "'<f8'"), 3 * G), "float64")
    refused("200 GiB of another shape", sparse("s.npy", f.npy((200 * G // 4, 4)), 200 * G), "the file holds")
    h = f.npy((200 * G // 49, 7, 7))
    refused("200 GiB of small pictures", sparse("s.npy", h, len(h) + 200 * G // 49 * 49), "7x7x1")
    refused("3 GiB of no CIFAR", sparse("s.bin", b"\0", 3 * G + 1), "no whole number")
    refused("CIFAR with a wrong label", sparse("s.bin", b"\xff", 3073 * 2 ** 20), "label 255")
    refused("CIFAR for another model", sparse("s.bin", b"\1", 3073 * 2 ** 20), "32x32x3, the model wants 28x28x1", "grey")
    refused("3 GiB that begin as a WAD", sparse("s.wad", b"PWAD" + struct.pack("<II", 1, 12), 3 * G), "at most")
    refused("3 GiB that begin as a PNG", sparse("s.png", f.png([[(1, 2, 3)]]), 3 * G), "at most")
    refused("3 GiB that begin as a JPEG", sparse("s.jpg", fixture("quarters.jpg")[:90], 3 * G), "at most")
    refused("3 GiB that begin as IDX", sparse("s", f.idx((2, 32, 32, 3), b""), 3 * G), "follow")
    bomb = gzip.compress(f.idx((1 << 20, 32, 32), bytes(1 << 20)), 1)
    refused("a zipped bomb of other sizes", write("s.gz", bomb + bytes(1 << 20)), "32x32x1, the model wants 32x32x3")
    refused("a WAD of many large patches", write("s.wad", f.patch_bomb(100, 1024, 100)), "more memory")
    refused("a WAD that draws much", write("s.wad", f.patch_bomb(1, 1000, 2000)), "more work")


# ---- the files of MNIST -----------------------------------------------------------------------------------------------

def check_mnist():
    images = {"train": f.idx((6, 28, 28), bytes(6 * 784)), "t10k": f.idx((2, 28, 28), bytes(2 * 784))}
    digits = {"train": f.idx((6,), bytes([3, 1, 4, 1, 5, 9])), "t10k": f.idx((2,), bytes([2, 6]))}

    def lay(folder, image="%s-images-idx3-ubyte", label="%s-labels-idx1-ubyte", pack=lambda b: b, splits=("train", "t10k")):
        for split in splits:
            write("%s/%s" % (folder, image % split), pack(images[split]))
            if label:
                write("%s/%s" % (folder, label % split), pack(digits[split]))

    lay("dashed")
    lay("zipped", "%s-images-idx3-ubyte.gz", "%s-labels-idx1-ubyte.gz", gzip.compress)
    lay("dotted", "%s-images.idx3-ubyte", "%s-labels.idx1-ubyte")
    lay("torch/MNIST/raw")
    lay("raw/raw")
    for split in ("train", "t10k"):
        write("kaggle/%s-images-idx3-ubyte/%s-images-idx3-ubyte" % (split, split), images[split])
        write("kaggle/%s-labels-idx1-ubyte/%s-labels-idx1-ubyte" % (split, split), digits[split])
    lay("emnist", "emnist-letters-%s-images-idx3-ubyte", "emnist-letters-%s-labels-idx1-ubyte", splits=("train",))
    lay("both", "%s-images-idx3-ubyte", "%s-labels-idx1-ubyte")
    lay("both", "%s-images-idx3-ubyte.gz", None, gzip.compress)
    files = ["dashed/train-images-idx3-ubyte", "dotted/train-images.idx3-ubyte", "zipped/train-images-idx3-ubyte.gz",
             "kaggle/train-images-idx3-ubyte/train-images-idx3-ubyte"]
    for source in ["dashed", "zipped", "dotted", "torch", "raw", "kaggle", "emnist", "both"] + files:
        run = encode("grey", source, "--labels", "y.npy")
        report("MNIST in %s" % source, run.wrong(0, "6 latents"))
        equal("labels of %s" % source, run.code == 0 and list(values("y.npy")), [3, 1, 4, 1, 5, 9])
    lay("bare", label=None)
    taken("no labels", "bare", "no labels: there is no train-labels-idx1-ubyte beside it", "grey")
    write("images", images["train"])
    taken("no labels to look for", "images", "no labels: its name holds neither", "grey")
    lay("test", splits=("t10k",))
    taken("images for testing alone", "test", "testing alone(.|\n)*2 latents", "grey")
    lay("two/a")
    lay("two/b")
    refused("two sets of images", "two", "several sets", "grey")
    write("dashed/train-labels-idx1-ubyte", f.idx((5,), bytes(5)))
    refused("other labels than images", "dashed", "5 labels for 6 images", "grey")
    refused("a zipped file of another kind", write("a.gz", gzip.compress(b"words, and more words")),
            "zipped file that is not IDX", "grey")


# ---- names that speak to terminals ------------------------------------------------------------------------------------

def check_escapes():
    png = f.png(f.pattern(32, 32, 8, 2))
    for name, seen in ((b"esc\x1b]0;pwn\x07", r"esc\\x1b\]0;pwn\\x07"), (b"line\nbreak", r"line\\x0abreak"),
                       (b"c1\xc2\x9b2J", r"c1\\u009b2J"),
                       (b"bidi\xe2\x80\xaetxt\xe2\x81\xa6", r"bidi\\u202etxt\\u2066"), (b"raw\xff\xfe\x9b", r"raw\\xff\\xfe\\x9b"),
                       (b"long\xc0\x80\xed\xa0\x80", r"long\\xc0\\x80\\xed\\xa0\\x80"), (b"del\x7f", r"del\\x7f"),
                       ("grün 日本".encode(), "grün 日本")):
        folder = b"esc/" + name
        os.makedirs(folder + b"/class" + name)
        with open(folder + b"/class" + name + b"/bad.png", "wb") as file:
            file.write(png[:50])
        with open(folder + b"/class" + name + b"/good.png", "wb") as file:
            file.write(png)
        run = encode("colour", os.fsdecode(folder))
        report("a name on stderr: %r" % name, run.wrong(0, seen + "/class" + seen + "/bad.png: damaged"))
        run = Run("train", os.fsdecode(folder), "--model", "colour.txt", "--steps", "1", "-f", "-o", os.fsdecode(b"run" + name))
        report("a name on stdout: %r" % name, run.wrong(0, "run" + seen + "/best"))
        with open(b"run" + name + b"/config.txt", "rb") as file:
            config = file.read()
        report("a name in config.txt: %r" % name,
               None if re.search(seen.encode(), config) and b"\x1b" not in config else repr(config[:200]))
        run = Run("train", "shapes:4", "--model", "colour.txt", "--steps", "1", "-f", "-q", "--json", "-o",
                  os.fsdecode(b"run" + name))
        shown = json.loads(run.out.decode())["run"]
        want = (b"run" + name).decode("utf-8", "replace")
        report("a name in JSON: %r" % name, run.wrong(0) or (None if "\ufffd" in want or shown == want else repr(shown)))
        report("JSON is ASCII where it must be: %r" % name,
               None if not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", run.out.decode()) else "it is not")
    report("a word of the command line", Run("encode\x1b[2J").wrong(2, r"encode\\x1b\[2J"))
    lump = f.wad([(b"PLAYPAL", bytes(768)), (b"PNAMES", bytes(4)),
                  (b"TEXTURE1", struct.pack("<II", 1, 8) + b"\x1b[31mX\0\0" + struct.pack("<IhhIh", 0, 9999, 1, 0, 0))])
    refused("a name in a WAD", write("e.wad", lump), r"texture \\x1b\[31MX")


def main():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.environ.pop("VAE_DATA", None)
    try:
        make_model("colour", 32, 32, 3)
        make_model("grey", 28, 28, 1)
        for check in (check_good_pngs, check_bad_pngs, check_jpegs, check_folders, check_shapes, check_types, check_sizes,
                      check_mnist, check_escapes):
            check()
        data_more.check(sys.modules[__name__])
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failed))
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
