# SPDX-License-Identifier: MIT
"""The seeds of the targets `model`, `checkpoint` and `failures`. Names of MF and a number belong to the list of bad model files in
tests/check_safetensors.c."""

import itertools
import json
import os
import struct
import sys
import tempfile

from corpus_formats import crc32c, floats, safetensors, zipped
from corpus_put import ROOT, put


def model_files() -> None:
    small = "input 1\nencoder\nlatent none\ndecoder linear out=1\nlikelihood gaussian\n"
    meta = {"vae.format_version": "1", "vae.spec": small}
    weight = ("decoder.0.weight", "F32", [1, 1], floats(1))
    bias = ("decoder.0.bias", "F32", [1], floats(1))
    conv = (
        "input 4x4x1\nencoder conv2d out=2 kernel=3 pad=1 | flatten | linear out=4\nlatent gaussian dim=2\ndecoder "
        "linear out=16 | reshape 4x4x1 | conv2d out=1 kernel=1\nlikelihood gaussian\n"
    )
    cases = {
        "MF00-small.good": safetensors(meta, [weight, bias]),
        "MF00-half.good": safetensors(meta, [("decoder.0.weight", "F16", [1, 1], b"\0\x3c"), bias]),
        "MF00-half-small.good": safetensors(meta, [("decoder.0.weight", "F16", [1, 1], b"\1\x80"), bias]),
        "MF46-half-infinite.bad": safetensors(meta, [("decoder.0.weight", "F16", [1, 1], b"\0\x7c"), bias]),
        "MF40-no-text.bad": safetensors({"vae.format_version": "1"}, [weight, bias]),
        "MF00-bfloat.good": safetensors(meta, [("decoder.0.weight", "BF16", [1, 1], b"\x80\x3f"), bias]),
        "MF00-double.good": safetensors(meta, [("decoder.0.weight", "F64", [1, 1], struct.pack("<d", 0.5)), bias]),
        "MF00-bare.bad": safetensors({}, [weight, bias]),
        "MF00-conv.good": safetensors(
            {"vae.format_version": "1", "vae.spec": conv},
            [
                ("encoder.0.weight", "F32", [2, 1, 3, 3], floats(18)),
                ("encoder.0.bias", "F32", [2], floats(2)),
                ("encoder.2.weight", "F32", [4, 32], floats(128)),
                ("encoder.2.bias", "F32", [4], floats(4)),
                ("latent.mean.weight", "F32", [2, 4], floats(8)),
                ("latent.mean.bias", "F32", [2], floats(2)),
                ("latent.logvar.weight", "F32", [2, 4], floats(8)),
                ("latent.logvar.bias", "F32", [2], floats(2)),
                ("decoder.0.weight", "F32", [16, 2], floats(32)),
                ("decoder.0.bias", "F32", [16], floats(16)),
                ("decoder.2.weight", "F32", [1, 1, 1, 1], floats(1)),
                ("decoder.2.bias", "F32", [1], floats(1)),
            ],
        ),
        "MF01-empty.bad": b"",
        "MF42-a-gigabyte-that-is-not-there.bad": safetensors(
            {
                "vae.format_version": "1",
                "vae.spec": small.replace(
                    "encoder\n", "encoder linear out=16384 | linear out=16384 | " "linear out=1\n"
                ),
            },
            [weight, bias],
        ),
        "MF46-nan.bad": safetensors(meta, [("decoder.0.weight", "F32", [1, 1], b"\0\0\xc0\x7f"), bias]),
        "MF52-pickle.bad": b"\x80\x02}q\0.",
    }
    for name, data in cases.items():
        put("model", name, data)


def checkpoint_files() -> None:
    """Of the trainer in target_checkpoint.c, whose texts a checkpoint must repeat: the library itself writes them."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(ROOT)), "bindings", "python"))
    import vae

    spec = "input 2\nencoder linear out=2\nlatent gaussian dim=1\ndecoder linear out=2\nlikelihood gaussian"
    model = vae.Model(spec, seed=1)
    trainer = vae.Trainer(model, "optimizer adam lr=0.01", max_batch=2)
    with tempfile.TemporaryDirectory() as folder:
        for steps in (0, 3):
            for _ in range(steps):
                trainer.step([[0.5, -0.25], [1.0, 0.0]])
            path = os.path.join(folder, "resume.safetensors")
            trainer.save(path)
            with open(path, "rb") as file:
                data = file.read()
            put("checkpoint", f"CP00-step-{steps}.seed", data)
    changed_checkpoints(data)


# ---- headers ---------------------------------------------------------------------------------------------------------
def raw(text: str | bytes, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with this header, whatever it is."""
    header = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def tensor(name: str = "a", dtype: str = '"F32"', shape: str = "[1]", offsets: str = "[0,4]") -> str:
    return f'"{name}":{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}}}'


