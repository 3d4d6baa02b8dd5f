# SPDX-License-Identifier: MIT
"""The seeds of the target `command`: command lines, and the files that they read."""

import struct

from corpus_formats import idx, npy, wad, zipped
from corpus_pictures import GREY, IEND, idat, ihdr, jpeg, png
from corpus_put import put

MODEL = (
    "input {}\nencoder flatten | linear out=2\nlatent gaussian dim=1\n"
    "decoder linear out={} | reshape {}\nlikelihood {}\n"
)


# fits any size
CONV = "input 2x2x1\nencoder conv2d out=1 kernel=1\nlatent none\ndecoder conv2d out=1 kernel=1\nlikelihood gaussian\n"


def model(size: str = "2x2x1", likelihood: str = "gaussian") -> str:
    values = 1
    for n in size.split("x"):
        values *= int(n)
    return MODEL.format(size, values, size, likelihood)


def seed(name: str, lines: list[str], files: dict[str, bytes | str]) -> None:
    """The command lines, then the files; the last has no line's end that is not its own."""
    parts = [line.encode() for line in lines]
    for path, data in files.items():
        parts += [b"=== " + path.encode(), data.encode() if isinstance(data, str) else data]
    put("command", f"{name}.seed", b"\n".join(parts))


# ---- settings --------------------------------------------------------------------------------------------------------
TRAIN = "train shapes:9 -o run --model m.txt --steps 1 --batch 2"
TEXT = {"m.txt": model()}

# what TRAIN writes
CONFIG = """# A run of vae.
# data = shapes:9
# preset = {preset}
# weights = {weights}
# batch = {batch}
# epochs = {epochs}
# steps = {steps}
# seed = {seed}
# augment = {augment}

input      2x2x1
encoder    flatten | linear out=2 bias=true init=pytorch
latent     gaussian dim=1 map=false init=pytorch
decoder    linear out=4 bias=true init=pytorch | reshape 2x2x1
likelihood gaussian sigma=fixed value=1
optimizer  adam lr=0.001 beta1=0.9 beta2=0.999 eps=1e-8 weight_decay=0
objective  elbo beta=1 warmup=0 cycle=0 ratio=0.5 free_bits=0
schedule   constant warmup=0
clip       none
memory     keep
"""


def config(**changed: str) -> str:
    settings = {"preset": "", "weights": "", "batch": "2", "epochs": "0", "steps": "1", "seed": "0", "augment": ""}
    return CONFIG.format(**(settings | changed))


def settings_files() -> None:
    seed("train-and-go-on", [TRAIN, "train shapes:9 -o run --resume --steps 3", "encode run shapes:9 -o z.npy"], TEXT)
    for name, words in {
        "text": "--set latent.dim=2",
        "same-text": "--set latent.dim=1",
        "model": "--model m.txt",
        "preset": "--preset dense",
        "batch": "--batch 3",
        "same-batch": "--batch 2",
        "seed": "--seed 5",
        "same-seed": "--seed 0",
        "augment": "--augment flip",
        "same-augment": "--augment ",
        "epochs": "--epochs 2",
        "steps": "--steps 2",
    }.items():
        seed(f"go-on-with-{name}", [TRAIN, f"train shapes:9 -o run --resume {words}"], TEXT)
    seed(
        "model-file",
        [TRAIN, "train shapes:9 -o more --model run/last.safetensors --batch 2 --epochs 1 --set adam.lr=0.1"],
        TEXT,
    )
    seed(
        "wrong-words",
        [
            "train shapes:9 -o run --preset conv --model m.txt",
            "train shapes:9 -o run --preset cnv",
            "train shapes:9 -o run --preset zzzzzzzzz",
            "train shapes:9 -o run --model nul.txt",
            "train shapes:9 -o run --model m.txt --set dim",
            "train shapes:9 -o run --model m.txt --set =2",
        ],
        TEXT | {"nul.txt": b"input 4\0"},
    )
    seed(
        "presets",
        [
            f"train shapes:9 -o run{words}"
            for words in ("", " --preset dense", " --preset vq", " --model set", " --set a")
        ],
        TEXT | {"set/": b""},
    )
    seed(
        "ends",
        [
            TRAIN + " --epochs 1 --force",
            TRAIN.replace("--steps 1", "--epochs 9223372036854775807") + " --force",
            TRAIN.replace("--steps 1", "--epochs 1 --steps 99") + " --force",
        ],
        TEXT,
    )
    again = [
        TRAIN,
        TRAIN.replace("batch 2", "batch 3"),
        TRAIN.replace("steps 1", "steps 2"),
        TRAIN + " --epochs 3",
        TRAIN + " --seed 1",
        TRAIN + " --augment flip",
    ]
    seed("begun-other-settings", again[1:], TEXT | {"run/config.txt": config()})
    seed("begun-again", again[:1], TEXT | {"run/config.txt": config()})
    seed(
        "begun-no-text",
        again[:1] + ["train shapes:9 -o run --resume"],
        TEXT | {"run/config.txt": config().split("\n\n")[0] + "\n"},
    )
    seed("begun-other-text", again[:1], {"m.txt": model("2x2x1", "laplace"), "run/config.txt": config()})
    seed("begun-other-input", again[:1], {"m.txt": model("2x2x3"), "run/config.txt": config()})
    seed("begun-other-weights", again[:1], TEXT | {"run/config.txt": config(weights="a.safetensors")})
    seed("begun-go-on", ["train shapes:9 -o run --resume"], {"run/config.txt": config()})
    seed(
        "begun-go-on-model",
        ["train shapes:9 -o run --resume --model m.txt --batch 2"],
        TEXT | {"run/config.txt": config()},
    )
    begun = {"run/resume.safetensors": b"", "m.txt": model()}
    for name, text in {
        "no-weights": config().replace("# weights = \n", ""),
        "no-augment": config().replace("# augment = \n", ""),
        "batches": config().replace("# batch = ", "# batches = "),
        "batch-0": config(batch="0"),
        "batch-word": config(batch="2x"),
        "batch-empty": config(batch=""),
        "no-end": config(steps="0"),
        "epochs": config(epochs="2", steps="0"),
        "epochs-many": config(epochs="9223372036854775807"),
        "no-text": "# preset = \n# weights = \n",
        "likelihood": config().replace("gaussian sigma", "bernouli sigma"),
    }.items():
        seed(f"config-{name}", ["train shapes:9 -o run --resume"], begun | {"run/config.txt": text})


