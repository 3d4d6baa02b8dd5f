-- SPDX-License-Identifier: MIT
-- vae.lua - libvae for LuaJIT (2.1, also inside of LOVE): models, sessions and trainers as objects.
--
--     local vae = require "vae"
--     local session = vae.load("clothes.safetensors"):session(64)
--     local pictures = session:sample(64)      -- a cdata array, float[64 * session.model:input_size()], from index 0
--
-- Arrays are cdata, float[?]: vae.floats(n) makes one of zeros, vae.floats{...} one of the numbers of a table. Their length tells how many
-- examples they hold, and it is checked. A call that fails raises an error, a table with status (a number), name ("VAE_E_SHAPE") and
-- message; tostring() gives the library's sentence:
--
--     local ok, err = pcall(vae.load, "missing.safetensors")     -- err.name == "VAE_E_IO"
--
-- The library is looked for by the names below, or where VAE_LIBRARY of the environment says. One thread at a time uses a session or a
-- trainer; a Lua state that shares a model with another one goes through its file. vae.C has every function of the C interface.
local ffi = require "ffi"

ffi.cdef [[
// declarations of include/vae: begin, written by scripts/make_declarations.py
enum { VAE_VERSION_MAJOR = 0 };
enum { VAE_VERSION_MINOR = 1 };
enum { VAE_VERSION_PATCH = 0 };
enum { VAE_VERSION_NUMBER = 100 };
enum { VAE_VERSION_SONAME = 0 };
enum { VAE_KERNEL_ABI = 2 };
enum { VAE_MAX_DIMS = 8 };
enum { VAE_IMPORT_OWN_PIXELS = 1 };
enum { VAE_IMPORT_SCALED = 2 };
enum { VAE_IMPORT_NO_ENCODER = 4 };
enum { VAE_IMPORT_NO_DECODER = 8 };
enum { VAE_BATCH_DRAW = 1 };
enum { VAE_LATENTS_MAX = 16 };
uint32_t vae_version_number(void);
const char *vae_version_string(void);
const char *vae_build_info(void);
typedef int32_t vae_status_t;
enum { VAE_OK = 0, VAE_E_ARG = -1, VAE_E_SHAPE = -2, VAE_E_SPEC = -3, VAE_E_NOMEM = -4, VAE_E_IO = -5, VAE_E_FORMAT = -6, VAE_E_VERSION = -7, VAE_E_UNSUPPORTED = -8, VAE_E_STATE = -9, VAE_E_NUMERIC = -10, VAE_E_CALLBACK = -11, VAE_E_LIMIT = -12, VAE_E_CANCELLED = -13 };
const char *vae_status_name(vae_status_t status);
const char *vae_status_string(vae_status_t status);
const char *vae_last_error(void);
typedef struct vae_ctx vae_ctx_t;
enum { VAE_ARITH_REPRODUCIBLE = 0, VAE_ARITH_BLAS = 1 };
enum { VAE_ISA_AUTO = 0, VAE_ISA_PORTABLE = 1, VAE_ISA_AVX2 = 2, VAE_ISA_AVX512 = 3, VAE_ISA_NEON = 4, VAE_ISA_WASM128 = 5 };
enum { VAE_LOG_INFO = 0, VAE_LOG_WARNING = 1 };
typedef struct vae_ctx_config { uint32_t struct_size; uint32_t flags; int32_t arith; int32_t isa; int32_t threads; int32_t reserved; uint64_t mem_limit; void *user; void *(*alloc)(void *user, size_t size, size_t align); void (*free)(void *user, void *ptr, size_t size); void (*parallel_for)(void *user, int32_t tasks, void (*task)(void *arg, int32_t index), void *arg); void (*log)(void *user, int32_t level, const char *line); void *reserved_hook; } vae_ctx_config_t;
vae_status_t vae_ctx_config_init(vae_ctx_config_t *config, size_t size);
vae_status_t vae_ctx_create(vae_ctx_t **out, const vae_ctx_config_t *config);
void vae_ctx_destroy(vae_ctx_t *ctx);
const char *vae_ctx_isa(const vae_ctx_t *ctx);
uint64_t vae_ctx_bytes_in_use(const vae_ctx_t *ctx);
typedef struct vae_tensor vae_tensor_t;
enum { VAE_F32 = 1, VAE_U8 = 2, VAE_I32 = 3, VAE_I64 = 4 };
vae_status_t vae_tensor_create(vae_tensor_t **out, vae_ctx_t *ctx, int32_t dtype, int32_t ndim, const int64_t *shape);
vae_status_t vae_tensor_wrap(vae_tensor_t **out, vae_ctx_t *ctx, int32_t dtype, int32_t ndim, const int64_t *shape, void *data);
void vae_tensor_destroy(vae_tensor_t *tensor);
int32_t vae_tensor_dtype(const vae_tensor_t *tensor);
int32_t vae_tensor_ndim(const vae_tensor_t *tensor);
const int64_t *vae_tensor_shape(const vae_tensor_t *tensor);
void *vae_tensor_data(const vae_tensor_t *tensor);
typedef struct vae_option { uint32_t struct_size; uint32_t flags; const char *name; const char *type; const char *default_value; const char *range; const char *text; } vae_option_t;
const char *vae_registry_kind(int32_t i);
int32_t vae_registry_count(const char *kind);
const char *vae_registry_name(const char *kind, int32_t i);
vae_status_t vae_registry_option(const char *kind, const char *name, int32_t i, vae_option_t *option);
vae_status_t vae_registry_text(const char *kind, const char *name, char *buf, size_t cap, size_t *needed);
vae_status_t vae_spec_canonical(const char *text, char *buf, size_t cap, size_t *needed);
vae_status_t vae_spec_set(const char *text, const char *path, const char *value, char *buf, size_t cap, size_t *needed);
vae_status_t vae_spec_get(const char *text, const char *path, char *buf, size_t cap, size_t *needed);
typedef struct vae_model vae_model_t;
vae_status_t vae_model_create(vae_model_t **out, vae_ctx_t *ctx, const char *spec, uint64_t seed);
vae_status_t vae_model_load(vae_model_t **out, vae_ctx_t *ctx, const char *path);
vae_status_t vae_model_load_memory(vae_model_t **out, vae_ctx_t *ctx, const void *data, size_t size);
vae_status_t vae_model_load_weights(vae_model_t *model, const char *path);
vae_status_t vae_model_save(const vae_model_t *model, const char *path);
vae_status_t vae_model_save_memory(const vae_model_t *model, void *data, size_t cap, size_t *needed);
void vae_model_destroy(vae_model_t *model);
vae_status_t vae_model_spec(const vae_model_t *model, char *buf, size_t cap, size_t *needed);
enum { VAE_PLAN_TEXT = 0, VAE_PLAN_JSON = 1 };
vae_status_t vae_model_plan(const vae_model_t *model, int64_t n, int32_t training, int32_t format, char *buf, size_t cap, size_t *needed);
int64_t vae_model_input_size(const vae_model_t *model);
int64_t vae_model_latent_size(const vae_model_t *model);
int32_t vae_model_latent_count(const vae_model_t *model);
int32_t vae_model_input_shape(const vae_model_t *model, int64_t shape[4]);
int32_t vae_model_latent_shape(const vae_model_t *model, int64_t shape[4]);
int32_t vae_model_latent_shape_at(const vae_model_t *model, int32_t index, int64_t shape[4]);
int64_t vae_model_codes_per_example(const vae_model_t *model);
int64_t vae_model_codebook_size(const vae_model_t *model);
int64_t vae_model_class_count(const vae_model_t *model);
int64_t vae_model_token_count(const vae_model_t *model);
int64_t vae_model_condition_size(const vae_model_t *model);
int64_t vae_model_param_count(const vae_model_t *model);
int64_t vae_model_param_total(const vae_model_t *model);
vae_status_t vae_model_param(const vae_model_t *model, int64_t index, const vae_tensor_t **out, const char **name);
vae_status_t vae_model_param_find(const vae_model_t *model, const char *name, int64_t *index);
vae_status_t vae_model_set_param(vae_model_t *model, int64_t index, const float *values, int64_t count);
vae_status_t vae_model_set_input_size(vae_model_t *model, int64_t height, int64_t width);
typedef struct vae_import_options { uint32_t struct_size; uint32_t flags; int64_t height, width; double factor, shift; } vae_import_options_t;
vae_status_t vae_model_import(vae_model_t **out, vae_ctx_t *ctx, const char *path, const vae_import_options_t *options);
vae_status_t vae_import_describe(vae_ctx_t *ctx, const char *path, char *buf, size_t cap, size_t *needed);
typedef struct vae_batch { uint32_t struct_size; uint32_t flags; int64_t n; const float *x; const int32_t *label; const float *condition; const int32_t *codes; const float *noise; const float *weight; const int32_t *length; } vae_batch_t;
typedef struct vae_session vae_session_t;
vae_status_t vae_session_create(vae_session_t **out, const vae_model_t *model, int64_t max_batch);
typedef struct vae_session_config { uint32_t struct_size; uint32_t flags; int64_t max_batch; int64_t height; int64_t width; uint64_t memory_budget; } vae_session_config_t;
vae_status_t vae_session_create_sized(vae_session_t **out, const vae_model_t *model, const vae_session_config_t *config);
const vae_model_t *vae_session_model(const vae_session_t *session);
void vae_session_destroy(vae_session_t *session);
vae_status_t vae_session_bytes(const vae_model_t *model, int64_t max_batch, uint64_t *bytes);
vae_status_t vae_session_bytes_sized(const vae_model_t *model, const vae_session_config_t *config, uint64_t *bytes);
vae_status_t vae_session_seed(vae_session_t *session, uint64_t seed);
void vae_session_cancel(vae_session_t *session);
vae_status_t vae_encode(vae_session_t *session, int64_t n, const float *x, float *mean, float *logvar);
vae_status_t vae_encode_batch(vae_session_t *session, const vae_batch_t *batch, float *mean, float *logvar);
vae_status_t vae_decode(vae_session_t *session, int64_t n, const float *z, float *x);
vae_status_t vae_decode_batch(vae_session_t *session, const vae_batch_t *batch, const float *z, float *x);
vae_status_t vae_decode_rgba8(vae_session_t *session, const float *z, uint8_t *pixels, size_t row_stride);
vae_status_t vae_encode_codes(vae_session_t *session, int64_t n, const float *x, int32_t *codes);
vae_status_t vae_encode_codes_batch(vae_session_t *session, const vae_batch_t *batch, int32_t *codes);
vae_status_t vae_decode_codes(vae_session_t *session, int64_t n, const int32_t *codes, float *x);
size_t vae_codes_packed_bytes(int64_t count, int64_t K);
vae_status_t vae_codes_pack(int64_t count, int64_t K, const int32_t *codes, uint8_t *bytes, size_t cap);
vae_status_t vae_codes_unpack(int64_t count, int64_t K, const uint8_t *bytes, size_t size, int32_t *codes);
vae_status_t vae_reconstruct(vae_session_t *session, int64_t n, const float *x, float *y);
vae_status_t vae_reconstruct_batch(vae_session_t *session, const vae_batch_t *batch, float *y);
vae_status_t vae_sample(vae_session_t *session, int64_t n, const float *noise, float *x);
vae_status_t vae_sample_batch(vae_session_t *session, const vae_batch_t *batch, float *x);
vae_status_t vae_elbo(vae_session_t *session, int64_t n, const float *x, int64_t k, const float *noise, double *elbo, double *recon, double *rate);
vae_status_t vae_elbo_batch(vae_session_t *session, const vae_batch_t *batch, int64_t k, double *elbo, double *recon, double *rate);
typedef struct vae_trainer vae_trainer_t;
typedef struct vae_metrics { uint32_t struct_size; uint32_t flags; int64_t step; double loss; double recon; double rate; double beta; double lr; double grad_norm; double aux; double perplexity; double codes_used; double dead_codes; double quantization_error; int64_t latents; double latent_rate[VAE_LATENTS_MAX]; double critic_loss; double critic_accuracy; } vae_metrics_t;
typedef struct vae_optimizer { uint32_t struct_size; int32_t slots; void *user; const char *name; void (*step)(void *user, int64_t n, int64_t t, float lr, float decay, const float *g, float *w, float *const *slot); } vae_optimizer_t;
vae_status_t vae_trainer_create(vae_trainer_t **out, vae_model_t *model, const char *options, int64_t max_batch);
void vae_trainer_destroy(vae_trainer_t *trainer);
vae_status_t vae_trainer_bytes(vae_model_t *model, const char *options, int64_t max_batch, uint64_t *bytes);
vae_status_t vae_trainer_min_batch(vae_model_t *model, const char *options, int64_t *n);
vae_status_t vae_trainer_options(const vae_trainer_t *trainer, char *buf, size_t cap, size_t *needed);
vae_status_t vae_trainer_seed(vae_trainer_t *trainer, uint64_t seed);
vae_status_t vae_trainer_step(vae_trainer_t *trainer, int64_t n, const float *x, vae_metrics_t *metrics);
vae_status_t vae_trainer_step_batch(vae_trainer_t *trainer, const vae_batch_t *batch, vae_metrics_t *metrics);
vae_status_t vae_trainer_backward(vae_trainer_t *trainer, int64_t n, const float *x, const float *noise, vae_metrics_t *metrics);
vae_status_t vae_trainer_backward_batch(vae_trainer_t *trainer, const vae_batch_t *batch, vae_metrics_t *metrics);
void vae_trainer_cancel(vae_trainer_t *trainer);
vae_status_t vae_trainer_apply(vae_trainer_t *trainer, vae_metrics_t *metrics);
vae_status_t vae_trainer_grad(const vae_trainer_t *trainer, int64_t index, vae_tensor_t **out);
vae_status_t vae_trainer_set_optimizer(vae_trainer_t *trainer, const vae_optimizer_t *optimizer);
vae_status_t vae_trainer_set_lr(vae_trainer_t *trainer, double lr);
int64_t vae_trainer_samples(const vae_trainer_t *trainer);
int64_t vae_trainer_steps(const vae_trainer_t *trainer);
vae_status_t vae_trainer_save(const vae_trainer_t *trainer, const char *path);
vae_status_t vae_trainer_load(vae_trainer_t *trainer, const char *path);
enum { VAE_MEASURE_X = 1, VAE_MEASURE_Y = 2, VAE_MEASURE_MEAN = 4, VAE_MEASURE_LOGVAR = 8, VAE_MEASURE_FACTOR = 16, VAE_MEASURE_BOUND = 32, VAE_MEASURE_RATE = 64, VAE_MEASURE_SIZES = 128, VAE_MEASURE_SCORE = 256, VAE_MEASURE_EACH = 512 };
typedef struct vae_measured { uint32_t struct_size; uint32_t flags; int64_t n; int64_t height; int64_t width; int64_t channels; int64_t latents; int64_t factors; const float *x; const float *y; const float *mean; const float *logvar; const float *factor; const double *bound; const double *rate; const float *score; } vae_measured_t;
vae_status_t vae_measure_reads(const char *text, uint32_t *reads);
vae_status_t vae_measure(vae_ctx_t *ctx, const char *text, const vae_measured_t *measured, double *value, double *each);
typedef struct vae_anomaly vae_anomaly_t;
enum { VAE_THRESHOLD_CONFORMAL = 0, VAE_THRESHOLD_QUANTILE = 1, VAE_THRESHOLD_TAIL = 2 };
vae_status_t vae_anomaly_create(vae_anomaly_t **out, const vae_model_t *model, const char *score, int64_t max_batch);
void vae_anomaly_destroy(vae_anomaly_t *anomaly);
vae_status_t vae_anomaly_add(vae_anomaly_t *anomaly, const vae_batch_t *batch);
vae_status_t vae_anomaly_fit(vae_anomaly_t *anomaly);
vae_status_t vae_anomaly_score(vae_anomaly_t *anomaly, const vae_batch_t *batch, float *score, double *p_value);
vae_status_t vae_anomaly_threshold(const vae_anomaly_t *anomaly, int32_t how, double alpha, double *threshold);
int64_t vae_anomaly_count(const vae_anomaly_t *anomaly);
const float *vae_anomaly_scores(const vae_anomaly_t *anomaly);
vae_status_t vae_anomaly_text(const vae_anomaly_t *anomaly, char *buf, size_t cap, size_t *needed);
const vae_model_t *vae_anomaly_model(const vae_anomaly_t *anomaly);
vae_status_t vae_anomaly_save(const vae_anomaly_t *anomaly, const char *path);
vae_status_t vae_anomaly_load(vae_anomaly_t **out, vae_ctx_t *ctx, const char *path, int64_t max_batch);
typedef struct vae_gradient vae_gradient_t;
vae_status_t vae_gradient_create(vae_gradient_t **out, const vae_model_t *model, int64_t max_batch);
void vae_gradient_destroy(vae_gradient_t *gradient);
vae_status_t vae_input_gradient(vae_gradient_t *gradient, const vae_batch_t *batch, double *loss, float *dx);
// declarations of include/vae: end
]]

