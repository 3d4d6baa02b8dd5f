-- SPDX-License-Identifier: MIT
-- texture.lua - trains a small model on stripes that it draws itself, then makes a texture, a table of bytes R G B A, from the latent of
-- one of them, moved a little:
--
--     luajit texture.lua          prints the texture as text
--
-- In LOVE, bytes of a session go straight into an image:
--
--     local data = love.image.newImageData(12, 12)
--     session:decode_rgba8(z, data:getFFIPointer())
--     local image = love.graphics.newImage(data)
local ffi = require "ffi"
local vae = require "vae"

local spec = [[
input      12x12x1
encoder    flatten | linear out=96 | relu
latent     gaussian dim=8
decoder    linear out=96 | relu | linear out=144 | reshape 12x12x1
likelihood bernoulli
]]
local side = 12
local model = vae.model(spec, 1)

-- stripes of four widths, level or upright, at every offset
local pictures = vae.floats(64 * side * side)
for i = 0, 63 do
    local width, upright, offset = 2 + i % 4, math.floor(i / 4) % 2 == 1, math.floor(i / 8)
    for p = 0, side * side - 1 do
        local along = upright and p % side or math.floor(p / side)
        pictures[i * side * side + p] = math.floor((along + offset) / width) % 2
    end
end

local trainer = model:trainer("optimizer adam lr=0.01", 64)
for step = 1, 400 do
    local metrics = trainer:step(pictures)
    if step % 100 == 0 then print(("step %d: loss %.2f nats"):format(step, metrics.loss)) end
end

local session = model:session(1)
local picture = vae.floats(side * side)
ffi.copy(picture, pictures + 21 * side * side, ffi.sizeof(picture))
local z = session:encode(picture)
z[0] = z[0] + 0.5
local pixels = session:decode_rgba8(z)
local texture = {}
for i = 1, side * side * 4 do texture[i] = pixels[i - 1] end

for row = 0, side - 1 do
    local line = {}
    for column = 0, side - 1 do line[#line + 1] = texture[(row * side + column) * 4 + 1] > 127 and "#" or "." end
    print(table.concat(line))
end
