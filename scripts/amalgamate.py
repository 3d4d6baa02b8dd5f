#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the library as two files, FOLDER/vae.c and FOLDER/vae.h: scripts/amalgamate.py FOLDER, from the top of the tree.

vae.h is include/vae/vae.h with the headers that it includes. vae.c contains every lib/*/*.c, and each header once, before its first use.
Three kinds of text need changes, because C has no namespaces:

  - In the tree, names with internal linkage, types and enumeration constants belong to one .c file: fifty files have a static function
    `plan`. A name that two files define is renamed in each of them: `plan` of layer_linear.c becomes `plan_of_layer_linear`. Every name in
    capitals is renamed too, because headers of systems have many such names. A member of a struct keeps its name: after `.` or `->`, as
    the field of an option or of offsetof(), and where it is declared.
  - Macros of a .c file are undefined at its end.
  - Templates (*.tmpl.h), the headers that they use (simd_*.h) and tables (*.def) are copied wherever they are included, and their
    definitions belong to the .c file that includes them. Names that a macro pastes together, `dot_##m`, are renamed by their beginning.

With -DVAE_DECODER_ONLY the two files are a library that loads a model and encodes, decodes and samples, but does not train. This script
writes the conditions for it; the sources have none. The macro leaves out:

  - whole files: the trainer, the import of checkpoints, and the code of training (LEFT_OUT);
  - lines of .def files: of the kinds of modules that only the text of a training names, only the default module remains;
  - functions in the tables of modules and kernels that only training calls (TRAINS). Functions that only these call are static, or the
    linker removes them with --gc-sections.

Equal trees give equal bytes."""
import collections
import os
import re
import sys

TOKEN = re.compile(r'''(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')'''
                   r'''|(?P<name>[A-Za-z_]\w*)|(?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)|(?P<space>(?:\\\n|[^\S\n])+)|(?P<line>\n)'''
                   r'''|(?P<mark>->|\#\#|\.\.\.|.)''', re.S)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">].*$', re.M)
WRITTEN_OUT = re.compile(r'(\.tmpl\.h|/simd_\w+\.h|\.def)$')
FIELDS = re.compile(r'^(VAEI_\w*OPTION\w*|offsetof)$')  # macros whose second argument is a member

# Of a build with VAE_DECODER_ONLY:
LEFT_OUT = re.compile(r'^(lib/(import/.*|api/(trainer.*|model_import)|vae/(training/(?!recipe)|objectives/).*)\.c'
                      r'|lib/api/trainer\.h|include/vae/(train|import)\.h)$')
TRAINS = {
    'backward', 'commit', 'map_grad',  # layers
    'encode_backward', 'prepare', 'loss', 'measure', 'aux', 'start', 'learn', 'dead',  # latents
    'mean_backward', 'slope', 'carry', 'backward_points',  # likelihoods, priors
    'slots', 'step', 'factor', 'eval',  # optimizers, schedules, clips, objectives
    'winograd_error', 'winograd_weight_grad', 'bernoulli_grad', 'adam', 'sgd', 'gru_backward', 'lstm_backward',  # kernels
}
UNLESS_DECODER = '#ifndef VAE_DECODER_ONLY\n{}\n#endif /* VAE_DECODER_ONLY */'

Token = collections.namedtuple('Token', 'kind text')


def tokens(text):
    return [Token(m.lastgroup, m.group()) for m in TOKEN.finditer(text)]


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def fallbacks():
    """{kind: the module that a training has whose text names none}, of the kinds that only a training's text names."""
    rows = re.findall(r'^VAEI_SECTION\(\w+, (\w+), \w+, (\w+), "?(\w*)"?, ', read('lib/vae/sections.def'), re.M)
    models = {kind for part, kind, _ in rows if part == 'MODEL'}
    return {kind: name for part, kind, name in rows if name and kind not in models}


FALLBACKS = fallbacks()


