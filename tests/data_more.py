# SPDX-License-Identifier: MIT
"""More cases for data_cases.py, which passes itself to check(): folders of data sets, sources by name, and arrays that only vae decode
reads."""
import gzip
import os
import pty
import resource
import struct
import subprocess

import data_files as f


def record(label):
    return bytes([label]) + bytes(i % 251 for i in range(3072))


def cifar(c):
    """CIFAR-10's folder: five batches for training and one for testing, or what is there of them."""
    for i in range(1, 6):
        c.write("cifar/cifar-10-batches-bin/data_batch_%d.bin" % i, record(i) + record(9 - i))
    c.write("cifar/cifar-10-batches-bin/test_batch.bin", record(7))
    c.equal("labels of CIFAR-10's folder", c.labels("cifar"), [1, 8, 2, 7, 3, 6, 4, 5, 5, 4])
    run = c.Run("encode", "colour", "cifar", "-o", "z.npy", "-f", "--split", "test")
    c.report("its test batch is the other side", run.wrong(0, "1 latent of"))
    c.compare("the values are planes made pixels", c.values("z.npy"), [v / 255 for v in record(7)[1:]], 1e-6)
    c.write("some_cifar/data_batch_3.bin", record(3) * 12)
    c.taken("one batch alone is split", "some_cifar", "12 latents")
    c.write("bad_cifar/data_batch_1.bin", record(3))
    c.write("bad_cifar/data_batch_2.bin", record(3) + record(12))
    c.refused("a wrong label in a batch", "bad_cifar", "data_batch_2.bin: record 1 has label 12, wanted 0 to 9")
    c.write("empty_cifar/data_batch_1.bin", b"")
    c.refused("an empty batch", "empty_cifar", "data_batch_1.bin: 0 bytes are no whole number of CIFAR-10 records")
    c.write("far_cifar/a/b/data_batch_1.bin", record(3))
    c.refused("a batch two folders down", "far_cifar", "no CIFAR-10 file such as data_batch_1.bin; there are 1 files")
    c.refused("records of CIFAR-100", c.write("c.bin", b"\1" + record(3)), "CIFAR-100 is not read")


