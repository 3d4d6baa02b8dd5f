#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the declarations of the public headers in other languages: scripts/make_declarations.py [--check], from the top of the tree.

include/vae/*.h is the only source. Its functions, structures, enumeration constants and numbers become a block of each file in FILES,
between the lines that hold `declarations of include/vae: begin` and `declarations of include/vae: end`. With --check no file is written,
and the files whose block differs are named.

The headers keep to a few forms, and whatever has another form stops the script:

    VAE_API type name(arguments);      typedef struct name name_t;      typedef struct name { fields } name_t;
    enum { NAME = number, ... };       typedef type name_t;             #define NAME number"""
import collections
import re
import sys

BEGIN, END = 'declarations of include/vae: begin', 'declarations of include/vae: end'
Field = collections.namedtuple('Field', 'type name')  # of a structure, or an argument
Callback = collections.namedtuple('Callback', 'result name fields')  # a field that points to a function
Function = collections.namedtuple('Function', 'result name fields')


def split(text, separator):
    """text at each separator that stands in no parentheses"""
    parts, depth = [''], 0
    for c in text:
        depth += (c == '(') - (c == ')')
        if c == separator and depth == 0:
            parts.append('')
        else:
            parts[-1] += c
    return [part.strip() for part in parts if part.strip()]


def fields(text, separator):
    """Arguments (separator ',') or fields of a structure (';'); `int64_t height, width` is two fields."""
    found = []
    for part in split(text, separator):
        callback = re.fullmatch(r'(.*?)\(\*(\w+)\)\((.*)\)', part)
        if callback:
            found.append(Callback(callback[1].strip(), callback[2], fields(callback[3], ',')))
        elif part != 'void':
            kind, names = re.fullmatch(r'((?:const )?\w+(?: ?\*(?:const )?)* ?)(\*?\w+(?:\[\w+\])?(?:, \w+)*)', part).groups()
            for name in names.split(', '):
                base, size = re.fullmatch(r'(\w+)(?:\[(\w+)\])?', name.lstrip('*')).groups()
                stars = '*' * name.count('*')
                found.append(Field(kind.strip() + stars + (f'[{size}]' if size else ''), base))
    return found


class Headers:
    """What the headers declare, in their order."""

    def __init__(self):
        self.numbers, self.opaque, self.structs, self.functions, self.plain = {}, [], {}, [], []
        names = re.findall(r'#include "(\w+\.h)"', open('include/vae/vae.h', encoding='utf-8').read())
        for name in names:
            self.read(open('include/vae/' + name, encoding='utf-8').read())

    def read(self, text):
        text = re.sub(r'/\*.*?\*/', ' ', text, flags=re.S)
        for name, number in re.findall(r'^#define (VAE_\w+) +(?:UINT32_C\()?(\d+)\)?$', text, re.M):
            self.numbers[name] = int(number)
        text = re.sub(r'#ifdef __cplusplus\n.*?#endif', '', text, flags=re.S)
        text = ' '.join(re.sub(r'^#.*', '', text, flags=re.M).split())
        while text:
            statement = re.match(r'[^;{]*(?:\{[^}]*\}[^;]*)?;', text)
            self.statement(statement[0])
            text = text[statement.end():].strip()

    def statement(self, text):
        self.plain.append(text.replace('VAE_API ', ''))
        if m := re.fullmatch(r'VAE_API (.*?)(\w+)\((.*)\);', text):
            self.functions.append(Function(m[1].strip(), m[2], fields(m[3], ',')))
        elif m := re.fullmatch(r'typedef struct (\w+) \{(.*)\} \1_t;', text):
            self.structs[m[1] + '_t'] = fields(m[2], ';')
        elif m := re.fullmatch(r'typedef struct (\w+) \1_t;', text):
            self.opaque.append(m[1] + '_t')
        elif m := re.fullmatch(r'enum \{(.*)\};', text):
            for constant in split(m[1], ','):
                name, number = constant.split(' = ')
                self.numbers[name] = int(number)
        elif text != 'typedef int32_t vae_status_t;':
            raise SystemExit(f'make_declarations.py: a declaration of an unknown form: {text}')


def words(name):
    """vae_ctx_config_t: CtxConfig"""
    return ''.join(word.capitalize() for word in re.sub(r'^vae_|_t$', '', name).split('_'))


def lua(headers):
    """The headers' own text, for ffi.cdef."""
    enums = {name for text in headers.plain if text.startswith('enum') for name in re.findall(r'VAE_\w+', text)}
    defines = [f'enum {{ {name} = {number} }};' for name, number in headers.numbers.items() if name not in enums]
    return defines + headers.plain


# ---- Rust: every name as in C

RUST = {'void': 'c_void', 'char': 'c_char', 'float': 'f32', 'double': 'f64', 'int32_t': 'i32', 'int64_t': 'i64', 'uint8_t': 'u8',
        'uint32_t': 'u32', 'uint64_t': 'u64', 'size_t': 'usize'}


def rust_type(text):
    if m := re.fullmatch(r'(.*)\[(\w+)\]', text):
        return f'[{rust_type(m[1])}; {m[2]} as usize]'
    if m := re.fullmatch(r'(.*?) ?\*( ?const)?', text):
        inner = m[1]
        const = 'const' if re.fullmatch(r'const \w+|.*\* ?const', inner) else 'mut'
        return f'*{const} {rust_type(re.sub(" ?const$", "", inner))}'
    name = text.replace('const ', '')
    return RUST.get(name, name)


