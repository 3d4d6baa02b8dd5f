# SPDX-License-Identifier: MIT
"""The vae program on pictures that Pillow has written: each gives the pixels that Pillow reads, or a sentence, within a second of
computing and 256 MiB. Prints a line for each case that fails and ends with "N passed, N failed"."""
import io
import os
import random
import shutil
import sys
import tempfile

from PIL import Image

import data_cases as c

SIDE = 32
READ = c.Run("--version").out.decode()


def reads(name):
    """Was the program built with this format?"""
    return name in READ.split("pictures: ")[1].split(";")[0]


def scene():
    """A picture in colour with edges, ramps and a little noise, the same each time."""
    noise = random.Random(1)
    pixels = [(min(255, 7 * x + noise.randrange(9)), min(255, 6 * y + 3 * (x > 15)), 40 if (x // 8 + y // 8) % 2 else 200)
              for y in range(SIDE) for x in range(SIDE)]
    image = Image.new("RGB", (SIDE, SIDE))
    image.putdata(pixels)
    return image


def clear(image):
    """The same with a part that is half transparent."""
    alpha = Image.new("L", image.size, 255)
    alpha.paste(100, (5, 8, 25, 20))
    image = image.convert("RGBA")
    image.putalpha(alpha)
    return image


def over(image):
    ground = Image.new("RGBA", image.size, "white")
    ground.alpha_composite(image)
    return ground.convert("RGB")


def bytes_of(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def turned(image, kind, orientation, **options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return bytes_of(image, kind, exif=exif, **options)


def cases():
    """(format, name, file, what Pillow sees, slack in steps of 8 bits)"""
    rgb = scene()
    grey, bits, few, see_through = rgb.convert("L"), rgb.convert("1"), rgb.quantize(64), clear(rgb)
    white = Image.new("RGB", rgb.size, "white")

    def as_read(data):
        return Image.open(io.BytesIO(data)).convert("RGB")

    lossy = bytes_of(rgb, "WEBP", quality=90)
    squeezed = bytes_of(rgb, "TIFF", compression="jpeg")
    progressive = bytes_of(rgb, "JPEG", quality=95, progressive=True)
    yield "JPEG", "progressive", progressive, as_read(progressive), 1
    yield "WebP", "lossless", bytes_of(rgb, "WEBP", lossless=True), rgb, 0
    yield "WebP", "lossy", lossy, as_read(lossy), 1
    yield "WebP", "clear", bytes_of(see_through, "WEBP", lossless=True, exact=True), over(see_through), 1
    yield "WebP", "moving", bytes_of(rgb, "WEBP", save_all=True, append_images=[white], lossless=True), rgb, 0
    yield "GIF", "plain", bytes_of(few, "GIF", interlace=False), few.convert("RGB"), 0
    yield "GIF", "interlaced", bytes_of(few, "GIF", interlace=True), few.convert("RGB"), 0
    yield "GIF", "moving", bytes_of(few, "GIF", save_all=True, append_images=[white.quantize(4)]), few.convert("RGB"), 0
    for method in (None, "tiff_lzw", "tiff_deflate", "packbits"):
        yield "TIFF", "by %s" % method, bytes_of(rgb, "TIFF", compression=method), rgb, 0
    yield "TIFF", "by jpeg", squeezed, as_read(squeezed), 1
    yield "TIFF", "by group4", bytes_of(bits, "TIFF", compression="group4"), bits.convert("RGB"), 0
    yield "TIFF", "palette", bytes_of(few, "TIFF"), few.convert("RGB"), 0
    yield "TIFF", "grey", bytes_of(grey, "TIFF"), grey.convert("RGB"), 0
    yield "TIFF", "clear", bytes_of(see_through, "TIFF"), over(see_through), 1
    yield "TIFF", "cmyk", bytes_of(rgb.convert("CMYK"), "TIFF"), rgb, 1
    yield "TIFF", "pages", bytes_of(rgb, "TIFF", save_all=True, append_images=[white]), rgb, 0
    for name, image in (("24 bits", rgb), ("grey", grey), ("1 bit", bits), ("palette", few)):
        yield "BMP", name, bytes_of(image, "BMP"), image.convert("RGB"), 0
    yield "BMP", "32 bits", bytes_of(rgb.convert("RGBA"), "BMP"), rgb, 0
    for name, image in (("P6", rgb), ("P5", grey), ("P4", bits)):
        yield "PNM", name, bytes_of(image, "PPM"), image.convert("RGB"), 0
    words = "P3 # a comment\n%d %d # another\n255\n" % rgb.size + " ".join("%d %d %d" % p for p in rgb.getdata())
    yield "PNM", "P3", words.encode(), rgb, 0
    ones = "P1\n%d %d\n" % rgb.size + "".join("0" if v else "1" for v in bits.getdata())
    yield "PNM", "P1", ones.encode(), bits.convert("RGB"), 0
    wide = b"P6\n%d %d\n65535\n" % rgb.size + b"".join(bytes((v, v)) for p in rgb.getdata() for v in p)
    yield "PNM", "P6 of 16 bits", wide, rgb, 0


def values_of(image):
    return [v / 255 for v in c.planar([v for pixel in image.convert("RGB").getdata() for v in pixel])]


def check_pixels():
    for kind, name, data, want, slack in cases():
        path = c.write("one", data)
        if not reads(kind):
            c.refused("%s, %s, without its library" % (kind, name), path, "this is a %s picture, and this vae was built without" % kind)
            continue
        c.compare("%s, %s" % (kind, name), c.taken("%s, %s: read" % (kind, name), path), values_of(want), (slack + 0.01) / 255)


def check_orientations():
    """Of each format that notes one: what lies comes upright."""
    rgb = scene()
    upright = values_of(rgb)
    back = {1: None, 2: Image.FLIP_LEFT_RIGHT, 3: Image.ROTATE_180, 4: Image.FLIP_TOP_BOTTOM, 5: Image.TRANSPOSE, 6: Image.ROTATE_90,
            7: Image.TRANSVERSE, 8: Image.ROTATE_270}
    for kind, name, options in (("PNG", "PNG", {}), ("WebP", "WEBP", {"lossless": True}), ("TIFF", "TIFF", {})):
        if not reads(kind):
            continue
        for orientation, way in back.items():
            lying = rgb if way is None else rgb.transpose(way)
            path = c.write("lying", turned(lying, name, orientation, **options))
            title = "%s of orientation %d" % (kind, orientation)
            c.compare(title, c.taken(title + ": read", path, "turned upright" if orientation > 1 else None), upright, 0.01 / 255)


def check_damage():
    """Cut short and with bytes changed: read or refused, never more than a second, 256 MiB or a crash."""
    change = random.Random(2)
    for kind, name, data, _, _ in cases():
        for turn in range(8):
            bad = bytearray(data[:change.randrange(len(data))] if turn < 3 else data)
            for _ in range(0 if turn < 3 else 3):
                bad[change.randrange(min(len(bad), 200 if turn < 6 else len(bad)))] = change.choice((0, 1, 127, 128, 255))
            run = c.encode("colour", c.write("bad", bytes(bad)))
            c.report("%s, %s, damaged (%d)" % (kind, name, turn), run.wrong(run.code if run.code in (0, 3) else 3))


def check_limits():
    """Small files that claim many pixels."""
    def number(n, size):
        return n.to_bytes(size, "little")

    bmp = bytearray(bytes_of(scene(), "BMP"))
    bmp[18:26] = number(20000, 4) * 2
    c.refused("a BMP of 20000x20000", c.write("large.bmp", bytes(bmp)), "20000x20000 pixels, at most 16384 a side")
    bmp[18:26] = number(8000, 4) * 2
    c.refused("a BMP cut short", c.write("large.bmp", bytes(bmp)), "damaged BMP: cut short")
    bmp[30] = 1
    c.refused("a BMP of run lengths", c.write("runs.bmp", bytes(bmp)), "a BMP of a kind that is not read")
    for head, words in ((b"P6 20000 4 255 ", "20000x4 pixels"), (b"P6 9999999999 4 255 ", "999999999x9 pixels, at most 16384"),
                        (b"P6 4 4 70000 ", "largest value"), (b"P6 8000 8000 255 ", "cut short"),
                        (b"P2 4 4 255 1 2 x", "cut short"), (b"P6 4", "has no size")):
        c.refused("PNM %s" % head, c.write("large.ppm", head), words)
    if reads("GIF"):
        gif = bytearray(bytes_of(scene().quantize(8), "GIF"))
        gif[6:10] = number(40000, 2) * 2
        c.refused("a GIF of 40000x40000", c.write("large.gif", bytes(gif)), "40000x40000 pixels, at most 16384 a side")
    if reads("TIFF"):
        c.refused("a TIFF of 6000x6000", c.write("large.tif", bytes_of(Image.new("1", (6000, 6000)), "TIFF", compression="group4")),
                  "a TIFF of 6000x6000 pixels, at most")
    if reads("WebP"):
        c.refused("a WebP of 6000x6000", c.write("large.webp", bytes_of(Image.new("RGB", (6000, 6000)), "WEBP", lossless=True)),
                  "a WebP of 6000x6000 pixels, at most")


def main():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    c.make_model("colour", SIDE, SIDE, 3)
    check_pixels()
    check_orientations()
    check_limits()
    check_damage()
    shutil.rmtree(folder)
    print("%d passed, %d failed" % (c.passed, c.failed))
    return c.failed > 0


if __name__ == "__main__":
    sys.exit(main())
