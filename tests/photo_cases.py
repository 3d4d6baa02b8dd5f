# SPDX-License-Identifier: MIT
"""Runs the vae program on pictures that Pillow has written. Each must give the pixels that Pillow reads, or a sentence, within a second of
processor time and 256 MiB. Prints a line for each case that fails and ends with "N passed, N failed"."""
import base64
import csv
import html.parser
import io
import json
import os
import random
import shutil
import subprocess
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


# ---- the folder of a person ---------------------------------------------------------------------------------------------

class Train(c.Run):
    """A call that trains, without the limits of a loader."""
    def __init__(self, *args):
        child = subprocess.run([c.VAE, *args], stdin=subprocess.DEVNULL, capture_output=True, timeout=120)
        self.code, self.out, self.err, self.seconds, self.bytes = child.returncode, child.stdout, child.stderr, 0, 0


def landscape(k):
    """A photograph that shows which way up it is: a blue sky above green ground, a red house at the left."""
    image = Image.new("RGB", (160, 120), (70 + k, 130, 240))
    image.paste((40, 160 - 2 * k, 50), (0, 60, 160, 120))
    image.paste((210, 40, 40), (30, 45, 60, 75))
    return image


LYING = {1: None, 3: Image.ROTATE_180, 6: Image.ROTATE_90, 8: Image.ROTATE_270}  # how a camera stores what EXIF then turns