def stored(data, blocks):
    """A gzip file of stored blocks with a wrong checksum, which zlib reads late: its blocks end where a read of 256 KiB ends."""
    size, out = -(-len(data) // blocks), gzip.compress(b"")[:10]
    for i in range(blocks):
        part = data[i * size:(i + 1) * size]
        out += struct.pack("<BHH", i == blocks - 1, len(part), len(part) ^ 0xffff) + part
    assert len(out) % (1 << 18) == 0
    return out + bytes(8)


def mnist(c):
    image, big = f.idx((6, 28, 28), bytes(6 * 784)), f.idx((2, 32, 32), bytes(2048))
    digits = f.idx((6,), bytes([3, 1, 4, 1, 5, 9]))
    c.write("uneven/train-images-idx3-ubyte", image)
    c.write("uneven/t10k-images-idx3-ubyte", big)
    run = c.Run("train", "uneven", "--steps", "1", "-q", "-o", "uneven_run")
    c.report("training and test images of two sizes", run.wrong(3, "uneven: the examples are 32x32x1, the model wants 28x28x1"))
    c.write("named/train-images-idx3-ubyte", image)
    os.makedirs("named/train-labels-idx1-ubyte/deeper")
    os.makedirs("named/train-labels-idx1-ubyte.gz")
    c.taken("folders in the place of labels", "named", "no labels: there is no train-labels-idx1-ubyte beside it", "grey")
    c.write("far/a/b/c/d/train-images-idx3-ubyte", image)
    c.refused("images four folders down", "far", "no picture in this folder", "grey")
    c.write("neither/images-idx3-ubyte", image)
    c.refused("images of neither split", "neither", "no picture in this folder", "grey")
    c.write("test_dash/test-images-idx3-ubyte", image)
    c.taken("images for testing by their other name", "test_dash", "testing alone", "grey")
    c.write("twins/train-images-idx3-ubyte", image)
    c.write("twins/train-images-idx3-ubyte.old", image)
    c.refused("two files of images", "twins", "several sets of images, such as .*ubyte and .*ubyte.old", "grey")
    c.write("wrong/train-images-idx3-ubyte", image)
    for data, words in ((digits[:4] + struct.pack(">I", 6) + bytes(5), "cut short"), (b"letters", "not an IDX file: it begins with 6c 65"),
                        (b"\1\2\0\3" + bytes(9), "not an IDX file: it begins with 01 02"),
                        (f.idx((6, 1), bytes(6)), "not labels: wanted one size and type 08, got 2 and 08"),
                        (f.idx((6,), bytes(24), 13), "not labels: wanted one size and type 08, got 1 and 0d")):
        c.write("wrong/train-labels-idx1-ubyte", data)
        c.refused("labels: " + words, "wrong", words, "grey")
    c.write("one_zipped/train-images-idx3-ubyte", image)
    c.write("one_zipped/train-labels-idx1-ubyte.gz", gzip.compress(digits))
    c.write("other_zipped/train-images-idx3-ubyte.gz", gzip.compress(image))
    c.write("other_zipped/train-labels-idx1-ubyte", digits)
    for folder in ("one_zipped", "other_zipped"):
        run = c.encode("grey", folder, "--labels", "y.npy")
        c.equal(folder, run.code == 0 and list(c.values("y.npy")), [3, 1, 4, 1, 5, 9])
    for name in ("a.tar.gz", "a.tgz"):
        c.refused("an archive named " + name, c.write(name, gzip.compress(b"words, and more words")), "this is an archive; unpack it first")
    many = f.idx((400, 32, 32, 3), bytes(range(256)) * 4800)
    got = c.taken("more than a megabyte", c.write("many", many))
    c.report("its last value", None if got and abs(got[-1] - 1) < 1e-6 else "another")
    got = c.taken("more than a megabyte, zipped", c.write("many.gz", gzip.compress(many)))
    c.report("its last value, zipped", None if got and abs(got[-1] - 1) < 1e-6 else "another")
    torn = bytearray(gzip.compress(f.idx((560, 32, 32, 3), bytes(560 * 3072))))
    torn[-8] ^= 1
    c.refused("a checksum that is wrong", c.write("torn.gz", bytes(torn)), "damaged")
    c.refused("a checksum that is read when all values are", c.write("late.gz", stored(f.idx((2338, 28, 28), bytes(2338 * 784)), 398)),
              "damaged or cut short at its end", "grey")


def by_name(c):
    """fashion-mnist and freedoom, from the folder that VAE_DATA names."""
    def run(source, folder, model="grey"):
        return c.Run("encode", model, source, "-o", "z.npy", "-f", env={"VAE_DATA": folder})
    for split, n in (("train", 6), ("t10k", 2)):
        c.write("fashion/%s-images-idx3-ubyte" % split, f.idx((n, 28, 28), bytes(n * 784)))
        c.write("fashion/%s-labels-idx1-ubyte" % split, f.idx((n,), bytes(range(n))))
    c.report("fashion-mnist by VAE_DATA", run("fashion-mnist", "fashion").wrong(0, "latents"))
    c.write("fashion/train-labels-idx1-ubyte", f.idx((6,), bytes([1, 2, 3, 10, 4, 5])))
    c.report("a label that the set has not", run("fashion-mnist", "fashion").wrong(3, "label 3 is 10, there are 10 classes"))
    c.write("half/train-images-idx3-ubyte", f.idx((6, 28, 28), bytes(6 * 784)))
    for folder in ("half", "nowhere"):
        c.report("fashion-mnist not in " + folder,
                 run("fashion-mnist", folder).wrong(1, "apt install dataset-fashion-mnist, or set VAE_DATA"))
    flat = bytes(i * 3 % 251 for i in range(4096))
    good = f.wad([(b"PLAYPAL", bytes(range(256)) * 3), (b"F_START", b""), (b"FLOOR", flat), (b"F_END", b"")])
    c.write("doom/freedoom1.wad", good)
    c.report("freedoom with one file", run("freedoom", "doom", "colour").wrong(1, "apt install freedoom, or set VAE_DATA"))
    c.write("doom/freedoom2.wad", good)
    c.report("freedoom by VAE_DATA", run("freedoom", "doom", "colour").wrong(0, "1 latent of"))
    c.write("doom/freedoom2.wad", b"words, which are longer than a head")
    c.report("freedoom of another kind", run("freedoom", "doom", "colour").wrong(3, "not a WAD file: it begins with neither IWAD nor PWAD"))
    for source, folder in (("freedoom", "/usr/share/games/doom"), ("fashion-mnist", "/usr/share/datasets/fashion-mnist")):
        for env in ({"VAE_DATA": ""}, None):
            if not os.path.isdir(folder):  # where the data set is installed it is read
                run = c.Run("encode", "grey", source, "-o", "z.npy", "-f", env=env)
                c.report("%s without VAE_DATA" % source, run.wrong(1, "apt install"))
    run = c.Run("encode", "grey", "shapesque", "-o", "z.npy", "-f")
    c.report("a source that only begins as shapes", run.wrong(1, "no such file; data is"))


def walls(c):
    """Textures by hand: a tall patch whose second run lies below its first, and more crops than the table begins with."""
    palette = bytes(range(256)) * 3
    flats = [(b"F%c%c" % (65 + k % 26, 65 + k // 26), bytes((i * (k % 13 + 3) + k * 7 + i // 61 * k) % 251 for i in range(4096)))
             for k in range(1100)]
    flats.append((b"PLAIN", bytes(4096)))  # of one colour: left out
    many = f.wad([(b"PLAYPAL", palette), (b"F_START", b""), *flats, (b"F_END", b"")])
    c.write("many.wad", many)
    n = 0
    for split in ("train", "test"):
        run = c.Run("encode", "colour", "many.wad", "-o", "z.npy", "-f", "--split", split)
        n += len(c.values("z.npy")) // 3072 if run.code == 0 else 0
    c.equal("1,100 flats are told apart", n, 1100)
    c.refused("a WAD for a model of rows", "many.wad", "the model's input 12 is no picture of 1 or 3 channels", "rows")


def folders(c):
    png = f.png(f.pattern(32, 32, 8, 2))
    c.refused("pictures for a model of rows", os.path.dirname(c.write("row/a.png", png)), "the model's input 12 is no picture", "rows")
    c.refused("shapes for a model of rows", "shapes:4", "the model's input 12 is no picture of 1 or 3 channels", "rows")
    for i in range(3):
        c.write("heic/%d.heic" % i, b"\0\0\0\x18ftypheic" + bytes(20))
    c.refused("a folder of HEIC", "heic", "there are 3 files, of which 3 HEIC")
    c.write("kinds/a.png", png)
    c.write("kinds/b.png", b"PK\3\4" + bytes(30))
    c.write("kinds/c.png", b"\xff\xd8\0" + bytes(30))
    c.taken("what begins as a JPEG and is none", "kinds", "c.png: no picture that is known here")
    c.taken("an archive named .png", "kinds", "b.png: no picture that is known here: this is a zip archive")
    c.write("deepest/" + "d/" * 18 + "a.png", png)
    c.write("deepest/b.png", png)
    c.taken("folders below the sixteenth", "deepest", "it lies deeper than 16 folders")
    c.refused("the same and --strict", "deepest", "a folder in it could not be read", more=("--strict",))
    for i in range(200):
        c.write("wide/%03d/a.png" % i, png)
        if i < 20:
            c.write("wide/%03d0/a.png" % i, png)
    c.equal("two hundred folders and twenty", c.labels("wide"), list(range(220)))
    for i in range(257):
        c.write("long/%03d.png" % i, png)
    for i in range(20):
        os.makedirs("links/%02d" % i)
        os.symlink(os.path.abspath("long/000.png"), "links/%02d/a.png" % i)
        os.symlink(os.path.abspath("row"), "links/row%02d" % i)
    c.equal("twenty links to one folder", c.labels("links"), list(range(21)))
    c.taken("many pictures without a terminal", "long", "257 latents")
    main, side = pty.openpty()  # a terminal is told how far the reading is
    child = subprocess.Popen([c.VAE, "encode", "colour", "long", "-o", "z.npy", "-f"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=side, env=dict(os.environ, TERM="xterm"))
    os.close(side)
    said = b""
    try:
        while True:
            said += os.read(main, 65536)
    except OSError:
        pass  # the other side is closed
    os.close(main)
    code = child.wait()
    c.report("progress on a terminal", None if code == 0 and b"reading pictures: 1 of 257" in said else "%d: %r" % (code, said[:200]))


def few_files(c):
    """A process that may not open as many folders as lie in each other."""
    png = f.png(f.pattern(32, 32, 8, 2))
    c.write("nest/" + "d/" * 14 + "a.png", png)
    c.write("nest/b.png", png)
    child = subprocess.run([c.VAE, "encode", "colour", "nest", "-o", "z.npy", "-f", "--threads", "1"], stdin=subprocess.DEVNULL,
                           capture_output=True, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12)))
    text = (child.stdout + child.stderr).decode()
    c.report("folders that cannot be opened", None if child.returncode == 0 and "left out: Too many open files" in text else text)


def arrays(c):
    for name, data, words in (
            ("words", b"words that are longer than a head", "not a .npy file"), ("nothing", b"", "not a .npy file"),
            ("npz", b"PK\3\4" + bytes(40), "not a .npy file but a zip archive; unpack it first"),
            ("scalar", f.npy((), struct.pack("<f", float("nan")), "'<f4'"), "not finite|sizes"),
            ("long header", b"\x93NUMPY\2\0" + struct.pack("<I", 70000) + b" " * 70000, "header of 70000 bytes, at most 65536"),
            ("empty", f.npy((0, 3072), b"", "'<f4'"), "empty|latents|0"),
            ("six sizes", f.npy((1, 1, 1, 1, 1, 3072), bytes(12288), "'<f4'"), "latents")):
        run = c.Run("decode", "colour", c.write("odd.npy", data), "-o", "x.npy", "-f")
        c.report("decode of " + name, run.wrong(3, words))
    c.refused("an array of six sizes", c.write("odd.npy", f.npy((1, 1, 1, 1, 1, 3072), bytes(3072))), "an array of 6 sizes; examples are")
    c.refused("an array of five sizes", c.write("odd.npy", f.npy((2, 1, 1, 1, 3071), bytes(6142))), "the examples are 1x1x1x3071")
    c.taken("sizes of 1 count for nothing", c.write("odd.npy", f.npy((2, 1, 1, 1, 3072), bytes(6144))), "2 latents")
    one = c.Run("train", c.write("one.npy", f.npy((12, 12), bytes(144))), "--model", "rows.txt", "--steps", "1", "-q", "-o", "r", "-f")
    c.report("rows of 12 values", one.wrong(0))
    if os.access("/", os.W_OK):
        path = "/vae-check-%d.npy" % os.getpid()
        c.report("a file in the root folder", c.Run("encode", "colour", "shapes:4", "-o", path).wrong(0))
        os.remove(path)
    for path, code, words in (("nowhere.npy", 1, "No such file"), ("deep", 3, "not a regular file")):
        c.report("decode of " + path, c.Run("decode", "colour", path, "-o", "x.npy", "-f").wrong(code, words))
    train = ("train", "shapes:4", "--model", "grey.txt", "--steps", "1", "-q", "-o")
    c.report("a folder where there can be none", c.Run(*train, "/proc/none/run").wrong(1, "the folder cannot be made: No such file"))
    c.report("a folder with a slash behind it", c.Run(*train, "slash/").wrong(0))
    c.report("its run", None if os.path.exists("slash/config.txt") else "is elsewhere")
    c.make_model("large", 48, 48, 1)
    c.report("large pictures are shown as they are", c.Run("recon", "large", "shapes:4", "-n", "2", "-o", "large.png", "-f").wrong(0))
    with open("large.png", "rb") as file:
        c.equal("width of two beside each other", struct.unpack(">I", file.read(20)[16:])[0] % 50, 2)
    rows = struct.pack("<24f", *(i / 24 for i in range(24)))
    c.write("unit.txt", b"input 12\nencoder linear out=2\nlatent none\ndecoder linear out=12\nlikelihood bernoulli\n")
    unit = ("--model", "unit.txt", "--steps", "1", "-q", "-o", "unit", "-f")
    c.report("values from 0 to 1 for bernoulli", c.Run("train", c.write("u.npy", f.npy((2, 12), rows, "'<f4'")), *unit).wrong(0))
    c.write("u.npy", f.npy((2, 12), rows[:-4] + struct.pack("<f", 1.5), "'<f4'"))
    c.report("a value of 1.5 for bernoulli", c.Run("train", "u.npy", *unit).wrong(3, "example 1|example 0 holds 1.5; a bernoulli"))
    c.make_model("oblong", 4, 8, 3)
    c.refused("sizes in a third order", c.write("odd.npy", f.npy((2, 3, 8, 4), bytes(192))), "wants 4x8x3 .channels last.$", "oblong")
    c.report("a folder below a file", c.Run("train", "shapes:4", "--model", "grey.txt", "--steps", "1", "-o", "one.npy/run").wrong(
        1, "one.npy: the folder cannot be made|one.npy.*Not a directory"))


def colours(c):
    """Over a background whose red and green are equal, and whose blue is not."""
    c.write("over/c.png", f.png(f.pattern(32, 32, 8, 4), colour=4))
    got = c.taken("pictures over yellow", "over", more=("--background", "#ffff00"))
    want = []
    for colour in (6, 4, 4):
        rgb = f.shown(f.pattern(32, 32, 8, colour), 8, colour, background=(255, 255, 0))
        want += c.planar(rgb)
    c.compare("pixels over yellow", got, want, 0.5 / 255 + 1e-4)


def check(c):
    text = "input 12\nencoder linear out=2\nlatent none\ndecoder linear out=12\nlikelihood gaussian\n"
    c.write("rows.txt", text.encode())
    c.write("rows.npy", f.npy((4, 12), bytes(48)))
    c.report("a model of rows", c.Run("train", "rows.npy", "--model", "rows.txt", "--steps", "1", "-q", "-o", "rows").wrong(0))
    for part in (cifar, mnist, by_name, walls, folders, few_files, arrays, colours):
        part(c)