local function load_library()
    local named = os.getenv("VAE_LIBRARY")
    if named then return ffi.load(named) end
    local reasons = {}
    for _, name in ipairs { "vae", "libvae.so.0", "libvae-0.dll", "libvae.0.dylib" } do
        local found, library = pcall(ffi.load, name)
        if found then return library end
        reasons[#reasons + 1] = tostring(library)
    end
    error("libvae is not found; VAE_LIBRARY=PATH names its file:\n" .. table.concat(reasons, "\n"), 0)
end

local C = load_library()
local vae = { C = C, version = ffi.string(C.vae_version_string()) }

-- below 1.0 the second number of the version tells the interface
if math.floor(C.vae_version_number() / 100) ~= math.floor(C.VAE_VERSION_NUMBER / 100) then
    error(("vae.lua is for another version of libvae than %s"):format(vae.version), 0)
end

local Error = { __tostring = function(e) return e.message end }

local function fail(status, message)
    error(setmetatable({ status = status, name = ffi.string(C.vae_status_name(status)), message = message }, Error), 0)
end

local function check(status)
    if status ~= C.VAE_OK then fail(status, ffi.string(C.vae_last_error())) end
end

--- An array of floats: n zeros, or the numbers of a table.
function vae.floats(values)
    if type(values) == "number" then return ffi.new("float[?]", values) end
    return ffi.new("float[?]", #values, values)
end

--- The number of floats in an array.
function vae.length(x)
    if type(x) ~= "cdata" or not tostring(ffi.typeof(x)):find("^ctype<float %[") then
        fail(C.VAE_E_ARG, "array: is not of vae.floats() or ffi.new('float[?]', n)")
    end
    return ffi.sizeof(x) / ffi.sizeof("float")
end

-- the number of examples of `size` floats in x
local function examples(what, x, size)
    local length = vae.length(x)
    if size == 0 or length % size ~= 0 then
        fail(C.VAE_E_ARG, ("%s: has %d values, wanted a multiple of %d"):format(what, length, size))
    end
    return length / size
end

-- a new array of n times `size` floats; n is a whole number of a size that memory may have
local function zeros(n, size)
    if type(n) ~= "number" or n < 0 or n ~= math.floor(n) or n * size > 2 ^ 29 then
        fail(C.VAE_E_ARG, ("n: is %s, wanted a whole number of examples, and 2^29 values at most"):format(tostring(n)))
    end
    return ffi.new("float[?]", n * size)
end

-- the handle that create(out, ...) gives, freed by destroy() when Lua collects it
local function own(kind, destroy, create, ...)
    local out = ffi.new(kind .. " *[1]")
    check(create(out, ...))
    return ffi.gc(out[0], destroy)
end

local Model, Session, Trainer = {}, {}, {}
Model.__index, Session.__index, Trainer.__index = Model, Session, Trainer

local function model(create, ...)
    return setmetatable({ handle = own("vae_model_t", C.vae_model_destroy, create, nil, ...) }, Model)
end

--- A model from its text, with fresh parameters from a seed.
function vae.model(spec, seed) return model(C.vae_model_create, spec, seed or 0) end

--- A model from a file.
function vae.load(path) return model(C.vae_model_load, path) end

--- A model from the bytes of a file, a string: for love.filesystem.read().
function vae.load_memory(bytes) return model(C.vae_model_load_memory, bytes, #bytes) end

function Model:save(path) check(C.vae_model_save(self.handle, path)) end

function Model:input_size() return tonumber(C.vae_model_input_size(self.handle)) end

function Model:latent_size() return tonumber(C.vae_model_latent_size(self.handle)) end

--- The sizes of one example, channels last.
function Model:input_shape()
    local shape, sizes = ffi.new("int64_t[4]"), {}
    for i = 1, C.vae_model_input_shape(self.handle, shape) do sizes[i] = tonumber(shape[i - 1]) end
    return sizes
end

--- The canonical text.
function Model:spec()
    local needed = ffi.new("size_t[1]")
    local status = C.vae_model_spec(self.handle, nil, 0, needed)
    if needed[0] == 0 then check(status) end
    local text = ffi.new("char[?]", needed[0])
    check(C.vae_model_spec(self.handle, text, needed[0], needed))
    return ffi.string(text)
end

--- The scratch memory for calls on up to max_batch examples at once; calls with more are split.
function Model:session(max_batch, seed)
    local session = setmetatable({ model = self }, Session)
    session.handle = own("vae_session_t", C.vae_session_destroy, C.vae_session_create, self.handle, max_batch or 1)
    check(C.vae_session_seed(session.handle, seed or 0))
    return session
end

--- options: the sections of a training, a text; nil for all defaults.
function Model:trainer(options, max_batch)
    local trainer = setmetatable({ model = self, metrics = ffi.new("vae_metrics_t") }, Trainer)
    trainer.handle = own("vae_trainer_t", C.vae_trainer_destroy, C.vae_trainer_create, self.handle, options, max_batch or 1)
    return trainer
end

--- x[n][S] to mean[n][D] and logvar[n][D].
function Session:encode(x)
    local n = examples("encode: x", x, self.model:input_size())
    local mean, logvar = zeros(n, self.model:latent_size()), zeros(n, self.model:latent_size())
    check(C.vae_encode(self.handle, n, x, mean, logvar))
    return mean, logvar
end

--- z[n][D] to x[n][S]. With the array x of the right length given, nothing is allocated.
function Session:decode(z, x)
    local n = examples("decode: z", z, self.model:latent_size())
    x = x or zeros(n, self.model:input_size())
    if examples("decode: x", x, self.model:input_size()) ~= n then fail(C.VAE_E_ARG, "decode: x and z have unlike numbers of examples") end
    check(C.vae_decode(self.handle, n, z, x))
    return x
end

--- One latent z[D] to pixels R G B A: a cdata uint8_t[H * W * 4] from index 0, a new one or `pixels`, an array of at least as many bytes.
--- `pixels` may also be a pointer, whose length nobody can check, such as ImageData:getFFIPointer() of LOVE.
function Session:decode_rgba8(z, pixels)
    if examples("decode_rgba8: z", z, self.model:latent_size()) ~= 1 then fail(C.VAE_E_ARG, "decode_rgba8: z is not one latent") end
    local shape = self.model:input_shape()
    local height, width = shape[1], shape[2] or 0
    pixels = pixels or ffi.new("uint8_t[?]", height * width * 4)
    if tostring(ffi.typeof(pixels)):find("%[") and ffi.sizeof(pixels) < height * width * 4 then
        fail(C.VAE_E_ARG, ("decode_rgba8: pixels has %d bytes, wanted %d"):format(ffi.sizeof(pixels), height * width * 4))
    end
    check(C.vae_decode_rgba8(self.handle, z, pixels, width * 4))
    return pixels
end

--- x[n][S] to its reconstruction.
function Session:reconstruct(x)
    local n = examples("reconstruct: x", x, self.model:input_size())
    local y = zeros(n, self.model:input_size())
    check(C.vae_reconstruct(self.handle, n, x, y))
    return y
end

--- n new examples from the model's prior.
function Session:sample(n)
    local x = zeros(n, self.model:input_size())
    check(C.vae_sample(self.handle, n, nil, x))
    return x
end

--- The bound on log p(x) of each example, in nats: a table of n numbers.
function Session:elbo(x, k)
    local n = examples("elbo: x", x, self.model:input_size())
    local elbo, bounds = ffi.new("double[?]", n), {}
    check(C.vae_elbo(self.handle, n, x, k or 1, nil, elbo, nil, nil))
    for i = 1, n do bounds[i] = elbo[i - 1] end
    return bounds
end

--- One step on x[n][S]. Returns a table: step, loss, recon, rate, lr, grad_norm; all members are in trainer.metrics, a vae_metrics_t.
function Trainer:step(x)
    local n, m = examples("step: x", x, self.model:input_size()), self.metrics
    m.struct_size = ffi.sizeof(m)
    check(C.vae_trainer_step(self.handle, n, x, m))
    return { step = tonumber(m.step), loss = m.loss, recon = m.recon, rate = m.rate, lr = m.lr, grad_norm = m.grad_norm }
end

--- Writes a checkpoint, from which load() continues bit for bit.
function Trainer:save(path) check(C.vae_trainer_save(self.handle, path)) end

function Trainer:load(path) check(C.vae_trainer_load(self.handle, path)) end

--- Frees the trainer now, so that the model may get another one; else Lua's collector does it.
function Trainer:close()
    C.vae_trainer_destroy(ffi.gc(self.handle, nil))
    self.handle = nil
end

return vae