# ---- runs ------------------------------------------------------------------------------------------------------------
def run_files() -> None:
    pictures = {
        "run/samples/epoch_0001.png": b"",
        "run/samples/epoch_1.txt": b"",
        "run/samples/notes": b"",
        "run/config.txt": config(),
    }
    seed("run-anew", [TRAIN + " --force", TRAIN, TRAIN + " --force", TRAIN + " --resume --force"], TEXT | pictures)
    seed("run-file-in-the-way", [TRAIN.replace("-o run", "-o m.txt"), "train shapes:9"], TEXT)
    seed("run-lock-alone", [TRAIN], TEXT | {"run/lock": b""})
    seed(
        "run-empty",
        [TRAIN, "train shapes:9 -o none --resume", "train shapes:9 -o other --resume"],
        TEXT | {"run/": b"", "other/a": b""},
    )
    seed("run-of-others", [TRAIN, TRAIN + " --force"], TEXT | {"run/loss.png": b"", "run/mine": b""})
    seed("run-cannot-be-cleared", [TRAIN + " --force"], TEXT | {"run/loss.png/a": b""})
    seed(
        "run-no-checkpoint",
        ["train shapes:9 -o run --resume"],
        {"run/last.safetensors": b"", "run/config.txt": config()},
    )
    seed(
        "run-no-state", ["train shapes:9 -o run --resume"], {"run/resume.safetensors": b"", "run/config.txt": config()}
    )
    seed("run-no-config", ["train shapes:9 -o run --resume"], {"run/resume.safetensors": b""})
    seed(
        "run-temporaries",
        [TRAIN],
        TEXT
        | {
            "run/config.txt.tmp.999999999": b"",
            "run/a.tmp.999999999": b"",
            "run/config.txt": config(),
            "run/samples/epoch_0001.png.tmp.999999999": b"",
        },
    )
    seed("run-log-is-a-link", [TRAIN], TEXT | {"run/metrics.jsonl -> ../m.txt": b"", "run/config.txt": config()})
    seed("run-long-name", [TRAIN.replace("-o run", "-o " + "n" * 256), TRAIN.replace("m.txt", "none.txt")], TEXT)
    seed("run-below", [TRAIN.replace("-o run", "-o a/b/run"), TRAIN.replace("-o run", "-o m.txt/run")], TEXT)


# ---- data ------------------------------------------------------------------------------------------------------------
PICTURE = png(ihdr(), idat(GREY), IEND)
IMAGES = idx(8, (4, 2, 2), bytes(range(16)))
LABELS = idx(8, (4,), bytes(4))
NPY = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}"