def rust_field(field):
    if isinstance(field, Callback):
        kind = f'Option<unsafe extern "C" fn({rust_arguments(field.fields)}){rust_result(field.result)}>'
    else:
        kind = rust_type(field.type)
    return f'{"type_" if field.name == "type" else field.name}: {kind}'


def rust_arguments(list_):
    """An argument that is declared as an array is a pointer."""
    return ', '.join(rust_field(f if isinstance(f, Callback) else Field(re.sub(r'\[\w+\]', ' *', f.type), f.name)) for f in list_)


def rust_result(text):
    return '' if text == 'void' else f' -> {rust_type(text)}'


def rust(headers):
    lines = ['pub type vae_status_t = i32;']
    for name, number in headers.numbers.items():
        kind = 'u32' if re.match(r'VAE_(BATCH|IMPORT|MEASURE)_', name) else 'i32'
        lines.append(f'pub const {name}: {kind} = {number};')
    for name in headers.opaque:
        lines += ['#[repr(C)]', f'pub struct {name} {{', '    _opaque: [u8; 0],', '}']
    for name, list_ in headers.structs.items():
        lines += ['#[repr(C)]', '#[derive(Clone, Copy, Debug)]', f'pub struct {name} {{']
        lines += [f'    pub {rust_field(field)},' for field in list_]
        lines.append('}')
    lines.append('extern "C" {')
    for f in headers.functions:
        lines.append(f'    pub fn {f.name}({rust_arguments(f.fields)}){rust_result(f.result)};')
    return lines + ['}']


# ---- C#: structures and their members in capitals; a model, a session and a trainer are SafeHandles, other pointers to handles IntPtr

CSHARP = {'float': 'float', 'double': 'double', 'int32_t': 'int', 'int64_t': 'long', 'uint8_t': 'byte', 'uint32_t': 'uint',
          'uint64_t': 'ulong', 'size_t': 'UIntPtr', 'char': 'byte', 'vae_status_t': 'int', 'void': 'void'}
OWNED = {'vae_model_t': 'ModelHandle', 'vae_session_t': 'SessionHandle', 'vae_trainer_t': 'TrainerHandle'}


def csharp_argument(field, function, headers):
    """An array of numbers is pinned while the call runs; null is NULL."""
    if isinstance(field, Callback):
        return f'IntPtr {field.name}'
    name = {'out': 'result', 'params': 'parameters'}.get(field.name, field.name)
    kind = field.type.replace('const ', '').replace(' const', '').replace(' ', '')
    base = kind.rstrip('*')
    if m := re.fullmatch(r'(\w+)\[\w+\]', kind):
        return f'{CSHARP[m[1]]}[] {name}'
    if kind == base:
        return f'{CSHARP[kind]} {name}'
    if base in OWNED and not function.endswith('_destroy'):
        return f'{"out " if kind.endswith("**") else ""}{OWNED[base]} {name}'
    if kind.endswith('**'):
        return f'out IntPtr {name}'
    if base in headers.structs:
        return f'ref {words(base)} {name}'
    return f'{CSHARP[base]}[] {name}' if base in CSHARP and base != 'void' else f'IntPtr {name}'


def csharp(headers):
    lines = ['public enum Status', '{']
    lines += [f'    {words(re.sub("VAE_(E_)?", "", name).lower())} = {number},' for name, number in headers.numbers.items()
              if name == 'VAE_OK' or name.startswith('VAE_E_')]
    lines.append('}')
    for name, list_ in headers.structs.items():
        lines += ['[StructLayout(LayoutKind.Sequential)]', f'public struct {words(name)}', '{']
        for field in list_:
            array = re.fullmatch(r'(\w+)\[(\w+)\]', '' if isinstance(field, Callback) else field.type)
            if array:
                lines.append(f'    [MarshalAs(UnmanagedType.ByValArray, SizeConst = {headers.numbers[array[2]]})]')
                lines.append(f'    public {CSHARP[array[1]]}[] {words(field.name)};')
            else:
                pointer = isinstance(field, Callback) or '*' in field.type
                lines.append(f'    public {"IntPtr" if pointer else CSHARP[field.type]} {words(field.name)};')
        lines.append('}')
    lines += ['internal static class Native', '{', '    const string Library = "vae";']
    for f in headers.functions:
        arguments = ', '.join(csharp_argument(field, f.name, headers) for field in f.fields)
        result = 'IntPtr' if '*' in f.result else CSHARP[f.result]
        lines.append('    [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]')
        lines.append(f'    internal static extern {result} {f.name}({arguments});')
    return lines + ['}']


FILES = {'bindings/rust/vae-sys/vae_sys.rs': rust, 'bindings/lua/vae.lua': lua, 'bindings/csharp/Vae.cs': csharp}


def main():
    headers, differing = Headers(), []
    for path, write in FILES.items():
        text = open(path, encoding='utf-8').read()
        head, begin, rest = re.split(f'(.*{BEGIN}.*\n)', text)
        _, end, tail = re.split(f'(.*{END}.*\n)', rest)
        indent = re.match(' *', begin)[0]
        new = head + begin + ''.join(indent + line + '\n' for line in write(headers)) + end + tail
        if new != text:
            differing.append(path)
            if '--check' not in sys.argv:
                open(path, 'w', encoding='utf-8').write(new)
    if '--check' in sys.argv and differing:
        raise SystemExit('not what include/vae declares: ' + ' '.join(differing) + ': run scripts/make_declarations.py')


main()