def unless_decoder(path, text):
    """The text of a file, marked if the file only trains."""
    name = os.path.splitext(os.path.basename(path))[0]
    stays = not LEFT_OUT.match(path) or name in {f'{kind}_{module}' for kind, module in FALLBACKS.items()}
    return text if stays else UNLESS_DECODER.format(text)


def modules(text):
    """The text of a .def file, the lines of modules that only train marked."""
    def line(m):
        kind, name = m.group(1).lower(), m.group(2)
        return m.group(0) if FALLBACKS.get(kind, name) == name else UNLESS_DECODER.format(m.group(0))
    return re.sub(r'^VAEI_([A-Z]+)\((\w+)\)$', line, text, flags=re.M)


TABLE = re.compile(r'^(?:static )?const \w+ \w+ = \{.*?\};$|^[ \t]*#[ \t]*define(?:\\\n|[^\n])*', re.M | re.S)
MEMBER = re.compile(rf'\.({"|".join(sorted(TRAINS))}) = (?:\w+|EACH_MAP\(\w+\))(?:,|(?=[\s\\]*\}})|$)', re.M)


def training_members(text, found):
    """The text with VAEI_TRAINS() around `.backward = backward,` and its like, in constant tables and in macros that make such. Their names
    are added to the set `found`."""
    def member(m):
        found.add(m.group(1))
        return f'VAEI_TRAINS({m.group(0)})'
    return TABLE.sub(lambda table: MEMBER.sub(member, table.group(0)), text)


def directives(text):
    """The text of each #define, continued lines joined."""
    for m in re.finditer(r'^[ \t]*#[ \t]*define[ \t]+((?:\\\n|[^\n])*)', text, re.M):
        yield m.group(1).replace('\\\n', ' ')


class Amalgamation:
    def __init__(self):
        self.headers, self.out, self.members = set(), [], set()

    def whole(self, path):
        """The text of a .c file with its templates and tables, its other includes taken out: (text, headers in their order)."""
        headers = []

        def include(m):
            quoted, name = m.group(1) == '"', m.group(2)
            if not quoted:
                if name.startswith('vae/'):
                    return ''
                return m.group(0)
            for folder in ('lib', os.path.dirname(path)):
                found = os.path.join(folder, name)
                if os.path.exists(found):
                    break
            else:
                raise SystemExit(f'amalgamate: {path} includes {name}, which is in no folder of lib')
            if WRITTEN_OUT.search(found):
                text, more = self.whole(found)
                headers.extend(more)
                return modules(text) if found.endswith('.def') else text
            headers.append(found)
            return ''

        return INCLUDE.sub(include, read(path)), headers

    def header(self, path):
        if path in self.headers:
            return
        self.headers.add(path)
        text, headers = self.whole(path)
        for name in headers:
            self.header(name)
        self.out.append(f'/* ==== {path} ==== */\n' + unless_decoder(path, training_members(text, self.members)))


def private_names(text):
    """(values, types): the names of internal linkage and enumeration constants; the types and tags that a .c file defines."""
    values, types = set(), set()
    code = re.sub(r'^[ \t]*#(?:\\\n|[^\n])*', '', text, flags=re.M)
    words = [t for t in tokens(code) if t.kind not in ('comment', 'space', 'line')]
    at = 0
    while at < len(words):
        at = declaration(words, at, values, types)
    for body in directives(text):  # a macro that defines functions: static double sum_##name(
        inner = [t for t in tokens(body) if t.kind not in ('comment', 'space')]
        for i, t in enumerate(inner):
            if t.text != 'static':
                continue
            for j in range(i + 1, len(inner) - 1):
                if inner[j].kind == 'name' and inner[j + 1].text in ('(', '##'):
                    values.add(inner[j].text)
                    break
                if inner[j].text in ';={':
                    break
    return values, types


def closing(words, at):
    """The index of what closes the bracket words[at]."""
    depth = 0
    for i in range(at, len(words)):
        if words[i].text in '([{':
            depth += 1
        elif words[i].text in ')]}':
            depth -= 1
            if depth == 0:
                return i
    raise SystemExit('amalgamate: a bracket is open at the end of a file')