def header_files() -> None:
    four, eight = bytes(4), bytes(8)
    one = "{" + tensor() + "}"
    cases = {
        "MF02-seven-bytes": one.encode()[:7],
        "MF03-past-the-end": raw(one, four, 1000),
        "MF05-2-63": raw(one, four, 2**63),
        "MF05-2-64": raw(one, four, 2**64 - 8),
        "MF06-nothing": raw("", four),
        "MF07-not-utf-8": raw(b'{"\xff":1}', four),
        "MF08-not-json": raw("{letters}"),
        "MF09-letter-first": raw("x" + one, four),
        "MF10-nul": raw(one + "\0\0", four),
        "MF11-behind": raw(one + "{}", four),
        "MF12-array": raw("[]"),
        "MF12-number": raw("17"),
        "MF13-deep": raw('{"a":' * 300),
        "MF13-deep-array": raw("[" * 300),
        "MF15-twice": raw("{" + tensor() + "," + tensor(offsets="[4,8]") + "}", eight),
        "MF16-twice-within": raw('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
        "MF17-twice-escaped": raw("{" + tensor() + "," + tensor("\\u0061", offsets="[4,8]") + "}", eight),
        "MF18-no-dtype": raw('{"a":{"shape":[1],"data_offsets":[0,4]}}', four),
        "MF18-no-shape": raw('{"a":{"dtype":"F32","data_offsets":[0,4]}}', four),
        "MF18-no-offsets": raw('{"a":{"dtype":"F32","shape":[1]}}', four),
        "MF19-unknown": raw('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}', four),
        "MF19-unknown-long": raw('{"a":{"' + "m" * 30 + '":1}}', four),
        "MF20-unknown-type": raw("{" + tensor(dtype='"F33"') + "}", four),
        "MF20-long-type": raw("{" + tensor(dtype='"' + "F" * 30 + '"') + "}", four),
        "MF20-type-is-a-number": raw("{" + tensor(dtype="32") + "}", four),
        "MF21-no-list": raw("{" + tensor(shape="1") + "}", four),
        "MF21-no-comma": raw("{" + tensor(shape="[1 2]") + "}", eight),
        "JS-half-at-the-end-of-all": raw('{"a":"\\ud83d"'),
        "MF24-nine": raw("{" + tensor(shape="[1,1,1,1,1,1,1,1,1]") + "}", four),
        "MF25-zero": raw("{" + tensor(shape="[0]", offsets="[0,0]") + "}"),
        "MF26-rank-0": raw("{" + tensor(shape="[]") + "}", four),
        "MF27-ends-first": raw("{" + tensor(offsets="[4,0]") + "}", four),
        "MF28-past-the-end": raw("{" + tensor(offsets="[0,4]") + "}"),
        "MF29-disagree": raw("{" + tensor(offsets="[0,8]") + "}", eight),
        "MF30-overlap": raw("{" + tensor() + "," + tensor("b") + "}", four),
        "MF30-overlap-in-part": raw(
            "{" + tensor(shape="[2]", offsets="[0,8]") + "," + tensor("b", offsets="[4,8]") + "}", eight
        ),
        "MF31-hole": raw("{" + tensor() + "," + tensor("b", offsets="[8,12]") + "}", bytes(12)),
        "MF32-hole": raw("{" + tensor(offsets="[4,8]") + "}", eight),
        "MF33-behind": raw(one, eight),
        "MF36-one": raw("{" + tensor(offsets="[0]") + "}", four),
        "MF36-three": raw("{" + tensor(offsets="[0,4,8]") + "}", four),
        "MF36-text": raw("{" + tensor(offsets='"0"') + "}", four),
        "MF37-half-a-byte": raw("{" + tensor(dtype='"F4"') + "}", four),
        "MF37-six-bits": raw("{" + tensor(dtype='"F6_E2M3"', shape="[4]", offsets="[0,3]") + "}", bytes(3)),
        "MF38-number": raw('{"__metadata__":{"a":1}}'),
        "MF38-list": raw('{"__metadata__":[]}'),
        "MF39-two": raw('{"__metadata__":{"a":"b"},"__metadata__":{"a":"b"}}'),
        "MF41-empty": raw("{" + tensor("") + "}", four),
        "MF41-long": raw("{" + tensor("n" * 257) + "}", four),
        "MF41-control": raw("{" + tensor("\\u0001") + "}", four),
        "MF41-del": raw("{" + tensor("\x7f") + "}", four),
        "MF41-slash": raw('{"a":"b"}'),
        "MF41-long-key": raw('{"__metadata__":{"' + "k" * 257 + '":""}}'),
        "MF41-control-key": raw('{"__metadata__":{"\\u0001":"x"}}'),
        "MF41-del-key": raw('{"__metadata__":{"\x7f":"x"}}'),
        "MF41-empty-key": raw('{"__metadata__":{"":"x"}}'),
        "MF41-quotes": raw('{"__metadata__":{"a\\"b\\\\c":"\\n\\t\\u0002"}}'),
        "MF45-codes": raw("{" + tensor("decoder.0.weight", '"I32"') + "}", four),
    }
    for i, size in enumerate(("-1", "1.5", "1e3", '"1"', "18446744073709551616", "true", "[1]", "9223372036854775808")):
        cases[f"MF21-size-{i}"] = raw("{" + tensor(shape=f"[{size}]") + "}", four)
        cases[f"MF35-offset-{i}"] = raw("{" + tensor(offsets=f"[0,{size}]") + "}", four)
    for i, shape in enumerate(
        ("[2,18446744073709551614]", "[4294967296,4294967296]", "[2,9223372036854775807]", "[1152921504606846976]")
    ):
        cases[f"MF22-product-{i}"] = raw("{" + tensor(shape=shape) + "}", four)
    values = {
        "true": "true",
        "false": "false",
        "null": "null",
        "nul": "nul",
        "trve": "trve",
        "t": "t",
        "zero": "0",
        "minus": "-",
        "01": "01",
        "digits": "1234",
        "point": "1.",
        "fraction": "-1.25",
        "letters-behind-a-point": "1.x",
        "exponent": "1e5",
        "exponent-up": "1E+5",
        "exponent-down": "1e-5",
        "no-exponent": "1e",
        "no-exponent-behind-a-sign": "1e+",
        "escapes": '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
        "hex": '"\\u00e9\\uABCD"',
        "no-hex": '"\\u00x9"',
        "hex-at-the-end": '"\\u00',
        "u0000": '"\\u0000"',
        "pair": '"\\ud83d\\ude00"',
        "half": '"\\ud83d"',
        "half-and-letters": '"\\ud83dxy"',
        "half-and-escape": '"\\ud83d\\n"',
        "half-at-the-end": '"\\ud83d',
        "half-twice": '"\\ud83d\\ud83d"',
        "half-and-no-hex": '"\\ud83d\\uxxxx"',
        "half-above": '"\\ud83d\\uffff"',
        "second-half": '"\\ude00"',
        "above-the-halves": '"\\uffff"',
        "no-escape": '"\\x"',
        "escape-at-the-end": '"\\',
        "control": '"\x01"',
        "open": '"a',
        "list": "[1,[2],{}]",
        "list-comma": "[1,]",
        "list-open": "[1",
        "list-no-comma": "[1 2]",
        "object": '{"b":{"c":[]}}',
        "object-comma": '{"b":1,}',
        "object-no-key": "{1:2}",
        "object-no-colon": '{"b" 1}',
        "object-no-value": '{"b":}',
        "object-open": '{"b":1',
        "object-closed-as-list": '{"b":1]',
        "spaces": " \t\r\n1 \t\r\n",
    }
    for name, value in values.items():
        cases[f"JS-{name}"] = raw('{"a":' + value + "}")
    kinds = {
        "zip": b"PK\3\4",
        "gguf": b"GGUF",
        "hdf5": b"\x89HDF\r\n\x1a\n",
        "npy": b"\x93NUMPY",
        "gzip": b"\x1f\x8b",
        "png": b"\x89PNG",
        "lfs": b"version https://git-lfs.github.com/spec/v1",
        "page": b"<!DOCTYPE html>",
        "page-behind-spaces": b" \r\n\t<html>",
        "page-xml": b"<?xml ?>",
        "page-title": b"<HTML>",
        "no-page": b"<body>",
        "no-page-either": b"<hr />",
        "less": b"<",
        "spaces": b"    ",
        "pickle-5": b"\x80\5",
        "pickle-0": b"\x80\0",
        "pickle-6": b"\x80\6",
        "x80": b"\x80",
    }
    for name, head in kinds.items():
        cases[f"MF52-{name}"] = head if len(head) < 5 and name in ("less", "x80") else head + b"-" * 16
    cases["MF52-spaces-alone"] = b" " * 16
    for name, data in cases.items():
        put("model", f"{name}.bad", data)
    many = ",".join([tensor(shape="[0]", offsets="[0,0]")] * 4097)  # that they are one name shows behind the last
    large = {
        "MF04-2-mib": raw(" " * (1 << 21)),
        "MF14-tensors": raw("{" + many + "}"),
        "MF41-texts": raw('{"__metadata__":{' + ",".join(f'"{i}":""' for i in range(257)) + "}}"),
        "MF41-as-many-texts-as-are-read": raw('{"__metadata__":{' + ",".join(f'"{i}":""' for i in range(256)) + "}}"),
        "MF41-long-text": raw('{"__metadata__":{"a":"' + "x" * 65537 + '"}}'),
        "JS-keys": raw("{" + ",".join(['"a":1'] * 70000) + "}"),
    }
    for name, data in large.items():
        put("model", f"{name}.seed", zipped(data))


def parsed(data: bytes) -> tuple[dict[str, str], list[tuple[str, str, list[int], bytes]]]:
    n = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8 : 8 + n]), data[8 + n :]
    texts = header.pop("__metadata__")
    texts.pop("vae.crc32c")
    return texts, [
        (name, t["dtype"], t["shape"], body[t["data_offsets"][0] : t["data_offsets"][1]]) for name, t in header.items()
    ]


