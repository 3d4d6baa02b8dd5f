# SPDX-License-Identifier: MIT
"""Makes the disks that a power loss may leave, and tests whether the program resumes from them.

    replay.py VAE INTERPOSE.SO SAVER [SCENARIO...]

Each scenario runs one command under tests/interpose.c, which records every change of a file. After each change the power may fail. The
disk then contains the data that an fsync made safe, and any part of all other data:

    data of a file      safe after fsync of the file. Before, each write is lost, kept, cut at a byte, or replaced by zeros;
                        a later one may be kept while an earlier one is lost
    names in a folder   safe after fsync of the folder. Before, each creation, rename and removal has happened or not, in any combination
    a folder            its name is safe after fsync of the folder above; without its name its whole content is lost

For every moment the script makes VARIANTS such disks from SEED. On every disk a file under its final name must be complete. Then the
program runs with each different disk: the command that resumes must end with the bytes of an undisturbed run. RECOVERIES limits the
number of these runs, which are spread evenly over a scenario; 0 means all. The last line is "N passed, N failed"."""
import multiprocessing.pool
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

VARIANTS = int(os.environ.get("VARIANTS", "10"))
RECOVERIES = int(os.environ.get("RECOVERIES", "30"))
SEED = os.environ.get("SEED", "1")
FOLDER = object()  # in the place of a File: the name is a folder's
NOBODY = ".tmp.99999999"  # no process has this number, so that a temporary is always one of a dead process

TINY = """input      8x8x1
encoder    flatten | linear out=8 | relu
latent     gaussian dim=2
decoder    linear out=64 | reshape 8x8x1
likelihood bernoulli
"""


class File:
    """live: what a reader sees; safe: what the last fsync left on the disk; pending: the changes since."""

    def __init__(self, data=b""):
        self.live = self.safe = data
        self.pending = []

    def change(self, at, data):
        """Data at a place; None: the file ends there."""
        self.pending.append((at, data))
        self.live = changed(self.live, at, data)


def changed(old, at, data):
    if data is None:
        return old[:at] + bytes(max(0, at - len(old)))
    return old[:at] + bytes(max(0, at - len(old))) + data + old[at + len(data):]


class Disk:
    def __init__(self, tree, unflushed=()):
        """The tree is safe, but for the names of folders that a killed program has made and not flushed."""
        self.live = {name: FOLDER if data is None else File(data) for name, data in tree.items()}
        self.safe = {name: file for name, file in self.live.items() if name not in unflushed}
        self.pending = [(os.path.dirname(name), {name: FOLDER}) for name in unflushed]  # (folder, {name: File, FOLDER or None})
        self.open = {}  # descriptor: [File or the name of a folder, place, does it append?]

    def rename_all(self, change):
        folders = {os.path.dirname(name) for name in change}
        assert len(folders) == 1, "a rename across folders: %s" % change
        self.pending.append((folders.pop(), change))
        self.live.update(change)

    def apply(self, call, number, a, b, data):
        """True if the call changed what may be on the disk."""
        if call in "co":
            if call == "c":
                self.rename_all({a: File()})
            if self.live.get(a) is None:  # a file from elsewhere, opened to be read
                self.open.pop(number, None)
                return False
            self.open[number] = [self.live[a], 0, data[:1] == b"a"]
            if data[1:] == b"t" and self.live[a].live:
                self.live[a].change(0, None)
            return call == "c" or data[1:] == b"t"
        if call == "d":
            self.open[number] = [a, 0, False]
        elif call == "x":
            self.open.pop(number, None)
        elif call == "w":
            file, place, appends = self.open[number]
            place = len(file.live) if appends else place
            file.change(place, data)
            self.open[number][1] = place + len(data)
        elif call == "t":
            self.open[number][0].change(struct.unpack("<q", data)[0], None)
        elif call == "s":
            what = self.open[number][0]
            if isinstance(what, File):
                what.safe, what.pending = what.live, []
            else:
                for folder, change in self.pending:
                    if folder == what:
                        self.safe.update(change)
                self.pending = [p for p in self.pending if p[0] != what]
        elif call == "r":
            self.rename_all({b: self.live[a], a: None})
        elif call == "u":
            self.rename_all({a: None})
        elif call == "m":
            self.rename_all({a: FOLDER})
        else:
            raise ValueError("a record of kind %r" % call)
        return call not in "dx"

    def after_power_loss(self, dice, variant):
        """{name: (File, bytes)} or {name: (FOLDER, None)}. The first four variants: all is lost; all is kept; names without data; of the
        names the last change alone."""
        fixed = {0: lambda i: False, 1: lambda i: True, 2: lambda i: True, 3: lambda i: i == len(self.pending) - 1}
        kept = fixed.get(variant, lambda i: dice.random() < 0.5)
        names = dict(self.safe)
        for i, (_, change) in enumerate(self.pending):
            if kept(i):
                names.update(change)
        out = {}
        for name in sorted(n for n in names if names[n] is not None):
            if os.path.dirname(name) and os.path.dirname(name) not in out:
                continue
            if names[name] is FOLDER:
                out[name] = (FOLDER, None)
                continue
            data = names[name].safe
            for at, piece in names[name].pending:
                how = (0, 1, 0, 1)[variant] if variant < 4 else dice.randrange(5)
                cut = dice.randrange(len(piece) + 1) if piece else 0
                if how == 1:
                    data = changed(data, at, piece)
                elif how == 2 and piece:
                    data = changed(data, at, piece[:cut])
                elif how == 3 and piece:
                    data = changed(data, at, piece[:cut] + bytes(len(piece) - cut))
                elif how == 4 and piece:
                    data = changed(data, at, bytes(len(piece)))
            out[name] = (names[name], data)
        return out