def array(values: list[float], shape: str = "(4, 2, 2)") -> bytes:
    return npy(NPY.format("<f4", shape), struct.pack(f"<{len(values)}f", *values))


def picture_folders() -> None:
    line = "train set -o run --model m.txt --steps 1 --batch 1"
    text = {"m.txt": model("4x4x1")}
    seed(
        "pictures-classes",
        [line, line + " --strict --force"],
        text
        | {
            "set/a/1.png": PICTURE,
            "set/a/2.png": PICTURE,
            "set/b/1.jpg": jpeg(),
            "set/b/deep/2.png": PICTURE,
            "set/b-c/1.png": PICTURE,
            "set/a/damaged.png": b"nothing",
            "set/a/notes.txt": b"notes",
            "set/a/p.webp": b"RIFF    WEBPVP8 ",
            "set/.hidden": b"",
            "set/pipe|": b"",
            "set/a/page.png": b"<!DOCTYPE html>",
        },
    )
    seed("pictures-beside", [line], text | {"set/1.png": PICTURE, "set/a/2.png": PICTURE})
    seed("pictures-none", [line], text | {"set/a.gif": b"GIF89a", "set/notes": b""})
    seed("pictures-empty", [line], text | {"set/": b""})
    seed(
        "pictures-strict",
        [line + " --strict"],
        text | {"set/1.png": PICTURE, "set/2.png": PICTURE[:50], "set/gone -> none": b""},
    )
    seed(
        "pictures-for-a-vector",
        ["train set -o run --model m.txt"],
        {
            "m.txt": "input 5\nencoder linear out=2\nlatent gaussian dim=1\ndecoder linear out=5\nlikelihood gaussian\n",
            "set/1.png": PICTURE,
        },
    )
    seed(
        "pictures-links",
        [line],
        text
        | {
            "set/a/1.png": PICTURE,
            "set/b -> a": b"",
            "set/c -> ../set": b"",
            "set/d -> e": b"",
            "set/f -> a/1.png": b"",
            "set/.g/1.png": PICTURE,
            "other/x.png": PICTURE,
            "set/h -> ../other": b"",
        },
    )
    seed("pictures-deep", [line], text | {"set/" + "d/" * 17 + "1.png": PICTURE, "set/1.png": PICTURE})
    seed(
        "pictures-many-folders",
        [line],
        text
        | {f"set/{i:02}/{'1.png' if i == 0 else ''}": PICTURE if i == 0 else b"" for i in range(40)}
        | {f"set/l{i:02} -> {i:02}": b"" for i in range(20)},
    )
    seed(
        "pictures-names",
        [line],
        text
        | {f"set/{name}": b"" for name in ("n", "no", "not", "nota", "no-", "no.", "n-/a", "n/a", "no0/b")}
        | {"set/not-/1.png": PICTURE, "set/n-/1.png": PICTURE, "set/a/empty.png": b"", "set/a/half.jpg": b"\xff\xd8\0"},
    )
    seed("pictures-slash", ["train set/ -o run/ --model m.txt --steps 1"], text | {"set/1.png": PICTURE})
    seed(
        "pictures-many", [line], text | {"set/a/p.png": PICTURE} | {f"set/a/{i}.png -> p.png": b"" for i in range(260)}
    )