def changed_checkpoints(data: bytes) -> None:
    """Each with one thing changed, zipped: they differ from the plain ones in few bytes."""
    texts, tensors = parsed(data)
    nan = b"\0\0\xc0\x7f"
    for key, values in {
        "vae.format_version": ["2"],
        "vae.spec": ["input 2"],
        "vae.training": ["clip none"],
        "vae.optimizer": ["sgd"],
        "vae.step": ["", "x", "-1", "1f", "99999999999999999999", "72057594037927936"],
        "vae.seed": ["", "g"],
        "vae.lr": ["", "7ff8000000000000", "7ff0000000000000", "bff0000000000000", "zz"],
    }.items():
        for i, value in enumerate(values):
            put("checkpoint", f"CP01-{key}-{i}.seed", zipped(safetensors(texts | {key: value}, tensors)))
        put(
            "checkpoint",
            f"CP01-{key}-missing.seed",
            zipped(safetensors({k: v for k, v in texts.items() if k != key}, tensors)),
        )
    for which in (0, len(tensors) - 1):
        name, dtype, shape, values = tensors[which]
        for word, other in {
            "nan": (name, dtype, shape, nan + values[4:]),
            "codes": (name, "I32", shape, values),
            "longer": (name, dtype, [len(values) // 4 + 1], values + bytes(4)),
            "name": ("x", dtype, shape, values),
        }.items():
            put(
                "checkpoint",
                f"CP02-tensor-{which}-{word}.seed",
                zipped(safetensors(texts, tensors[:which] + [other] + tensors[which + 1 :])),
            )
    damaged = bytearray(data)
    damaged[-1] ^= 1
    put("checkpoint", "CP03-damaged.seed", bytes(damaged))
    put(
        "checkpoint",
        "CP04-tracked.seed",
        safetensors(texts, tensors + [("a.num_batches_tracked", "I64", [], bytes(8))]),
    )


def failure_files() -> None:
    errors = ("eio", "enospc", "eexist", "einval", "eintr", "cut")
    for (i, error), lasting, first in itertools.product(enumerate(errors), (0, 1), (0, 32)):
        if error != "eintr" or not lasting:
            put(
                "failures",
                f"system-{error}-{'all' if lasting else 'one'}-from-{first}.seed",
                bytes([i << 2 | lasting << 1, first, 31]),
            )
    # a header whose parts need blocks of their own
    texts = {f"text {i} " + "\n" * 20: "a\n" * 400 for i in range(30)}
    large = safetensors(texts, [(f"{i} " + "\n" * 100, "F32", [0], b"") for i in range(70)])
    for first in (0, 16, 32):
        put("failures", f"memory-large-from-{first}.seed", bytes([1, first, 15]) + zipped(large))
    for lasting, first in itertools.product((0, 1), (0, 32)):
        put("failures", f"memory-{'all' if lasting else 'one'}-from-{first}.seed", bytes([lasting << 1 | 1, first, 31]))
