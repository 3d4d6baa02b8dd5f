# SPDX-License-Identifier: MIT
"""Compares names and numbers in the pages with those of the code. check_docs.sh runs it after it has checked docs/spec.md, which is used
here as the list of the registry.

    doc_names.py VAE        the program. Prints "ok WHAT" or "not ok WHAT: ..." for each comparison

A list is compared in both directions: names that the page lacks, and names that only the page has. If a sentence is not found, the check
fails too, so that a change of words cannot remove a check."""
import glob
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

VAE = os.path.abspath(sys.argv[1])
WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen".split()
NAME = r"`([a-z0-9_-]+)`"


def page(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def say(what, wrong):
    print("not ok %s: %s" % (what, wrong) if wrong else "ok %s" % what)


def part(text, begin, end):
    """What stands between two patterns; "" if it is not there."""
    found = re.search(begin + "(.*?)" + end, text, re.S)
    return found.group(1) if found else ""


def same_names(what, want, got):
    lacks, extra = sorted(set(want) - set(got)), sorted(set(got) - set(want))
    say(what, "; ".join(["lacks " + ", ".join(lacks)] * bool(lacks) + ["has, and the code has not, " + ", ".join(extra)] * bool(extra)))


def same_number(what, path, pattern, want):
    """The pattern's group in the page, a number or a word, is the code's."""
    found = re.search(pattern, re.sub(r"\n[ *]*", " ", page(path)))
    said = found.group(1).lower().replace(",", "") if found else None
    got = WORDS.index(said) if said in WORDS else int(said) if said and said.isdigit() else None
    say(what, "" if got == want else "%s says %s, the code has %d" % (path, said, want))


def constant(path, name):
    return int(re.search(r"\b%s\s*=?\s*(\d+)" % name, page(path)).group(1))


def words_of(command):
    return subprocess.run([VAE] + command, capture_output=True, text=True, check=True).stdout


def registry():
    """{"Layers": [names]} of docs/spec.md."""
    out = {}
    for line in page("docs/spec.md").split("\n"):
        if line.startswith("## "):
            names = out.setdefault(line[3:], [])
        elif line.startswith("### "):
            names.append(line[4:])
    return out


# ---- files ----

MODELS = (
    "conv2d out=4 kernel=3 pad=1 | batchnorm | attention | residual { conv2d out=4 kernel=3 pad=1 } { conv2d out=4 kernel=1 } | flatten |"
    " linear out=8; gaussian dim=4; linear out=64 | reshape 8x8x1; gaussian sigma=learned; vamp; adam",
    "flatten | linear out=8; gaussian dim=4; linear out=64 | reshape 8x8x1; bernoulli; gmm components=2; sgd",
    "flatten | linear out=8; gaussian dim=4; linear out=64 | reshape 8x8x1; bernoulli; aggregate posteriors=4; sgd",
    "conv2d out=5 kernel=4 stride=4; vq codes=8 dim=4; deconv2d out=1 kernel=4 stride=4; gaussian sigma=optimal;"
    " pixelcnn channels=4 layers=1 classes=10; sgd",
    "conv2d out=5 kernel=4 stride=4; rvq codes=8 dim=4; deconv2d out=1 kernel=4 stride=4; gaussian;"
    " transformer channels=4 layers=1 heads=1; sgd",
    "conv2d out=5 kernel=4 stride=4; simvq codes=8 dim=4; deconv2d out=1 kernel=4 stride=4; gaussian; standard; sgd",
    "flatten | linear out=8; gaussian dim=4; linear out=64 | reshape 8x8x1; bernoulli; standard\ncritic flatten | linear out=1;"
    " sgd\nobjective elbo | gan",
    "conv2d out=5 kernel=4 stride=4; gumbel codes=8 dim=4; deconv2d out=1 kernel=4 stride=4; gaussian; standard; sgd",
)


def header(path):
    with open(path, "rb") as f:
        (n,) = struct.unpack("<Q", f.read(8))
        names = json.loads(f.read(n))
    return set(names.pop("__metadata__")), set(names)


def written_files():
    """Metadata of a model, that of a checkpoint, and all names of tensors."""
    tensors = set()
    with tempfile.TemporaryDirectory() as top:
        for text in MODELS:
            with open(top + "/model.txt", "w", encoding="utf-8") as f:
                f.write("input 8x8x1\nencoder %s\nlatent %s\ndecoder %s\nlikelihood %s\nprior %s\noptimizer %s\n" % tuple(text.split(";")))
            words_of(["train", "shapes:20", "--model", top + "/model.txt", "--batch", "10", "--steps", "1", "-q", "-f", "-o", top + "/run"])
            model, names = header(top + "/run/last.safetensors")
            checkpoint, more = header(top + "/run/resume.safetensors")
            tensors |= names | more
    return model, checkpoint, tensors


def check_files():
    text = page("docs/formats.md")
    model, checkpoint, tensors = written_files()
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \| (both|checkpoints) \|", text, re.M)
    same_names("docs/formats.md: metadata of a model", model, [key for key, where in rows if where == "both"])
    same_names("docs/formats.md: metadata of a checkpoint", checkpoint, [key for key, _ in rows])
    table = part(text, r"\| tensor \|[^\n]*\n", r"\n\n") + part(text, "## Checkpoints\n", "\n## ")
    patterns = {}
    for name in re.findall(r"`((?:encoder|latent|decoder|likelihood|prior|critic|optimizer)\.[A-Za-z0-9_.]+)`", table):
        pattern = re.escape(name).replace(r"encoder\.", r"(encoder|decoder)\.").replace("NAME", ".+")
        patterns[name] = re.compile(re.sub(r"\b[IJS]\b", r"\\d+", pattern))
    plain = {re.sub(r"\.bias$", ".weight", name) for name in tensors} | tensors
    same_names("docs/formats.md: its tensors are written", [p for p in patterns if any(map(patterns[p].fullmatch, plain))], patterns)
    unknown = [name for name in tensors if not any(p.fullmatch(name) or p.fullmatch(re.sub(r"\.bias$", ".weight", name))
                                                   for p in patterns.values())]
    same_names("docs/formats.md: it has all tensors that are written", unknown, [])


# ---- lists ----

def check_instruction_sets():
    tables = {re.search(r'VAEI_KERNELS_TABLE\("([a-z0-9]+)"', page(path)).group(1) for path in glob.glob("lib/kernel/isa_*.c")}
    context = page("include/vae/ctx.h")
    same_names("ctx.h: a constant for each instruction set", tables | {"auto"},
               [name.lower() for name in re.findall(r"VAE_ISA_([A-Z0-9]+) =", context)])
    same_names("ctx.h: the names of vae_ctx_isa()", tables,
               re.findall(r'"([a-z0-9]+)"', part(context, "The instruction set the", "static")))
    for command in (["help", "train"], ["help", "--man"]):
        choices = re.search(r"isa\S* (?:\\fI)?([a-z0-9|]+)", words_of(command).replace("\\-", "-"))
        same_names("vae %s: --isa" % " ".join(command), tables | {"auto"},
                   choices.group(1).split("|") if choices else [])
    same_names("engine.c: --isa", tables, re.findall(r'\{"([a-z0-9]+)", VAE_ISA_', page("src/engine.c")))
    same_names("Python: isa=", tables | {"auto"},
               re.findall(r'"([a-z0-9]+)"', part(page("bindings/python/vae/_context.py"), "_ISA = {", "}")))
    for path in ("README.md", "docs/determinism.md"):
        for found in re.findall(r"portable(?:,| and) AVX[^.|)]*", page(path)) or [""]:
            names = re.findall(r"portable|AVX-?\d+|NEON|WASM128", found)
            same_names("%s: instruction sets" % path, tables, [name.lower().replace("-", "") for name in names])


def check_lists(modules):
    changes, readme = page("CHANGELOG.md"), page("README.md")
    layers = part(changes, "- Layers: ", r"\n- ")
    activations = re.findall(NAME, layers.split("activations", 1)[-1])
    same_names("CHANGELOG.md: layers", modules["Layers"], re.findall(NAME, layers))
    listed = part(readme, "- layers: ", r";\n")
    same_names("README.md: layers but activations", set(modules["Layers"]) - set(activations) | {"repeat"}, re.findall(NAME, listed))
    same_number("README.md: activations", "README.md", r"([a-z]+) activations", len(activations))
    for kind, begin in (("Latents", "- latents: "), ("Priors", "- priors to sample from: "), ("Likelihoods", "- likelihoods: ")):
        same_names("README.md: " + kind, set(modules[kind]) - {"standard"}, re.findall(NAME, part(readme, begin, r";\n- ")))
    for kind, begin, end in (("Latents", "- Latents ", "likelihoods"), ("Likelihoods", "  likelihoods ", ";"),
                             ("Optimizers", "- Optimizers ", "and the host"), ("Schedules", "schedules ", ";"),
                             ("Presets", "presets\n", r"\.\n")):
        names = re.findall(NAME, part(changes, begin, end))
        same_names("CHANGELOG.md: " + kind, modules[kind], names)
    priors = re.findall(r"^- (?:Priors to sample from[^;]*|The prior[^:]*)", changes, re.M)
    same_names("CHANGELOG.md: Priors", set(modules["Priors"]) - {"standard"}, re.findall(NAME, re.sub("`prior`", "", "".join(priors))))
    same_names("README.md: presets", modules["Presets"], re.split(r", *", part(readme, "# presets: ", r"\n")))
    same_names("docs/priors.md: its table", modules["Priors"],
               re.findall(r"^\| %s \| (?:both|codes|values) \|" % NAME, page("docs/priors.md"), re.M))
    codes = part(page("docs/codes.md"), r"\| latent \|[^\n]*\n", r"\n\n")
    same_names("docs/codes.md: its table", set(modules["Latents"]) - {"none", "gaussian"}, re.findall(r"^\| %s \|" % NAME, codes, re.M))
    commands = re.findall(r"COMMAND\((\w+)\)", page("src/commands.def"))
    same_names("CHANGELOG.md: commands", commands, re.findall(NAME, part(changes, "- The program `vae`: ", "; presets")))
    same_names("vae help: commands", commands, re.findall(r"^  (\w+)  +\S", words_of(["help"]), re.M))
    kinds = re.findall(r'"([a-z]+)"', part(page("include/vae/registry.h"), "Kinds: ", r"\*/"))
    say("registry.h: kinds of modules", "" if len(kinds) == len(modules) else "%d, the code has %d" % (len(kinds), len(modules)))
    files = re.findall(r'"([a-z_]+\.[a-z]+)"', part(page("src/run.c"), r"run_files\[\] = \{", "}"))
    table = part(page("docs/training.md"), r"\| file \| content \|\n", r"\n\n")
    shown = [name for row in table.split("\n") for name in re.findall(r"`([a-z_./]+)`", row.split("|")[1] if "|" in row else "")]
    same_names("docs/training.md: files of a run", files + ["samples/", "lock"], shown)


# ---- numbers ----

def check_numbers():
    sections = re.findall(r"^VAEI_SECTION\(\w+, (\w+), \w+, \w+, (NULL|\".*\"), .*\)$", page("lib/vae/sections.def"), re.M)
    training = sum(part_of != "MODEL" for part_of, _ in sections)
    model = sum(preset == "NULL" for _, preset in sections)
    same_number("sections of a training", "docs/training.md", "a text of up to ([a-z]+) sections", training)
    same_number("sections that a model must have", "docs/spec.md", "A model is a text of ([a-z]+) sections", model)
    same_number("arrays of an optimizer", "docs/training.md", "up to ([a-z]+) arrays of memory",
                constant("lib/vae/optimizer.h", "VAEI_OPTIMIZER_SLOTS"))
    same_number("sizes of an option", "docs/spec.md", r"\*\*Sizes\*\* are one to ([a-z]+) ",
                constant("lib/base/option.h", "VAEI_SIZES_MAX"))
    same_number("layers of a model", "CHANGELOG.md", "A model has at most (\\d+) layers", constant("lib/nn/stack.c", "LAYERS_MAX"))
    same_number("threads of a pool", "include/vae/ctx.h", r"1 <= n <= (\d+)", constant("lib/api/ctx.c", "THREADS_MAX"))
    same_number("levels of fsq", "CHANGELOG.md", "`fsq` takes one to ([a-z]+) levels", constant("lib/base/option.h", "VAEI_SIZES_MAX"))
    same_number("stack of a function", "CHANGELOG.md", r"more than (\d+) KiB of stack", constant("scripts/check_stack.sh", "most") // 1024)
    same_number("targets of fuzzing", "docs/reliability.md", r"([a-z]+) targets, `make fuzz`", len(glob.glob("fuzz/target_*.c")))
    same_number("places not counted by make coverage", "docs/reliability.md", "([A-Za-z]+) places are marked",
                constant("scripts/coverage.sh", "most_marks"))


check_files()
check_instruction_sets()
check_lists(registry())
check_numbers()