def records(path):
    """(call, number, text, text, bytes), names relative to where the program ran."""
    with open(path, "rb") as f:
        log = f.read()
    at = 0
    while at < len(log):
        call, number, *size = struct.unpack_from("<cq3I", log, at)
        at += 21
        parts = []
        for n in size:
            parts.append(log[at:at + n])
            at += n
        a, b = (re.sub(r"\.tmp\.\d+", NOBODY, os.path.normpath(p.decode())) if p else "" for p in parts[:2])
        yield call.decode(), number, "" if a == "." else a, b, parts[2]


def read_tree(top):
    tree = {}
    for folder, _, names in os.walk(top):
        if folder != top:
            tree[os.path.relpath(folder, top)] = None
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                tree[os.path.relpath(path, top)] = f.read()
    return tree


def write_tree(top, tree):
    for name in sorted(tree):
        path = os.path.join(top, name)
        if tree[name] is None:
            os.mkdir(path)
        else:
            with open(path, "wb") as f:
                f.write(tree[name])


def by_the_clock(name):
    return os.path.basename(name) == "timing.jsonl"


def is_whole_or_not_there(name):
    """Files that are replaced; logs grow in place, and a lock holds the number of a process."""
    return not (name.endswith((".jsonl", "lock")) or ".tmp." in name)


def difference(want, got, ignored=by_the_clock):
    for name in sorted(want.keys() | got.keys()):
        if not ignored(name) and (name not in want or name not in got or want[name] != got[name]):
            return name
    return None


class Scenario:
    """Commands before, the one whose power fails, and go_on(disk, what it must become), the command that goes on. unflushed: folders that
    the commands before have made, whose names are not safe."""

    def __init__(self, name, before, command, go_on, ignored=by_the_clock, unflushed=()):
        self.name, self.before, self.command, self.go_on, self.ignored = name, before, command, go_on, ignored
        self.unflushed = unflushed


