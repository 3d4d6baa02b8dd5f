#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of the targets, fuzz/corpus/TARGET/ID-words.VERDICT, with the same bytes each time.

    make && fuzz/make_corpus.py    from the root of the tree

VERDICT is what tests/check_bad_inputs.sh requires of the vae program: good (it reads the file), bad (it refuses the file
with a sentence and an exit code), or seed (only the targets read the file). The first JPEG files, JP00 to JP02 in
corpus/picture, are not made by this script; libjpeg wrote them, and their names have their verdicts too. Inputs that a
campaign found are in the same folders, named by libFuzzer with a hash."""
import itertools
import os
import struct

from corpus_commands import command_files
from corpus_formats import floats, idx, npy, patch, texture, wad, zipped
from corpus_models import checkpoint_files, failure_files, header_files, model_files
from corpus_pictures import IEND, idat, ihdr, jpeg_files, pack, png, png_colours, png_stream, png_structure, rows
from corpus_put import ROOT, put


# ---- IDX -------------------------------------------------------------------------------------------------------------
def idx_files() -> None:
    values = bytes(range(32))
    images = idx(8, (2, 4, 4), values)
    cases = {
        "IX00-bytes.good": images,
        "IX00-channels.good": idx(8, (2, 4, 4, 1), values),
        "IX00-floats.good": idx(13, (1, 4, 4), struct.pack(">16f", *(i / 16 for i in range(16)))),
        "IX00-labels.seed": idx(8, (3,), b"\1\2\3"),
        "IX00-zipped.good": zipped(images),
        "IX00-zipped-labels.seed": zipped(idx(8, (3,), b"\1\2\3")),
        "IX01-three-bytes.bad": images[:3],
        "IX02-magic.bad": b"\0\1\x08\x03" + images[4:],
        "IX04-no-size.bad": idx(8, (), values),
        "IX04-five-sizes.bad": idx(8, (1, 1, 2, 4, 4), values),
        "IX05-swapped.bad": b"\x03\x08\0\0" + images[4:],
        "IX06-half-a-header.bad": images[:9],
        "IX07-zero.bad": idx(8, (2, 0, 4), values),
        "IX08-product.bad": idx(8, (2**31 - 1,) * 3, values),
        "IX09-cut.bad": images[:-1],
        "IX10-trailing.bad": images + b"x",
        "IX11-two-sizes.bad": idx(8, (2, 16), values),
        "IX12-counts-differ.seed": idx(8, (4,), b"\1\2\3\4"),
        "IX13-label-10.seed": idx(8, (3,), b"\1\x0a\3"),
        "IX14-nan.bad": idx(13, (1, 1, 2), b"\x7f\xc0\0\0\0\0\0\0"),
        "IX14-infinite.bad": idx(13, (1, 1, 2), b"\0\0\0\0\x7f\x80\0\0"),
        "IX15-zipped-cut.bad": zipped(images)[:-6],
        "IX15-zipped-trailing.bad": zipped(images + b"x"),
        "IX15-zipped-crc.bad": zipped(images)[:-8] + b"\0\0\0\0" + zipped(images)[-4:],
        "IX15-zipped-bomb.bad": zipped(idx(8, (1 << 20, 1, 1), bytes(1 << 20))),
        "IX15-zipped-claim.bad": zipped(idx(8, (2**31 - 1, 28, 28), values)),
        "IX16-lfs.bad": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "IX16-html.bad": b"<!DOCTYPE html><html></html>",
        "IX17-2-31.bad": idx(8, (2**31, 1, 1), values),
        "IX17-bytes-of-floats.bad": idx(13, (2**31 - 1, 2**31 - 1, 1), values),
        "IX17-2-63.bad": idx(8, (218934409, 859764727, 49), values),
        "IX19-cifar.bad": bytes([3]) + bytes(i % 251 for i in range(3072)),
        "IX19-no-cifar.bad": bytes([11]) + bytes(i % 251 for i in range(3072)),
        "IX19-as-long-as-cifar.bad": idx(8, (1, 1, 3061), bytes(3057)),
        "IX20-half-of-gzip.bad": b"\x1f\x8cabc",
        "IX20-swapped-low.bad": b"\3\7\0\0" + images[4:],
        "IX20-swapped-high.bad": b"\3\x0f\0\0" + images[4:],
        "IX20-two-bytes.bad": b"\0\0",
        "IX20-letters.bad": b"letters, and no more than that",
        "IX20-zipped-letters.bad": zipped(b"letters, and no more than that"),
        "IX18-other-shape.bad": idx(8, (2, 4, 5), bytes(40)),
    }
    for kind in (0, 7, 9, 11, 12, 14, 15, 255):
        cases[f"IX03-type-{kind}.bad"] = idx(kind, (2, 4, 4), values * 8)
    for name, data in cases.items():
        put("idx", name, data)


# ---- NPY -------------------------------------------------------------------------------------------------------------
def npy_files() -> None:
    def of(descr: str = "'|u1'", order: str = "False", shape: str = "(2, 4, 4)") -> str:
        return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"

    u1, f4 = bytes(range(32)), struct.pack("<32f", *(i / 32 for i in range(32)))
    cases = {
        "NP00-bytes.good": npy(of(), u1),
        "NP00-floats.good": npy(of("'<f4'"), f4),
        "NP00-channels.good": npy(of(shape="(2, 4, 4, 1)"), u1),
        "NP00-rows.good": npy(of(shape="(2, 16)"), u1),
        "NP00-version-2.good": npy(of(), u1, 2),
        "NP00-version-3.good": npy(of(), u1, 3),
        "NP01-magic-alone.bad": b"\x93NUMPY",
        "NP01-no-header.bad": b"\x93NUMPY\1\0\0\0",
        "NP01-version-0.bad": npy(of(), u1, 1)[:6] + b"\0" + npy(of(), u1, 1)[7:],
        "NP01-version-4.bad": npy(of(), u1, 1)[:6] + b"\4" + npy(of(), u1, 1)[7:],
        "NP01-version-1.8.bad": npy(of(), u1, 1)[:7] + b"\x08" + npy(of(), u1, 1)[8:],
        "NP02-length-past-the-end.bad": npy(of(), u1, 1, 65535),
        "NP02-length-4G.bad": npy(of(), u1, 2, 2**32 - 1),
        "NP03-open-quote.bad": b"\x93NUMPY\1\0\x0e\0" + b"{'descr': '|u1",
        "NP03-open-quote-at-the-end.bad": b"\x93NUMPY\1\0\x03\0{'d",
        "NP03-long-key.bad": npy("{'" + "k" * 90 + "': 1}", u1),
        "NP03-two-keys.bad": npy("{'descr': '|u1', 'descr': '|u1', 'shape': (2,), }", u1),
        "NP03-no-order.bad": npy("{'descr': '|u1', 'shape': (2, 4, 4), }", u1),
        "NP03-nul.bad": npy("{'descr': '|u\0001', 'fortran_order': False, 'shape': (2, 4, 4), }", u1),
        "NP04-negative.bad": npy(of(shape="(-2, 4, 4)"), u1),
        "NP04-product.bad": npy(of(shape="(4294967296, 4294967296, 4)"), u1),
        "NP04-2-64.bad": npy(of(shape="(18446744073709551617, 32)"), u1),
        "NP04-nine-sizes.bad": npy(of(shape="(2, 4, 4, 1, 1, 1, 1, 1, 1)"), u1),
        "NP04-scalar.bad": npy(of(shape="()"), b"\1"),
        "NP04-zero.bad": npy(of(shape="(0, 4, 4)"), b""),
        "NP04-a-terabyte.bad": npy(of(shape="(1099511627776, 4, 4)"), u1),
        "NP05-cut.bad": npy(of(), u1[:-1]),
        "NP05-trailing.bad": npy(of(), u1 + b"x"),
        "NP06-fortran.bad": npy(of(order="True"), u1),
        "NP07-object.bad": npy(of("'|O'"), u1),
        "NP07-struct.bad": npy(of("[('a', '<f4'), ('b', '<f4')]", shape="(4,)"), u1),
        "NP07-big-endian.seed": npy(of("'>f4'"), f4),
        "NP07-escape.bad": npy(of("'\x1b[31m'"), u1),
        "NP08-nan.bad": npy(of("'<f4'"), b"\0\0\xc0\x7f" + f4[4:]),
        "NP08-infinite.bad": npy(of("'<f4'"), f4[:-4] + b"\0\0\x80\xff"),
        "NP03-no-quote.bad": npy("{descr: '|u1', 'fortran_order': False, 'shape': (2, 4, 4), }", u1),
        "NP03-double-quotes.good": npy(of('"|u1"'), u1),
        "NP03-other-key.bad": npy("{'descr': '|u1', 'order': False, 'shape': (2, 4, 4), }", u1),
        "NP03-no-last-comma.good": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4, 4)}", u1),
        "NP03-open-brace.bad": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4, 4)", u1),
        "NP03-words-behind.bad": npy(of() + "x", u1),
        "NP03-open-shape.bad": npy(of(shape="(2, 4 4)"), u1),
        "NP04-letter.bad": npy(of(shape="(a, 4, 4)"), u1),
        "NP04-number-and-letter.bad": npy(of(shape="(2a, 4, 4)"), u1),
        "NP04-2-63.bad": npy(of(shape="(9223372036854775808, 4, 4)"), u1),
        "NP04-bytes-of-floats.bad": npy(of("'<f4'", shape="(2305843009213693952, 2)"), f4),
        "NP04-one-size.bad": npy(of(shape="(32,)"), u1),
        "NP04-five-sizes.bad": npy(of(shape="(2, 2, 2, 2, 2)"), u1),
        "NP04-six-sizes.bad": npy(of(shape="(2, 2, 2, 2, 2, 1)"), u1),
        "NP04-no-floats.bad": npy(of("'<f4'", shape="(0, 4, 4)"), b""),
        "NP04-scalar-nan.bad": npy(of("'<f4'", shape="()"), b"\0\0\xc0\x7f"),
        "NP07-none.bad": npy(of("''"), u1),
        "NP07-bytes.bad": npy(of("'|S4'"), u1),
        "NP07-texts.bad": npy(of("'<U1'"), u1),
        "NP07-raw.bad": npy(of("'|V4'"), u1),
        "NP07-dates.bad": npy(of("'<M8'"), u1),
        "NP07-spans.bad": npy(of("'<m8'"), u1),
        "NP07-codes.bad": npy(of("'<i4'"), f4),
        "NP07-pair.bad": npy(of("('<f4', (2,))"), u1),
        "NP09-other-order-of-axes.seed": npy(of(shape="(2, 1, 4, 4)"), u1),
    }
    for name, data in cases.items():
        put("npy", name, data)


# ---- CIFAR and WAD ---------------------------------------------------------------------------------------------------
def wad_files() -> None:
    palette = ("PLAYPAL", bytes((i * 5) % 256 for i in range(768)))
    flat = bytes((i * 3) % 251 for i in range(4096))
    flats = [palette, ("F_START", b""), ("FLOOR", flat), ("F_END", b"")]
    one = texture("WALL", 64, 64, [(0, 0, 0)])
    names = struct.pack("<I8s", 1, b"PATCH")
    walls = [palette, ("PNAMES", names), ("TEXTURE1", struct.pack("<II", 1, 8) + one), ("PATCH", patch(64, 64))]
    inner = png(ihdr(64, 64, 8, 2), idat(pack(rows(64, 64, 8, 2))), IEND)
    by_png = walls[:-1] + [("PATCH", inner)]
    def wall(texture_data: bytes = one, patch_data: bytes = patch(64, 64), places: bytes = names, number: int = 1) -> bytes:
        return wad([palette, ("PNAMES", places), ("TEXTURE1", struct.pack("<II", number, 8) + texture_data), ("PATCH", patch_data)])

    def column(*runs: bytes) -> bytes:
        return struct.pack("<HHhhI", 1, 9, 0, 0, 12) + b"".join(runs)

    clear = png(ihdr(64, 64, 8, 6), idat(pack(rows(64, 64, 8, 6))), IEND)
    moved = texture("WALL", 64, 64, [(-3, -5, 0), (70, 3, 0), (5, 70, 0), (0, 0, 0)])
    two_names = struct.pack("<I8s8s", 2, b"PATCH", b"NONE")
    twice = struct.pack("<III", 2, 12, 12 + len(one)) + one + texture("WALL2", 64, 64, [(0, 0, 1), (0, 0, 0)])
    colours = [("F%d" % k, bytes((i * (k + 3) + k) % 251 for i in range(4096))) for k in range(3)]
    # of a picture that is the same in each, and a dot at another place
    dots = [texture("DOT" + letter, 64, 64, [(0, 0, 0), (i, 3 * i, 1)]) for i, letter in enumerate("ABCDEFGHIJKLMNOPQRST")]
    places = [4 + 4 * len(dots) + len(dots[0]) * i for i in range(len(dots))]
    odd = {
        "directory-in-the-head": b"PWAD" + struct.pack("<II", 1, 8) + bytes(40),
        "no-pnames": wad([palette, walls[2], walls[3]]),
        "pnames-of-3": wall(places=b"abc"),
        "pnames-cut": wall(places=struct.pack("<I", 9)),
        "texture-of-3": wad([palette, walls[1], ("TEXTURE1", b"abc"), walls[3]]),
        "textures-cut": wall(number=9999),
        "texture-negative": wall(texture("WALL", 65535, 64, [(0, 0, 0)])),
        "texture-high": wall(texture("WALL", 64, 4097, [(0, 0, 0)])),
        "texture-flat": wall(texture("WALL", 64, 0, [(0, 0, 0)])),
        "texture-wide": wall(texture("WALL", 4097, 64, [(0, 0, 0)])),
        "texture-parts-negative": wall(struct.pack("<8sIHHIh", b"WALL", 0, 64, 64, 0, -1)),
        "texture-parts-past-the-end": wall(struct.pack("<8sIHHIh", b"WALL", 0, 64, 64, 0, 99)),
        "texture-of-no-patch": wall(texture("WALL", 64, 64, [(0, 0, 7)])),
        "patch-of-7": wall(patch_data=bytes(7)),
        "patch-without-width": wall(patch_data=struct.pack("<HHhh", 0, 4, 0, 0)),
        "patch-wide": wall(patch_data=struct.pack("<HHhh", 4097, 4, 0, 0)),
        "patch-without-height": wall(patch_data=struct.pack("<HHhh", 4, 0, 0, 0)),
        "patch-high": wall(patch_data=struct.pack("<HHhh", 4, 4097, 0, 0)),
        "patch-column-past-the-end": wall(patch_data=struct.pack("<HHhhI", 1, 4, 0, 0, 99)),
        "patch-column-without-end": wall(patch_data=column(b"\0\1\0\7\0")),
        "patch-run-past-the-end": wall(patch_data=column(b"\0\x09\0\7\0")),
        "patch-run-cut": wall(patch_data=column(b"\0\1")),
        "patch-png-damaged": wall(patch_data=inner[:60]),
        "palette-cut": wad([("PLAYPAL", bytes(700))] + flats[1:]),
        "flats-without-end": wad(flats[:-1]),
    }
    for name, data in odd.items():
        put("wad", f"WD08-{name}.bad", data)
    fine = {
        "patch-tall": wall(texture("WALL", 64, 64, [(0, 0, 0), (1, 1, 1)]), places=two_names, patch_data=column(
            b"\5\2\0\1\2\0", b"\3\x09\0" + bytes(10), b"\xfe\3\0" + bytes(4), b"\xff")),
        "patch-missing": wad([palette, ("PNAMES", two_names), ("TEXTURE1", twice), ("TEXTURE2", twice), walls[3]]),
        "patches-moved": wall(moved),
        "patch-clear": wall(patch_data=clear),
        "flats-by-two-letters": wad([palette, ("FF_START", b""), *colours, ("BLANK", bytes(4096)), ("SHORT", b"abc"),
                                     ("FF_END", b""), ("LATE", flat)]),
        "textures-many": wad([palette, ("PNAMES", struct.pack("<I8s8s", 2, b"WIDE", b"DOT")), ("TEXTURE1", struct.pack(
            f"<{1 + len(dots)}I", len(dots), *places) + b"".join(dots)), ("WIDE", patch(64, 64)), ("DOT", patch(1, 1))]),
        "patch-first": wad([palette, walls[3], walls[1], walls[2]]),
    }
    for name, data in fine.items():
        put("wad", f"WD09-{name}.seed", data)
    many = [palette, ("PNAMES", struct.pack("<I", 2**31 - 1) + b"PATCH\0\0\0"), walls[2], walls[3]]
    far = [palette, walls[1], ("TEXTURE1", struct.pack("<II", 1, 2**31)), walls[3]]
    cases = {
        "WD00-flats.good": wad(flats, b"IWAD"),
        "WD00-walls.good": wad(walls),
        "WD00-patch-as-png.good": wad(by_png),
        "WD01-head.bad": b"PWAD\1\0",
        "WD02-lumps.bad": wad(flats, count=65537),
        "WD02-directory.bad": wad(flats)[:-5],
        "WD03-lump-past-the-end.bad": b"PWAD" + struct.pack("<IIII8s", 1, 12, 12, 2**31, b"PLAYPAL"),
        "WD04-no-palette.bad": wad(flats[1:]),
        "WD05-names.bad": wad(many),
        "WD05-texture-past-the-end.bad": wad(far),
        "WD06-cut-patch.seed": wad(walls[:-1] + [("PATCH", patch(16, 16)[:40])]),
        "WD06-huge-patch.seed": wad(walls[:-1] + [("PATCH", struct.pack("<HHhh", 4096, 4096, 0, 0) + bytes(16400))]),
        "WD07-nothing.bad": wad([palette]),
    }
    record = lambda label: bytes([label]) + bytes((i * 7) % 256 for i in range(3072))
    cases |= {
        "CI00-two.good": record(0) + record(9),
        "CI01-cut.bad": record(0)[:-1],
        "CI01-one-byte.bad": b"\1",
        "CI01-half-of-gzip.bad": b"\x1f" + record(0)[1:],
        "CI01-nothing.bad": b"",
        "CI01-cifar-100.bad": b"\1" + record(3),
        "CI02-label-10.bad": record(1) + record(10),
        "CI03-pickle.bad": b"\x80\x02}q\1" + bytes(3068),
        "CI04-tar.bad": bytes(257) + b"ustar" + bytes(2811),
        "CI04-tar-gz.bad": zipped(bytes(257) + b"ustar" + bytes(250)),
    }
    for name, data in cases.items():
        put("wad", name, data)


# ---- texts -----------------------------------------------------------------------------------------------------------
DENSE = "input 4\nencoder linear out=8 | relu\nlatent gaussian dim=2\ndecoder linear out=4\nlikelihood bernoulli\n"


def text_files() -> None:
    seeds = {
        "dense": DENSE,
        "conv": "input 8x8x3\nencoder conv2d out=4 kernel=3 stride=2 pad=1 groups=1 | batchnorm | silu | flatten | linear "
                "out=6\nlatent gaussian dim=3\ndecoder linear out=64 | reshape 4x4x4 | deconv2d out=3 kernel=4 stride=2 "
                "pad=1\nlikelihood gaussian sigma=learned\n---\noptimizer adamw lr=0.01\nclip norm max=1\n",
        "nested": "input 4x4x2\nencoder repeat n=2 { residual { conv2d out=2 kernel=3 pad=same | elu alpha=0.5 } } # a "
                  "comment\nlatent none\ndecoder upsample | maxpool kernel=2 | avgpool kernel=1\nlikelihood gaussian "
                  "sigma=optimal value=0.5\n---\noptimizer sgd momentum=0.9\nschedule cosine steps=10 warmup=2\n",
        "norms": "input 2x2x4\nencoder groupnorm groups=2 | dropout p=0.5 | layernorm\nlatent gaussian dim=2 map=true\n"
                 "decoder conv2d out=4 kernel=1x1 pad=0 bias=false\nlikelihood laplace\n",
        "classes": "input 8x8x1\nencoder conv2d out=4 kernel=4 stride=4\nlatent vq codes=8 dim=4\ndecoder deconv2d out=1 "
                   "kernel=4 stride=4\nlikelihood gaussian\nprior pixelcnn channels=8 layers=1 classes=3\n---\n"
                   "objective prior\n",
        "narrow": "input 4x4x8\nencoder conv2d out=8 kernel=3 pad=1 | conv2d out=3 kernel=1 | relu | flatten | linear out=4\n"
                  "latent gaussian dim=2\ndecoder linear out=128 | reshape 4x4x8\nlikelihood gaussian\n",
        "vq": "input 4x4x1\nencoder conv2d out=4 kernel=2 stride=2\nlatent vq codes=5 dim=2\ndecoder deconv2d out=1 kernel=2 "
              "stride=2\nlikelihood gaussian\n",
        "rvq": "input 4x4x1\nencoder conv2d out=4 kernel=2 stride=2\nlatent rvq codes=3 quantizers=2 revive=1 start=kmeans\n"
               "decoder deconv2d out=1 kernel=2 stride=2\nlikelihood gaussian\n",
        "fsq": "input 4\nencoder linear out=4\nlatent fsq levels=3x5 heads=2\ndecoder linear out=4\nlikelihood bernoulli\n",
        "gumbel": "input 4\nencoder linear out=6\nlatent gumbel codes=3\ndecoder linear out=4\nlikelihood bernoulli\n",
        "prior": "input 4\nencoder linear out=4\nlatent gaussian dim=2\nprior gmm components=3\ndecoder linear out=4\n"
                 "likelihood gaussian\n---\noptimizer adam\nobjective elbo beta=0.5 warmup=10\n",
        "levels": "input 4x4x2\nencoder conv2d out=2 kernel=3 pad=1 | tap fine | flatten | linear out=4 | tap flat\nlatent gaussian dim=2\n"
                  "decoder linear out=3 | latent gaussian dim=2 from=flat | linear out=16 | reshape 4x4x1 | latent gaussian dim=1 map=true "
                  "from=fine | conv2d out=2 kernel=1\nlikelihood gaussian\n---\nobjective elbo free_bits=0.1\n",
        "conditions": "input 4\ncondition classes=3 vector=2\nencoder condition | linear out=6 | tanh\nlatent gaussian dim=2\ndecoder "
                      "condition mode=add dim=3 | linear out=4 | condition mode=film drop=0.5\nlikelihood gaussian\n",
        "ties": "input 6\nencoder linear out=4 | tanh | linear out=4 | linear out=4 tie=encoder.2.T\nlatent gaussian dim=4\ndecoder "
                "linear out=6 tie=encoder.0\nlikelihood gaussian\n",
        "critic": "input 4x4x1\nencoder flatten | linear out=4\nlatent gaussian dim=2\ndecoder linear out=16 | reshape 4x4x1\n"
                  "likelihood bernoulli\ncritic on=x | conv2d out=2 kernel=2 | leaky_relu | flatten | linear out=1\n---\ncritic_optimizer "
                  "sgd lr=0.1\nobjective elbo | gan weight=2\n",
        "adversary": "input 4\nencoder linear out=4\nlatent gaussian dim=2\ndecoder linear out=4\nlikelihood gaussian\ncritic on=z | "
                     "linear out=3 | relu | linear out=1\n---\nobjective elbo beta=0 | adversary weight=3\n",
        "samples": DENSE + "---\nobjective iwae samples=3 | mmd\n",
        "attention": "input 4x4x4\nencoder residual { groupnorm groups=2 | attention heads=2 } | flatten | linear out=4\n"
                     "latent gaussian dim=2\ndecoder linear out=16 | reshape 4x4x1 | pixel_unshuffle factor=2 | pixel_shuffle "
                     "factor=2 | conv2d out=4 kernel=1\nlikelihood gaussian\n",
    }
    for name, text in seeds.items():
        put("training", f"{name}.seed", text.encode())
        put("text", f"{name}-get.seed", text.split("---")[0].encode() + b"\0latent.dim\0" + b"3")
    put("text", "registry.seed", b"\0layer\0conv2d")
    put("text", "replace.seed", DENSE.encode() + b"\0likelihood\0gaussian sigma=learned")
    put("text", "adam.seed", DENSE.encode() + b"optimizer adam\0adam.lr\x001e-4")


def bad_texts() -> None:
    line = DENSE.replace
    cases = {
        "CF01-empty": "",
        "CF07-nan": line("bernoulli", "gaussian value=nan"),
        "CF07-infinite": line("bernoulli", "gaussian value=1e999"),
        "CF08-hexadecimal": line("dim=2", "dim=0x2"),
        "CF09-2-53": line("dim=2", "dim=9007199254740993"),
        "CF10-fraction": line("dim=2", "dim=1.5"),
        "CF11-bool": line("dim=2", "dim=true"),
        "CF12-twice": line("dim=2", "dim=2 dim=2"),
        "CF12-section-twice": DENSE + "latent gaussian dim=2\n",
        "CF13-unknown": line("dim=2", "dims=2"),
        "CF14-missing": line("latent gaussian dim=2\n", ""),
        "CF15-control": line("dim=2", "dim=2\x1b"),
        "CF16-depth": line("relu", "residual { " * 200 + "relu" + " }" * 200),
        "CF19-latent-0": line("dim=2", "dim=0"),
        "CF20-repeat": line("relu", "repeat n=1000000000 { relu }"),
        "CF22-groups": "input 4x4x3\nencoder conv2d out=4 kernel=3 groups=2 | flatten | linear out=4\n" + DENSE.split("\n", 2)[2],
        "CF22-shuffle": "input 4x4x3\nencoder pixel_shuffle factor=2 | flatten | linear out=4\n" + DENSE.split("\n", 2)[2],
        "CF22-unshuffle": "input 4x4x3\nencoder pixel_unshuffle factor=3 | flatten | linear out=4\n" + DENSE.split("\n", 2)[2],
        "CF22-stride-0": "input 4x4x3\nencoder conv2d out=4 kernel=3 stride=0 | flatten\n" + DENSE.split("\n", 2)[2],
        "CF23-no-output": "input 4x4x3\nencoder conv2d out=4 kernel=5 | flatten\n" + DENSE.split("\n", 2)[2],
        "CF24-other-output": line("decoder linear out=4", "decoder linear out=5"),
        "CF25-one-code": line("gaussian dim=2", "vq codes=1"),
        "CF26-decay": DENSE + "optimizer adam beta1=1\n",
        "CF26-lr": DENSE + "optimizer adam lr=-1\n",
        "CF28-memory": line("out=8", "out=1000000000"),
        "CF31-objective-braces": DENSE + "objective elbo { mmd }\n",
        "CF31-objective-empty": DENSE + "objective\n",
        "CF31-objective-twice": DENSE + "objective elbo | elbo\n",
        "CF31-objective-many": DENSE + "objective " + " | ".join(["elbo"] * 20) + "\n",
        "CF30-unknown-layer": line("relu", "reluu"),
        "CF30-unknown-loss": line("bernoulli", "bernouli"),
    }
    for name, text in cases.items():
        put("training", f"{name}.bad", text.encode("latin-1"))


# ---- codes and run folders -------------------------------------------------------------------------------------------
def other_files() -> None:
    for which, n in itertools.product(range(5), (1, 3, 130)):
        put("codes", f"model-{which}-n-{n}.seed", bytes([which, n]) + struct.pack("<12i", 0, 1, 2, -1, 3, 2, 1, 0, 6, 7, 4, 4))
    put("codes", "values.seed", bytes([0, 2]) + floats(8, -1.0))
    put("codes", "nan.seed", bytes([1, 2]) + b"\0\0\xc0\x7f" * 8)
    config = ("# A run of vae.\n# data = shapes:64\n# preset = \n# weights = \n# batch = 16\n# epochs = 2\n# steps = 0\n"
              "# seed = 1\n# augment = flip\n\n")
    put("run", "config.seed", (config + DENSE).encode())
    put("run", "config-alone.seed", config.encode())
    put("run", "config-negative.seed", (config.replace("16", "-16") + DENSE).encode())
    state = "step=1 epoch=0 best=inf best_epoch=0 waited=0 n=16 loss=2.5 recon=2 rate=0.5 data=00000000deadbeef\n"
    put("run", "resume.seed", (state.replace("step=1", "step=2") + state).encode())
    put("run", "resume-first.seed", (state + state).encode())
    put("run", "metrics.seed", b'{"event":"step","step":1,"epoch":1,"loss":3.5,"recon":3,"rate":0.5}\n'
        b'{"event":"epoch","step":2,"epoch":1,"loss":2.5,"val_loss":nan}\n{"event":"epoch","step":3,"lo')


def import_files() -> None:
    """The headers of the checkpoints that tests/fixtures/make_import.py wrote; the target puts zeros behind them."""
    folder = os.path.join(ROOT, "..", "..", "tests", "fixtures", "import")
    for family in sorted(os.listdir(folder)):
        for name in sorted(n for n in os.listdir(os.path.join(folder, family)) if n.endswith(".safetensors") and n != "golden.safetensors"):
            with open(os.path.join(folder, family, name), "rb") as file:
                length = file.read(8)
                put("import", f"{family}-{name.split('.')[0]}.seed", zipped(length + file.read(struct.unpack("<Q", length)[0])))


def main() -> None:
    png_colours()
    png_structure()
    png_stream()
    jpeg_files()
    idx_files()
    npy_files()
    wad_files()
    model_files()
    header_files()
    checkpoint_files()
    failure_files()
    text_files()
    bad_texts()
    other_files()
    command_files()
    import_files()


if __name__ == "__main__":
    main()
