-- SPDX-License-Identifier: MIT
-- test.lua - the module computes what the C library computes, and refuses what would break its rules:
--
--     luajit test.lua HASHES FOLDER      tests/golden/hashes.txt, and a folder for files
local ffi, bit = require "ffi", require "bit"
local vae = require "vae"
local hashes, folder = arg[1], arg[2]

-- the model `dense` of tests/golden/golden.c
local dense = "input 12x12x1\nencoder flatten | linear out=33 | leaky_relu slope=0.3 | linear out=20 | tanh\nlatent gaussian dim=7\n" ..
    "decoder linear out=31 | elu | linear out=144 | reshape 12x12x1\nlikelihood bernoulli\n"

-- golden.c's numbers: equal ones on every machine, in 0..1
local function numbers(n)
    local x, s = vae.floats(n), 1ULL
    for i = 0, n - 1 do
        s = s * 6364136223846793005ULL + 1442695040888963407ULL
        x[i] = tonumber(bit.rshift(s, 40)) / 16777216
    end
    return x
end

-- FNV-1a of the bytes, as golden.c's
local function hash(...)
    local h = 0xcbf29ce484222325ULL
    for _, x in ipairs { ... } do
        local bytes = ffi.cast("const uint8_t *", x)
        for i = 0, ffi.sizeof(x) - 1 do h = bit.bxor(h, 0ULL + bytes[i]) * 0x100000001b3ULL end
    end
    return bit.tohex(h)
end

local golden = {}
for line in io.lines(hashes) do
    if line:find(" dense ") then
        for what, value in line:gmatch("(%l+) (%x+)") do golden[what] = value end
    end
end

local passed, failed = 0, 0
local function same(what, got, wanted)
    if got == wanted then passed = passed + 1 else failed = failed + 1 end
    if got ~= wanted then print(("not ok  %s: got %s, wanted %s"):format(what, tostring(got), tostring(wanted))) end
end
local function refuses(what, name, words, f, ...)
    local ok, err = pcall(f, ...)
    same(what, not ok and err.name, name)
    same(what .. ", the sentence", not ok and tostring(err):find(words, 1, true) and words or tostring(err), words)
end

local model = vae.model(dense, 1)
local session = model:session(3)
local x = numbers(4 * 144)
local mean, logvar = session:encode(x)
same("encode", hash(mean, logvar), golden.encode)
same("decode", hash(session:decode(mean)), golden.decode)
same("sample", hash(session:sample(4)), golden.sample)

local z = numbers(7)
local one, pixels = session:decode(z), session:decode_rgba8(z)
same("a pixel is the decoded value", pixels[13 * 4], math.floor(one[13] * 255 + 0.5))
same("and opaque", pixels[13 * 4 + 3], 255)
same("a score for each example", #session:elbo(x), 4)
same("as many values as the examples", vae.length(session:reconstruct(x)), 4 * 144)

model:save(folder .. "/lua.safetensors")
local loaded = vae.load(folder .. "/lua.safetensors")
same("a loaded model has the text", loaded:spec(), model:spec())
same("and decodes the same", hash(loaded:session(1):decode(mean)), golden.decode)
local file = assert(io.open(folder .. "/lua.safetensors", "rb"))
same("from memory, too", hash(vae.load_memory(file:read("*a")):session(1):decode(mean)), golden.decode)
file:close()

local trainer = model:trainer("optimizer adam lr=0.01", 4)
local first = trainer:step(x).loss
for _ = 1, 20 do trainer:step(x) end
trainer:save(folder .. "/lua-checkpoint.safetensors")
local other = vae.model(dense, 2):trainer("optimizer adam lr=0.01", 4)
other:load(folder .. "/lua-checkpoint.safetensors")
local last, again = trainer:step(x), other:step(x)
same("the loss falls", last.loss < first, true)
same("a checkpoint continues", again.loss, last.loss)
same("and counts on", again.step, 22)

refuses("a wrong text", "VAE_E_SPEC", "linear", vae.model, "input 8\nencoder liner out=2\n")
refuses("a missing file", "VAE_E_IO", "missing.safetensors", vae.load, folder .. "/missing.safetensors")
refuses("a part of an example", "VAE_E_ARG", "has 100 values, wanted a multiple of 144", trainer.step, trainer, vae.floats(100))
refuses("a table", "VAE_E_ARG", "is not of vae.floats()", session.decode, session, { 1, 2 })
local bad = vae.floats(144)
bad[5] = 0 / 0
refuses("NaN", "VAE_E_NUMERIC", "x[0][5]: not a finite number", session.encode, session, bad)
refuses("too few pixels", "VAE_E_ARG", "has 575 bytes, wanted 576", session.decode_rgba8, session, z, ffi.new("uint8_t[?]", 575))
refuses("fewer than no examples", "VAE_E_ARG", "whole number", session.sample, session, -1)
refuses("a second trainer", "VAE_E_STATE", "has a trainer", model.trainer, model, nil, 4)
trainer:close()
same("another one after close()", model:trainer(nil, 4) ~= nil, true)

-- handles are freed by the collector in any order
model, session, trainer, other, loaded = nil, nil, nil, nil, nil
collectgarbage()
collectgarbage()

print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