def declaration(words, at, values, types):
    """Takes one declaration of the file's own level and gives the index behind it."""
    begin, flat, is_function = at, [], False
    while at < len(words):
        text = words[at].text
        if text == ';':
            at += 1
            break
        if text == '{':
            end = closing(words, at)
            before = [t.text for t in flat]
            kind = next((w for w in ('enum', 'struct', 'union') if w in before[-2:]), None)
            if kind == 'enum':
                values.update(constants(words[at + 1:end]))
            if kind and before[-1] not in ('enum', 'struct', 'union'):
                types.add(before[-1])
            if kind == 'struct' or kind == 'union':
                nested(words[at + 1:end], values)
            at = end + 1
            if not kind and '=' not in before:
                is_function = True
                break
            continue
        if text in '([':
            end = closing(words, at)
            flat.append(Token('group', text))
            if text == '(' and at + 1 < end and words[at + 1].text == '*':
                flat[-1] = Token('pointer', next((w.text for w in words[at + 1:end] if w.kind == 'name' and w.text != 'const'), ''))
            at = end + 1
            if len(flat) == 2 and flat[0].text.isupper():  # a macro that is a whole declaration
                break
            continue
        flat.append(words[at])
        at += 1
    head = [t.text for t in flat]
    if not head or begin == at:
        return at
    if head[0] == 'typedef':
        pointer = next((t.text for t in flat if t.kind == 'pointer'), None)
        types.add(pointer or [t.text for t in flat if t.kind == 'name'][-1])
    elif any(w in ('static', 'VAEI_INLINE', 'V_FN') for w in head):
        values.update(declared(flat))
    return at


def constants(words):
    """The names of an enum's body."""
    names, depth, wanted = [], 0, True
    for t in words:
        depth += (t.text in '([{') - (t.text in ')]}')
        if wanted and t.kind == 'name':
            names.append(t.text)
            wanted = False
        elif t.text == ',' and depth == 0:
            wanted = True
    return names


def nested(words, values):
    """Constants of an enum inside of a struct."""
    for i, t in enumerate(words):
        if t.text == 'enum' and i + 1 < len(words) and words[i + 1].text == '{':
            values.update(constants(words[i + 2:closing(words, i + 1)]))


def declared(flat):
    """What `static T a[] = {..}, b;`, `static T f(..)` or `static T (*const table[])(..)` names."""
    names, last = [], None
    for i, t in enumerate(flat):
        if t.kind == 'pointer' and last is not None and not names:
            names.append(t.text)
        if t.kind == 'name':
            last = t.text
        if t.text in ('(', '[', '=', ',') or i == len(flat) - 1:
            if last and last not in names and not (names and t.text in ('(', '[') and flat[i - 1].kind != 'name'):
                names.append(last)
            if t.text == '(':
                break
            if t.text == '=':  # what follows are values, up to a comma of this level
                rest = [w.text for w in flat[i:]]
                if ',' not in rest:
                    break
                return names + declared([Token('name', 'static')] + flat[i + rest.index(',') + 1:])
    return [n for n in names if n]


def rename(text, values, types, suffix):
    """The text with `suffix` behind the names, but for members."""
    out, before, contexts, field = [], ('', ''), [], []
    all_tokens = tokens(text)
    after = [''] * len(all_tokens)  # the next token that is no space
    for i in range(len(all_tokens) - 2, -1, -1):
        t = all_tokens[i + 1]
        after[i] = after[i + 1] if t.kind in ('comment', 'space', 'line') else t.text
    for i, t in enumerate(all_tokens):
        if t.kind in ('comment', 'space', 'line', 'string'):
            out.append(t.text)
            continue
        word = t.text
        if word == '{':
            contexts.append(before[0] in ('struct', 'union') or before[1] in ('struct', 'union'))
        elif word == '}' and contexts:
            contexts.pop()
        if word == '(':
            field.append(0 if FIELDS.match(before[1]) else None)
        elif word == ')' and field:
            field.pop()
        elif word == ',' and field and field[-1] is not None:
            field[-1] += 1
        if t.kind == 'name' and before[1] not in ('.', '->'):
            in_struct = bool(contexts and contexts[-1])
            is_field = bool(field) and field[-1] == 1
            is_member = in_struct and after[i] in (';', ',', '[', ':', ')')
            if (word in types and not is_member) or (word in values and not is_field and (not in_struct or word.isupper())):
                word += suffix
        out.append(word)
        before = (before[1], t.text)
    return ''.join(out)