def idx_folders() -> None:
    line = "train set -o run --model m.txt --steps 1 --batch 2"
    text = {"m.txt": model()}
    train, test = "train-images-idx3-ubyte", "t10k-images-idx3-ubyte"
    labels = train.replace("images-idx3", "labels-idx1")
    seed(
        "idx-four",
        [line, "encode run set -o z.npy --split test", "encode run set -o y.npy --split train --limit 2"],
        text
        | {
            f"set/{train}": IMAGES,
            f"set/{test}": IMAGES,
            f"set/{labels}": LABELS,
            f"set/{test.replace('images-idx3', 'labels-idx1')}": LABELS,
        },
    )
    seed(
        "idx-zipped",
        [line],
        text
        | {f"set/{train}.gz": zipped(IMAGES), f"set/{labels}.gz": zipped(LABELS), f"set/{test}.gz": zipped(IMAGES)},
    )
    seed(
        "idx-both",
        [line],
        text | {f"set/{train}": IMAGES, f"set/{train}.gz": zipped(IMAGES), f"set/{labels}.gz": zipped(LABELS)},
    )
    seed("idx-zipped-images-alone", [line], text | {f"set/{train}.gz": zipped(IMAGES), f"set/{labels}": LABELS})
    seed("idx-labels-folder", [line], text | {f"set/{train}": IMAGES, f"set/{labels}/": b"", f"set/{labels}.gz/": b""})
    seed(
        "idx-dots",
        [line],
        text | {f"set/{train.replace('-idx3', '.idx3')}": IMAGES, f"set/{labels.replace('-idx1', '.idx1')}": LABELS},
    )
    seed("idx-kaggle", [line], text | {f"set/{train}/{train}": IMAGES, f"set/{labels}/{labels}": LABELS})
    seed("idx-test-alone", [line], text | {"set/test-images.idx3-ubyte": IMAGES})
    seed("idx-several", [line], text | {f"set/a/{train}": IMAGES, f"set/b/{train}": IMAGES})
    seed("idx-deep", [line], text | {f"set/a/b/c/d/{train}": IMAGES, "set/other-images-idx3-ubyte": IMAGES})
    seed(
        "idx-sizes-differ", [line], {"m.txt": CONV, f"set/{train}": IMAGES, f"set/{test}": idx(8, (2, 1, 2), bytes(4))}
    )
    seed(
        "idx-other-size",
        [line + " --force"],
        text | {f"set/{train}": IMAGES, f"set/{test}": idx(8, (2, 4, 2), bytes(16))},
    )
    seed("idx-labels-of-floats", [line], text | {f"set/{train}": IMAGES, f"set/{labels}": idx(13, (4,), bytes(16))})
    seed(
        "idx-archive",
        [line.replace("set", name) for name in ("a.tar.gz", "a.tgz", "a.gz")],
        text | {"a.tar.gz": zipped(b"letters"), "a.tgz": zipped(b"letters"), "a.gz": zipped(b"\1\2\0\3")},
    )
    seed("idx-file", [line.replace("set", train)], text | {train: IMAGES})
    seed("idx-longer-name", [line], text | {f"set/{train}": IMAGES, f"set/{train}2": IMAGES})
    fashion = [
        "VAE_DATA=set",
        line.replace("train set", "train fashion-mnist"),
        "VAE_DATA=",
        line.replace("train set", "train freedoom"),
    ]
    seed("fashion", fashion, text | {f"set/{train}": IMAGES, f"set/{test}": IMAGES, f"set/{labels}": LABELS})
    seed(
        "fashion-label-10",
        fashion[:2],
        text | {f"set/{train}": IMAGES, f"set/{test}": IMAGES, f"set/{labels}": idx(8, (4,), b"\1\2\3\12")},
    )
    seed("fashion-no-test", fashion[:2], text | {f"set/{train}": IMAGES})
    seed("fashion-not-there", ["VAE_DATA=none", fashion[1]], text)
    # whatever this machine has where the package puts it: it does not fit
    seed(
        "fashion-of-the-machine",
        ["VAE_DATA", fashion[1], fashion[3], "VAE_DATA=", fashion[1]],
        {"m.txt": "input 5\nencoder linear out=2\nlatent gaussian dim=1\ndecoder linear out=5\nlikelihood gaussian\n"},
    )