def make_photographs():
    """22 photographs in six formats and four orientations, three of them broken."""
    os.makedirs("photos")
    for k in range(22):
        name, kind, options = (("jpg", "JPEG", {"quality": 95}), ("png", "PNG", {}), ("webp", "WEBP", {"quality": 95}),
                               ("tif", "TIFF", {}), ("bmp", "BMP", {}), ("gif", "GIF", {}))[k % 6]
        orientation = (1, 3, 6, 8)[k % 4] if kind not in ("BMP", "GIF") else 1
        way = LYING[orientation]
        image = landscape(k) if way is None else landscape(k).transpose(way)
        if kind == "GIF":
            image = image.quantize(64)
        data = turned(image, kind, orientation, **options) if orientation > 1 else bytes_of(image, kind, **options)
        if k in (4, 12, 19):
            data = data[:len(data) // 3] if k != 12 else b""
        c.write("photos/%02d.%s" % (k, name), data)


def is_upright(tile):
    """Blue above, green below, red at the left."""
    w, h = tile.size
    top, bottom, left, right = (tile.getpixel(at) for at in ((w // 2, 3), (w // 2, h - 4), (w * 16 // 64, h // 2), (w * 52 // 64, h // 2)))
    return top[2] > top[0] + 60 and bottom[1] > bottom[0] + 60 and left[0] > left[1] + 60 and right[0] < 120


def check_the_folder_of_a_person():
    make_photographs()
    run = Train("train", "photos", "-o", "run", "--steps", "12")
    said = run.err.decode()
    c.report("22 photographs train", None if run.code == 0 else said)
    c.report("the first line says what is done", None if said.startswith("photos: 22 pictures, 64x64 colour, preset photo64\n") else said)
    c.report("what is broken is named", None if all("photos/%s: " % name in said for name in ("04.bmp", "12.jpg", "19.png")) else said)
    c.report("what is broken is counted", None if "3 of 22 pictures could not be read and are left out" in said else said)
    c.report("the orientations are followed", None if "turned upright as the camera noted" in said else said)
    grid = Image.open("run/recon.png").convert("RGB")  # the photographs held out, above what the model makes of them
    tiles = [grid.crop((2 + 66 * i, 2, 66 + 66 * i, 66)) for i in range(2)]
    c.report("pictures upright and in colour", None if all(is_upright(tile) for tile in tiles) else "not upright")
    refusal = Train("train", "photos", "-o", "strict", "--strict")
    c.report("--strict refuses them", refusal.wrong(3, "3 of 22 pictures could not be read"))


def first_line(name, want, source, *more):
    run = Train("train", source, "-o", "decided", "-f", "--steps", "1", *more)
    line = run.err.decode().split("\n")[0]
    c.report(name, None if run.code == 0 and line == want else "%d: %s" % (run.code, run.err.decode()))


def check_decisions():
    for kind, size, mode in (("digits", (28, 28), "L"), ("icons", (32, 32), "RGB"), ("thumbs", (40, 30), "RGB"),
                             ("scans", (300, 200), "L")):
        for k in range(12):
            c.write("%s/%d.png" % (kind, k), bytes_of(landscape(k).convert(mode).resize(size), "PNG"))
    first_line("small grey pictures", "digits: 12 pictures, 28x28 grey, preset conv", "digits")
    first_line("small pictures in colour", "icons: 12 pictures, 32x32 colour, preset photo64", "icons")
    first_line("sides below 48", "thumbs: 12 pictures, 32x32 colour, preset photo64", "thumbs")
    first_line("grey photographs", "scans: 12 pictures, 64x64 grey, preset photo64", "scans")
    first_line("--size", "scans: 12 pictures, 128x128 grey, preset photo128", "scans", "--size", "128")
    first_line("--size of two sides", "scans: 12 pictures, 32x48 grey, preset photo64", "scans", "--size", "32x48")
    first_line("--color", "scans: 12 pictures, 64x64 colour, preset photo64", "scans", "--color")
    first_line("--grey", "icons: 12 pictures, 32x32 grey, preset conv", "icons", "--grey")
    first_line("an array", "a.npy: 12 pictures, 32x32 colour, preset photo64", c.write("a.npy", c.f.npy((12, 32, 32, 3), bytes(36864))))
    first_line("textures", "few.wad: 1 picture, 64x64 colour, preset photo64",
               c.write("few.wad", c.f.wad([(b"F_START", b""), (b"A", bytes(range(256)) * 16), (b"F_END", b""),
                                           (b"PLAYPAL", bytes(range(256)) * 3)])))
    for words, more in (("is no size", ("--size", "64y")), ("is no size", ("--size", "0")), ("exclude", ("--color", "--grey")),
                        ("cannot be made for 30x30x1", ("--preset", "photo64", "--size", "30", "--grey")),
                        ("are for presets", ("--model", "colour.txt", "--size", "64"))):
        c.report("%s: %s" % (" ".join(more), words), Train("train", "icons", "-o", "decided", "-f", *more).wrong(2, words))
    c.report("an array keeps its size", Train("train", "a.npy", "-o", "decided", "-f", "--size", "64").wrong(2, "taken as they are"))
    flat = c.write("flat.npy", c.f.npy((5, 20), bytes(100)))
    c.report("rows suit no preset", Train("train", flat, "-o", "decided", "-f").wrong(3, "no preset suits examples of 20"))
    for preset in ("conv", "conv-bn", "dense", "vq", "vq64", "photo64", "photo128"):
        run = Train("train", "icons", "-o", "decided", "-f", "--steps", "1", "--batch", "4", "--preset", preset, "--size", "48", "--color")
        c.report("%s for 48x48 in colour" % preset, run.wrong(0, "%s: 48x48 colour" % preset))
    run = Train("train", "icons", "-o", "decided", "-f", "--epochs", "1", "--batch", "4", "--size", "16", "--passes", "3")
    c.report("passes", run.wrong(0))
    with open("decided/metrics.jsonl") as file:
        c.report("an epoch of three passes", None if '"event":"epoch","step":8,"epoch":1,' in file.read() else "not 8 steps")
    run = Train("train", "icons", "-o", "decided", "--resume", "--epochs", "2")
    c.report("passes are kept by --resume", run.wrong(0, "resumed at step 8"))
    c.report("other passes are refused", Train("train", "icons", "-o", "decided", "--resume", "--passes", "2").wrong(2, "--passes differs"))


def check_several():
    c.write("words.txt", b"words")
    got = c.taken("several pictures", "icons/3.png", "3 latents", more=("icons/1.png", "icons/2.png"))
    one = c.taken("one of them", "icons/3.png")
    c.report("in the order given", None if got[:len(one)] == one else "another order")
    c.taken("pictures and folders", "icons", "and 2 more: 25 pictures(.|\n)*25 latents", more=("digits", "scans/1.png"))
    c.taken("what is no picture is named", "icons/1.png", "words.txt: no picture that is known here(.|\n)*1 of 2 pictures",
            more=("words.txt",))
    c.refused("what is no picture and --strict", "icons/1.png", "1 of 2 pictures", more=("words.txt", "--strict"))
    first_line("several train", "icons/1.png and 3 more: 4 pictures, 32x32 colour, preset photo64", "icons/1.png",
               "icons/2.png", "icons/3.png", "icons/4.png")


def check_looking():
    """vae data, score and traverse."""
    looked = c.Run("data", "photos", "-o", "sheet.png", "-f")
    c.report("vae data", looked.wrong(0, "examples    19 of 64x64x3(.|\n)*blue        mean 0\\.[0-9]+, standard deviation"))
    sheet = Image.open("sheet.png").convert("RGB")
    tiles = [sheet.crop((2 + 66 * (i % 5), 2 + 66 * (i // 5), 66 + 66 * (i % 5), 66 + 66 * (i // 5))) for i in range(19)]
    c.report("a sheet of photographs, all upright", None if all(is_upright(tile) for tile in tiles) else "not upright")
    c.report("vae data counts classes", c.Run("data", "shapes:40").wrong(0, "4 classes\n  0         [0-9]+ examples: disc"))
    c.report("vae data and --size", c.Run("data", "scans", "--size", "32", "--color").wrong(0, "12 of 32x32x3"))
    c.report("vae data writes pictures", c.Run("data", "photos", "-o", "sheet.gif").wrong(2, "must end in .png or .npy"))
    Train("train", "icons", "-o", "small", "--size", "16", "--steps", "3", "-f")
    scored = Train("score", "small", "icons", "-o", "scores.csv", "--worst", "2", "-f", "--split", "train")
    with open("scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    total = sum(abs(float(r["loss"]) - float(r["recon"]) - float(r["rate"])) for r in rows)
    mean = sum(float(r["loss"]) for r in rows) / len(rows)
    said = json.loads(Train("eval", "small", "icons", "--split", "train", "--json").out)
    c.report("a table of scores", None if len(rows) == 12 and rows[3]["file"] == "icons/11.png" and total < 1e-2 else str(rows[:4]))
    c.report("whose mean is that of vae eval", None if abs(mean - said["loss"]) < 1e-6 * abs(mean) else "%r %r" % (mean, said))
    worst = max(rows, key=lambda r: float(r["loss"]))["file"]
    c.report("the worst first", None if worst in scored.out.decode().split("\n")[0] else scored.out.decode())
    c.report("scores have a name in .csv", c.Run("score", "small", "icons", "-o", "scores.txt").wrong(2, "must end in .csv"))
    run = Train("traverse", "small", "icons", "-o", "walk.npy", "-n", "2", "--steps", "5", "--example", "3", "-f")
    rates = [float(line.split()[5]) for line in run.out.decode().split("\n")[:2]]
    c.report("vae traverse", None if run.code == 0 and rates[0] >= rates[1] > 0 else run.out.decode())
    got = c.values("walk.npy")
    c.report("a picture for each step", None if len(got) == 2 * 5 * 16 * 16 * 3 else str(len(got)))
    for words, more in (("no number above 0", ("--range", "x")), ("there are 2", ("--example", "9"))):
        c.report("traverse " + words, c.Run("traverse", "colour", "icons", "-o", "w.png", "-f", *more).wrong(2))


class Page(html.parser.HTMLParser):
    """The pictures, points and open elements of a page."""
    def __init__(self, text):
        super().__init__()
        self.pictures, self.points, self.open, self.outside = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        at = dict(attrs)
        if tag not in ("meta", "img", "line", "path", "polyline"):
            self.open.append(tag)
        if tag == "img":
            self.pictures.append(base64.b64decode(at["src"].split("base64,")[1]))
        if tag == "polyline":
            self.points.append(at["points"].split())
        self.outside += [v for k, v in attrs if k in ("src", "href") and not v.startswith("data:")]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        if self.open.pop() != tag:
            self.outside.append("</%s>" % tag)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def check_report():
    Train("train", "icons", "-o", "told", "--size", "16", "--epochs", "3", "--passes", "2", "-f")
    with open("told/results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    epochs = [json.loads(line) for line in open("told/metrics.jsonl") if '"event":"epoch"' in line]
    same = [{k: float(v) for k, v in row.items()} for row in rows] == [{k: v for k, v in e.items() if k != "event"} for e in epochs]
    c.report("results.csv has the lines of epochs", None if same and len(rows) == 3 else str(rows))
    c.report("vae report", c.Run("report", "told", "-o", "told.html", "-f").wrong(0))
    text = content("told.html").decode()
    page = Page(text)
    c.report("a whole page", None if not page.open and not page.outside and "http" not in text else str((page.open, page.outside)))
    inside = [content("told/recon.png"), content("told/samples/epoch_0003.png")]
    c.report("with the pictures inside", None if page.pictures == inside else "others")
    c.report("and a point for each epoch", None if [len(p) for p in page.points] == [3, 3, 3, 3] else str(page.points))
    os.rename("told", "<b>&told")
    c.report("names are escaped", c.Run("report", "<b>&told", "-o", "odd.html", "-f").wrong(0))
    c.report("in the title", None if "<title>&lt;b&gt;&amp;told</title>" in content("odd.html").decode() else "not escaped")
    c.report("no run", c.Run("report", "icons", "-o", "no.html").wrong(1, "icons: no run"))
    c.report("no page", c.Run("report", "photos", "-o", "no.pdf").wrong(2, "must end in .html"))


def piped(given, *args):
    child = subprocess.run([c.VAE, *args], input=given, capture_output=True, timeout=60)
    return child.returncode, child.stdout, child.stderr.decode()


def check_pipes():
    icon = content("icons/3.png")
    code, out, err = piped(b"", "data", "icons", "-n", "4", "-o", "-")
    c.report("a picture into a pipe", None if code == 0 and Image.open(io.BytesIO(out)).size[0] > 64 else err)
    c.report("with the words beside it", None if "examples    12 of 32x32x3" in err else err)
    code, out, err = piped(icon, "encode", "colour", "-", "-o", "-")
    Train("encode", "colour", "icons/3.png", "-o", "direct.npy", "-f")
    c.report("from a pipe into a pipe", None if code == 0 and out == content("direct.npy") and "1 latent of" in err else err)
    code, out, err = piped(b"", "score", "small", "icons", "--split", "train", "-o", "-")
    c.report("a table into a pipe", None if code == 0 and out == content("scores.csv") and "icons/" in err else err)
    code, out, err = piped(b"words", "encode", "colour", "-", "-o", "-")
    c.report("what comes from a pipe is checked", None if code == 3 and not out and "no data file that is known here" in err else err)
    code, out, err = piped(b"", "encode", "colour", "-", "-o", "-")
    c.report("nothing from a pipe", None if code == 3 and "the file is empty" in err else err)


def main():
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    c.make_model("colour", SIDE, SIDE, 3)
    check_pixels()
    check_orientations()
    check_limits()
    check_damage()
    check_the_folder_of_a_person()
    check_decisions()
    check_several()
    check_looking()
    check_report()
    check_pipes()
    shutil.rmtree(folder)
    print("%d passed, %d failed" % (c.passed, c.failed))
    return c.failed > 0


if __name__ == "__main__":
    sys.exit(main())