def sources():
    floors = ['base', 'kernel', 'nn', 'vae', 'io', 'import', 'api']
    found = []
    for folder, _, names in os.walk('lib'):
        found += [os.path.join(folder, n) for n in names if n.endswith('.c')]
    return sorted(found, key=lambda p: (floors.index(p.split('/')[1]), p))


def version():
    text = read('include/vae/version.h')
    return '.'.join(re.search(rf'VAE_VERSION_{part}\s+(\d+)', text).group(1) for part in ('MAJOR', 'MINOR', 'PATCH'))


def public_header():
    done, out = set(), []

    def take(name):
        if name in done:
            return
        done.add(name)
        text = read(f'include/vae/{name}')
        for m in INCLUDE.finditer(text):
            if m.group(1) == '"':
                take(m.group(2))
        out.append(unless_decoder(f'include/vae/{name}', INCLUDE.sub(lambda m: '' if m.group(1) == '"' else m.group(0), text)))

    take('vae.h')
    return '\n'.join([out[-1], *out[:-1]])


LICENCE = '/* SPDX-License-Identifier: MIT\n * libvae {0}, all of it: {1}\n *\n * Written by `make amalgamation`. {2} */\n'
HEAD = '''
/* Feature macros of the C library, before its first header. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#if defined(__APPLE__) && !defined(_DARWIN_C_SOURCE)
#define _DARWIN_C_SOURCE
#endif
/* The bits of a result are those of the operations as they are written. */
#ifdef __FAST_MATH__
#error "libvae is compiled without -ffast-math and -Ofast: its results are promised to the bit"
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

#include "vae.h"

/* What only training calls, in the tables of modules and of kernels. */
#ifndef VAE_DECODER_ONLY
#define VAEI_TRAINS(...) __VA_ARGS__
#else
#define VAEI_TRAINS(...)
#ifdef __GNUC__
#pragma GCC diagnostic ignored "-Wunused-function"
#endif
#endif
'''


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'vae.h'), 'w', encoding='utf-8') as file:
        file.write(LICENCE.format(version(), 'the declarations', 'Beside it is vae.c.') + public_header())
    a = Amalgamation()
    paths = sources()
    units = {path: a.whole(path) for path in paths}
    private = {path: private_names(text) for path, (text, _) in units.items()}
    count = collections.Counter(n for values, types in private.values() for n in values | types)
    a.out.append(LICENCE.format(version(), 'compile this file alone, and link -lm and, where there are threads, -pthread.',
                                'The same sources, file by file, with tests and the program, are in the tarball.') + HEAD)
    for path in paths:
        text, headers = units[path]
        for name in headers:
            a.header(name)
        values, types = ({n for n in names if count[n] > 1 or n.isupper()} for names in private[path])
        unit = os.path.splitext(os.path.basename(path))[0]
        macros = {re.match(r'\w+', body).group() for body in directives(text)}
        if '<windows.h>' in text:
            macros |= {'far', 'near'}  # words that it takes from every file behind it
        text = training_members(rename(text, values, types, f'_of_{unit}'), a.members)
        a.out.append(f'/* ==== {path} ==== */\n' + unless_decoder(path, text))
        a.out.append(''.join(f'#undef {name}\n' for name in sorted(macros) if not name.startswith('_')))
    if a.members != TRAINS:
        raise SystemExit(f'amalgamate: no table has the functions {sorted(TRAINS - a.members)}, which only training calls')
    with open(os.path.join(folder, 'vae.c'), 'w', encoding='utf-8') as file:
        file.write(re.sub(r'\n{3,}', '\n\n', '\n'.join(a.out)))


main()