def other_data() -> None:
    line = "train {} -o run --model m.txt --steps 1 --batch 2"
    text = {"m.txt": model()}
    record = lambda label: bytes([label]) + bytes((i * 7) % 256 for i in range(3072))
    cifar = {"m.txt": model("32x32x3")}
    seed(
        "cifar-folder",
        [line.format("set")],
        cifar | {"set/data_batch_1.bin": record(1), "set/data_batch_3.bin": record(2), "set/test_batch.bin": record(3)},
    )
    seed("cifar-no-test", [line.format("set")], cifar | {"set/in/data_batch_2.bin": record(1)})
    seed("cifar-deep", [line.format("set")], cifar | {"set/a/b/data_batch_2.bin": record(1)})
    seed("cifar-empty", [line.format("set")], cifar | {"set/data_batch_2.bin": b""})
    flats = wad(
        [
            ("PLAYPAL", bytes((i * 5) % 256 for i in range(768))),
            ("F_START", b""),
            ("FLOOR", bytes((i * 3) % 251 for i in range(4096))),
            ("F_END", b""),
        ],
        b"IWAD",
    )
    seed(
        "freedoom",
        ["VAE_DATA=set", line.format("freedoom")],
        {"m.txt": model("8x8x3"), "set/freedoom1.wad": flats, "set/freedoom2.wad": flats},
    )
    seed(
        "flats-for-a-vector",
        [line.format("set.wad")],
        {
            "set.wad": flats,
            "m.txt": "input 5\nencoder linear out=2\nlatent gaussian dim=1\n"
            "decoder linear out=5\nlikelihood gaussian\n",
        },
    )
    seed(
        "freedoom-one",
        ["VAE_DATA=none", line.format("freedoom"), "VAE_DATA=set", line.format("freedoom")],
        {"m.txt": model("8x8x3"), "set/freedoom1.wad": flats},
    )
    seed(
        "shapes", [line.format(data) for data in ("shapes", "shapes:", "shapes:0", "shapesx", "none", "shapes:3")], text
    )
    vector = {
        "m.txt": "input 4\nencoder linear out=2\nlatent gaussian dim=1\ndecoder linear out=4\nlikelihood bernoulli\n"
    }
    for name, values in {"fine": [0.5] * 16, "negative": [0.5] * 15 + [-1.0], "above": [0.5] * 15 + [2.0]}.items():
        seed(f"bernoulli-{name}", [line.format("x.npy")], vector | {"x.npy": array(values, "(4, 4)")})
    for name, values in {
        "fine": [0.5] * 16,
        "below": [-2.0] + [0.5] * 15,
        "tiny": [1e-30] * 16,
        "tiny-negative": [-1e-30] * 16,
        "zero": [0.0] * 16,
        "above": [0.5] * 15 + [2.0],
    }.items():
        seed(f"floats-{name}", [line.format("x.npy")], text | {"x.npy": array(values)})
    seed(
        "floats-a-vector",
        [line.format("x.npy")],
        {"m.txt": vector["m.txt"].replace("bernoulli", "gaussian"), "x.npy": array([2.0] * 16, "(4, 4)")},
    )
    seed(
        "bytes-a-bernoulli",
        [line.format("x.npy")],
        {"m.txt": model("2x2x1", "bernoulli"), "x.npy": npy(NPY.format("|u1", "(4, 2, 2)"), bytes(16))},
    )
    seed(
        "floats-a-test",
        [line.format("set")],
        text
        | {
            "set/train-images-idx3-ubyte": idx(13, (4, 2, 2), bytes(64)),
            "set/t10k-images-idx3-ubyte": idx(13, (1, 2, 2), b"\x40\0\0\0" * 4),
        },
    )
    seed("adapted", [line.format("x.npy")], {"m.txt": model("2x2x1"), "x.npy": array([0.5] * 36, "(4, 3, 3)")})
    seed(
        "adapted-well",
        [line.format("x.npy"), "encode run x.npy -o z.npy", "encode run other.npy -o y.npy"],
        {"m.txt": CONV, "x.npy": array([0.5] * 24, "(4, 2, 3)"), "other.npy": array([0.5] * 16)},
    )
    for name, size, shape in (
        ("planar", "4x5x3", "(2, 3, 4, 5)"),
        ("turned", "4x5x3", "(2, 3, 5, 4)"),
        ("permuted", "2x3x4", "(2, 3, 2, 4)"),
        ("transposed", "2x3", "(2, 3, 2)"),
    ):
        seed(
            name,
            [line.format("x.npy")],
            {
                "m.txt": model(size),
                "x.npy": npy(NPY.format("|u1", shape), bytes(120 if "5" in size else 48 if "4" in size else 12)),
            },
        )
    seed(
        "floats-of-five-channels",
        [line.format("x.npy")],
        {"m.txt": model("2x2x5"), "x.npy": array([0.5] * 40, "(2, 2, 2, 5)")},
    )
    seed("large-pictures", [line.format("shapes:2")], {"m.txt": model("48x48x1")})
    seed(
        "permuted-four",
        [line.format("x.npy")],
        {
            "m.txt": "input 2x3x4x5\nencoder flatten | linear out=2\nlatent none\n"
            "decoder linear out=120 | reshape 2x3x4x5\nlikelihood gaussian\n",
            "x.npy": npy(NPY.format("|u1", "(2, 3, 2, 4, 5)"), bytes(240)),
        },
    )
    seed("one-alone", [line.format("x.npy")], {"m.txt": model("2x3x1"), "x.npy": array([0.5] * 6, "(2, 3, 1)")})
    seed(
        "encode-outputs",
        [
            TRAIN,
            "encode run shapes:9 -o z.npy --logvar v.npy --labels l.npy --factors f.npy",
            "encode run shapes:9 -o z.npy",
            "encode run shapes:9 -o z.npy --force --limit 1",
        ],
        TEXT,
    )


def command_files() -> None:
    settings_files()
    run_files()
    picture_folders()
    idx_folders()
    other_data()