class Replay:
    def __init__(self, interposer, saver, work):
        self.interposer, self.saver, self.work = interposer, saver, work
        self.passed = self.failed = self.disks = self.recovered = 0

    def run(self, command, cwd, log=None):
        env = dict(os.environ, OPENBLAS_NUM_THREADS="1")
        if log:
            env.update(LD_PRELOAD=self.interposer, INTERPOSE_LOG=log)
        done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=60)
        return done.returncode, done.stdout.decode(errors="replace")

    def must(self, command, cwd, log=None):
        code, words = self.run(command, cwd, log)
        if code:
            raise SystemExit("%s: exit code %d: %s" % (" ".join(command), code, words))

    def record(self, scenario):
        """The tree before, the log, the tree after."""
        top = os.path.join(self.work, scenario.name)
        log = top + ".log"
        os.mkdir(top)
        write_tree(top, {"tiny.txt": TINY.encode()})
        for command in scenario.before:
            self.must(command, top)
        before = read_tree(top)
        self.must(scenario.command, top, log)
        return before, list(records(log)), read_tree(top)

    def recover(self, scenario, disk, want):
        """None, or what is wrong."""
        with tempfile.TemporaryDirectory(dir=self.work) as top:
            write_tree(top, disk)
            command = scenario.go_on(disk, want)
            code, words = self.run(command, top)
            if code:
                return "%s: exit code %d: %s" % (" ".join(command[1:]), code, words.strip())
            name = difference(want, read_tree(top), scenario.ignored)
            return name and "%s: afterwards %s differs" % (" ".join(command[1:]), name)

    def opens(self, data):
        """Does the library take these bytes for a model?"""
        with tempfile.TemporaryDirectory(dir=self.work) as top:
            write_tree(top, {"torn.safetensors": data})
            return self.run([self.saver, "load", "torn.safetensors"], top)[0] == 0

    def disks_of(self, scenario, before, log, after, variants):
        """The disks, (point, variant, disk), the same bytes once; torn files under a temporary name; and what is wrong at sight."""
        disk, seen, torn, wrong = Disk(before, scenario.unflushed), {}, {}, []
        for point, record in enumerate(log):
            last = point == len(log) - 1
            if not disk.apply(*record) and not last:
                continue
            for variant in range(variants):
                dice = random.Random("%s %s %d %d" % (SEED, scenario.name, point, variant))
                held = disk.after_power_loss(dice, variant)
                self.disks += 1
                for name, (file, data) in held.items():
                    if file is FOLDER or data == file.live:
                        continue
                    if is_whole_or_not_there(name):
                        wrong.append("point %d, variant %d: %s is torn" % (point, variant, name))
                    elif ".safetensors.tmp." in name:
                        torn[data] = None
                tree = {name: data for name, (_, data) in held.items()}
                lacks = difference(after, {n: d for n, d in tree.items() if not n.endswith("lock")}) if last else None
                if lacks:
                    wrong.append("point %d, variant %d: the program had ended, and %s is not safe" % (point, variant, lacks))
                seen.setdefault(tuple(tree.items()), (point, variant, tree))
        return list(seen.values()), list(torn), wrong

    def look(self, scenario, before, log, after, variants=VARIANTS, recoveries=RECOVERIES):
        """What is wrong after a power loss, how many disks and how many torn files were given to the program."""
        disks, torn, wrong = self.disks_of(scenario, before, log, after, variants)

        def spread(many):
            n = min(len(many), recoveries or len(many))
            return [many[i * len(many) // n] for i in range(n)]

        def try_one(entry):
            why = self.recover(scenario, entry[2], after)
            return why and "point %d, variant %d: %s" % (entry[0], entry[1], why)

        chosen, torn = spread(disks), spread(torn)
        with multiprocessing.pool.ThreadPool(2) as pool:
            wrong += [why for why in pool.map(try_one, chosen) if why]
            wrong += ["a file of %d bytes that is torn is opened as good" % len(data)
                      for data, opened in zip(torn, pool.map(self.opens, torn)) if opened]
        return wrong, len(chosen), len(torn)

    def say(self, name, wrong, words):
        if wrong:
            self.failed += 1
            print("not ok %s: %d faults" % (name, len(wrong)))
            print("".join("    | %s\n" % why[:400] for why in wrong[:5]), end="", flush=True)
        else:
            self.passed += 1
            print("ok %s: %s" % (name, words), flush=True)

    def check(self, scenario):
        before, log, after = self.record(scenario)
        count = self.disks
        wrong, recovered, torn = self.look(scenario, before, log, after)
        self.recovered += recovered
        self.say(scenario.name, wrong, "%d calls, %d disks, %d recoveries, %d torn files refused"
                 % (len(log), self.disks - count, recovered, torn))
        return before, log, after

    def check_that_it_sees(self, scenario, before, log, after):
        """Without the fsyncs of files, and without those of folders, there must be something to find."""
        count = self.disks
        for what in ("files", "folders"):
            folders, kept = set(), []
            for record in log:
                if record[0] in "cod":
                    (folders.add if record[0] == "d" else folders.discard)(record[1])
                if record[0] != "s" or (record[1] in folders) != (what == "folders"):
                    kept.append(record)
            wrong = self.look(scenario, before, kept, after, 5, 20)[0]
            self.say("%s_without_fsync_of_%s_is_found" % (scenario.name, what), [] if wrong else ["nothing was found"],
                     "%d faults" % len(wrong))
        self.disks = count


def scenarios(vae, saver):
    train = [vae, "train", "shapes:30", "--model", "tiny.txt", "--batch", "10", "--threads", "1", "-q", "-o", "run"]
    prior = [vae, "prior", "run", "shapes:30", "--kind", "gmm", "--set", "prior.components=2", "--batch", "10", "--threads", "1", "-q",
             "-o", "p.safetensors"]
    save = [saver, "save", "m.safetensors", "t.safetensors"]
    sample = [vae, "sample", "run", "-n", "4", "--threads", "1", "-f", "-o", "s.png"]
    encode = [vae, "encode", "run", "shapes:30", "--threads", "1", "-f", "-o", "z.npy", "--logvar", "v.npy", "--labels", "l.npy"]

    def again(command):
        return lambda disk, want: command

    def resumed(command, checkpoint):
        """A run that was saved goes on by --resume, one that was only begun by the same command."""
        return lambda disk, want: command + ["--resume"] if checkpoint in disk else command

    def forced(command, checkpoint, config):
        """Before the new run has its first file, --force is given again; then it goes on as any run does."""
        def go_on(disk, want):
            return resumed(command, checkpoint)(disk, want) if disk.get(config) == want[config] else command + ["-f"]
        return go_on

    whole = train + ["--epochs", "3"]
    other = whole + ["--seed", "5"]
    fit, other_fit = prior + ["--epochs", "2"], prior + ["--epochs", "2", "--seed", "5"]
    return (
        Scenario("save", [save + ["1"]], save + ["2"], again(save + ["2"]),
                 lambda name: ".tmp." in name),  # the library leaves a dead process's temporary to its host
        Scenario("train", [], whole, resumed(whole, "run/resume.safetensors")),
        Scenario("train_where_a_killed_run_made_folders", [["mkdir", "-p", "run/samples"]], whole, resumed(whole, "run/resume.safetensors"),
                 unflushed=("run", "run/samples")),
        Scenario("resume", [train + ["--steps", "4"]], whole + ["--resume"], again(whole + ["--resume"])),
        Scenario("train_over_the_old", [whole], other + ["-f"], forced(other, "run/resume.safetensors", "run/config.txt")),
        Scenario("prior", [train + ["--epochs", "1"]], fit, resumed(fit, "p.resume.safetensors")),
        Scenario("prior_over_the_old", [train + ["--epochs", "1"], fit], other_fit + ["-f"],
                 forced(other_fit, "p.resume.safetensors", "p.config.txt")),
        Scenario("sample", [train + ["--epochs", "1"]], sample, again(sample)),
        Scenario("encode", [train + ["--epochs", "1"]], encode, again(encode)),
    )


def main():
    vae, interposer, saver = (os.path.abspath(p) for p in sys.argv[1:4])
    work = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)  # memory: nothing here waits for a disk
    replay = Replay(interposer, saver, work)
    try:
        for scenario in scenarios(vae, saver):
            if sys.argv[4:] and scenario.name not in sys.argv[4:]:
                continue
            recorded = replay.check(scenario)
            if scenario.name == "train":
                replay.check_that_it_sees(scenario, *recorded)
    finally:
        shutil.rmtree(work)
    print("%d disks after a power loss, %d of them given to the program" % (replay.disks, replay.recovered))
    print("%d passed, %d failed" % (replay.passed, replay.failed))
    return replay.failed > 0


if __name__ == "__main__":
    sys.exit(main())
