# SPDX-License-Identifier: MIT
"""What ctypes is told of the library is what the headers declare: functions, structures, numbers of enumerations."""
import ctypes
import re
import unittest

from support import PACKAGE
from vae import _context, _errors, _library

HEADERS = PACKAGE.parents[1] / "include" / "vae"
SCALARS = {"int32_t": "i4", "vae_status_t": "i4", "uint32_t": "u4", "int64_t": "i8", "uint64_t": "u8", "float": "f4", "double": "f8",
           "size_t": f"u{ctypes.sizeof(ctypes.c_size_t)}", "void": "void"}
CODES = {ctypes.c_float: "f4", ctypes.c_double: "f8", ctypes.c_char_p: "char*", ctypes.c_void_p: "void*", None: "void"}
# ImportOptionsStruct is vae_import_options_t
STRUCTS = {"vae" + re.sub("([A-Z])", r"_\1", name.removesuffix("Struct")).lower() + "_t": struct for name, struct in vars(_library).items()
           if isinstance(struct, type) and issubclass(struct, ctypes.Structure) and struct is not ctypes.Structure}


def arguments_of(text):
    """The text of arguments, split at the commas outside of parentheses."""
    parts, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip() not in ("", "void")]


def of_c(text):
    """A declaration of C, with its name or without, in a form that of_ctypes() has too."""
    text = re.sub(r"\bconst\b", " ", text).strip()
    function = re.fullmatch(r"(.*?)\(\s*\*\s*\w*\s*\)\s*\((.*)\)", text, re.S)
    if function:
        return of_c(function[1] + " result"), [of_c(part) for part in arguments_of(function[2])]
    base, stars, array = re.fullmatch(r"(?:struct )?(\w+)\s*([*\s]*)\w*\s*(\[\w*\])?", text, re.S).groups()
    depth = stars.count("*") + (array is not None)
    if depth == 0:
        return SCALARS[base]
    if base == "char" or (base in STRUCTS and depth == 1):
        return base + "*" * depth
    # where one number comes out, ctypes is told which; arrays and handles are addresses of anything
    single = base in ("size_t", "int64_t", "uint64_t") or depth == 2
    return f"{SCALARS[base] if depth == 1 else 'void*'}*" if single else "void*"


def of_ctypes(kind):
    """A type of ctypes in the form of of_c()."""
    if kind in CODES:
        return CODES[kind]
    if hasattr(kind, "_argtypes_"):
        return of_ctypes(kind._restype_), [of_ctypes(a) for a in kind._argtypes_]
    for name, struct in STRUCTS.items():
        if kind is ctypes.POINTER(struct):
            return name + "*"
    if issubclass(kind, ctypes._Pointer):
        return of_ctypes(kind._type_) + "*"
    return ("i" if kind(-1).value < 0 else "u") + str(ctypes.sizeof(kind))


def matches(c, python):
    """Whether they are the same; an address may be any, and a typed pointer may stand for it."""
    if isinstance(c, tuple):
        return python == "void*" or (isinstance(python, tuple) and matches(c[0], python[0]) and len(c[1]) == len(python[1])
                                     and all(map(matches, c[1], python[1])))
    if c in ("void*", "void**"):
        return isinstance(python, str) and python.endswith(c[4:])
    return c == python or (c[-1] == "*" and python == "void*" and c not in ("char*", "char**"))


@unittest.skipUnless(HEADERS.is_dir(), "no headers beside the package")
class Headers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = "".join(path.read_text() for path in sorted(HEADERS.glob("*.h")))
        cls.text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
        cls.numbers = {name: int(number) for name, number in re.findall(r"\b(VAE_\w+)\s*=\s*(-?\d+)", cls.text)}

    def test_prototypes_are_those_of_the_headers(self):
        declared = {name: (result, arguments) for result, name, arguments in
                    re.findall(r"VAE_API ([\w *]+?)\b(vae_\w+)\(([^;]*)\);", self.text)}
        self.assertGreater(len(declared), 70)
        for name, (result, arguments) in _library.PROTOTYPES.items():
            self.assertIn(name, declared)
            wanted = [of_c(part) for part in arguments_of(declared[name][1])]
            got = [of_ctypes(kind) for kind in arguments]
            self.assertEqual(len(got), len(wanted), name)
            for number, (c, python) in enumerate(zip(wanted, got)):
                self.assertTrue(matches(c, python), f"{name}, argument {number}: {c} in the header, {python} in _library.py")
            c, python = of_c(declared[name][0] + " result"), of_ctypes(result)
            self.assertTrue(matches(c, python), f"{name} returns {c} in the header, {python} in _library.py")

    def test_structures_are_those_of_the_headers(self):
        for name, struct in STRUCTS.items():
            body = re.search(rf"typedef struct \w+ \{{([^}}]*)\}} {name};", self.text)[1]
            members = []
            for member in body.split(";"):
                first, *others = arguments_of(member) or [""]  # `double factor, shift` are two of one type
                members += [first, *(re.sub(r"\w+$", other, first) for other in others)] if first else []
            self.assertEqual(len(members), len(struct._fields_), name)
            for member, (field, kind) in zip(members, struct._fields_):
                plain = re.search(r"\(\s*\*\s*(\w+)\s*\)|(\w+)\s*(?:\[(\w+)\])?$", member)
                self.assertEqual(plain[1] or plain[2], field, name)
                if plain[3]:
                    size = plain[3] if plain[3].isdigit() else re.search(rf"#define {plain[3]} +(\d+)", self.text)[1]
                    got = of_ctypes(kind._type_), kind._length_
                    self.assertEqual(got, (of_c(member.split("[")[0]), int(size)), f"{name}.{field}")
                else:
                    self.assertTrue(matches(of_c(member), of_ctypes(kind)), f"{name}.{field}: {member}")

    def test_a_difference_is_found(self):
        for c, python in (("int32_t n", ctypes.c_int64), ("int64_t n", ctypes.c_uint64), ("double x", ctypes.c_float),
                          ("char *text", ctypes.c_void_p), ("size_t *needed", ctypes.c_size_t), ("vae_model_t **out", ctypes.c_void_p),
                          ("const vae_batch_t *b", ctypes.POINTER(_library.OptionStruct)), ("float *x", ctypes.c_float),
                          ("void (*log)(void *user, int32_t level)", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64))):
            self.assertFalse(matches(of_c(c), of_ctypes(python)), c)

    def test_numbers_are_those_of_the_headers(self):
        errors = {name: number for name, number in self.numbers.items() if name.startswith("VAE_E_")}
        self.assertEqual({error.name: error.status for error in _errors.VaeError.__subclasses__()}, errors)
        for table, prefix in ((_context._ARITH, "VAE_ARITH_"), (_context._ISA, "VAE_ISA_")):
            self.assertEqual({prefix + name.upper(): number for name, number in table.items()},
                             {name: number for name, number in self.numbers.items() if name.startswith(prefix)})


if __name__ == "__main__":
    unittest.main()
