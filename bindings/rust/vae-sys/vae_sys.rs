// SPDX-License-Identifier: MIT
//! The C interface of libvae as its headers declare it. The crate `vae` is safe and is what programs use; its `get()` functions give the
//! handles for what only this crate has. The comments are in the headers, `include/vae/*.h`.
#![allow(non_camel_case_types)]

use std::os::raw::{c_char, c_void};

// declarations of include/vae: begin, written by scripts/make_declarations.py
pub type vae_status_t = i32;
pub const VAE_VERSION_MAJOR: i32 = 0;
pub const VAE_VERSION_MINOR: i32 = 1;
pub const VAE_VERSION_PATCH: i32 = 0;
pub const VAE_VERSION_NUMBER: i32 = 100;
pub const VAE_VERSION_SONAME: i32 = 0;
pub const VAE_KERNEL_ABI: i32 = 2;
pub const VAE_OK: i32 = 0;
pub const VAE_E_ARG: i32 = -1;
pub const VAE_E_SHAPE: i32 = -2;
pub const VAE_E_SPEC: i32 = -3;
pub const VAE_E_NOMEM: i32 = -4;
pub const VAE_E_IO: i32 = -5;
pub const VAE_E_FORMAT: i32 = -6;
pub const VAE_E_VERSION: i32 = -7;
pub const VAE_E_UNSUPPORTED: i32 = -8;
pub const VAE_E_STATE: i32 = -9;
pub const VAE_E_NUMERIC: i32 = -10;
pub const VAE_E_CALLBACK: i32 = -11;
pub const VAE_E_LIMIT: i32 = -12;
pub const VAE_E_CANCELLED: i32 = -13;
pub const VAE_ARITH_REPRODUCIBLE: i32 = 0;
pub const VAE_ARITH_BLAS: i32 = 1;
pub const VAE_ISA_AUTO: i32 = 0;
pub const VAE_ISA_PORTABLE: i32 = 1;
pub const VAE_ISA_AVX2: i32 = 2;
pub const VAE_ISA_AVX512: i32 = 3;
pub const VAE_ISA_NEON: i32 = 4;
pub const VAE_ISA_WASM128: i32 = 5;
pub const VAE_LOG_INFO: i32 = 0;
pub const VAE_LOG_WARNING: i32 = 1;
pub const VAE_MAX_DIMS: i32 = 8;
pub const VAE_F32: i32 = 1;
pub const VAE_U8: i32 = 2;
pub const VAE_I32: i32 = 3;
pub const VAE_I64: i32 = 4;
pub const VAE_PLAN_TEXT: i32 = 0;
pub const VAE_PLAN_JSON: i32 = 1;
pub const VAE_IMPORT_OWN_PIXELS: u32 = 1;
pub const VAE_IMPORT_SCALED: u32 = 2;
pub const VAE_IMPORT_NO_ENCODER: u32 = 4;
pub const VAE_IMPORT_NO_DECODER: u32 = 8;
pub const VAE_BATCH_DRAW: u32 = 1;
pub const VAE_LATENTS_MAX: i32 = 16;
pub const VAE_MEASURE_X: u32 = 1;
pub const VAE_MEASURE_Y: u32 = 2;
pub const VAE_MEASURE_MEAN: u32 = 4;
pub const VAE_MEASURE_LOGVAR: u32 = 8;
pub const VAE_MEASURE_FACTOR: u32 = 16;
pub const VAE_MEASURE_BOUND: u32 = 32;
pub const VAE_MEASURE_RATE: u32 = 64;
pub const VAE_MEASURE_SIZES: u32 = 128;
pub const VAE_MEASURE_SCORE: u32 = 256;
pub const VAE_MEASURE_EACH: u32 = 512;
pub const VAE_THRESHOLD_CONFORMAL: i32 = 0;
pub const VAE_THRESHOLD_QUANTILE: i32 = 1;
pub const VAE_THRESHOLD_TAIL: i32 = 2;
#[repr(C)]
pub struct vae_ctx_t {
    _opaque: [u8; 0],
}
#[repr(C)]
pub struct vae_tensor_t {
    _opaque: [u8; 0],
}
#[repr(C)]
pub struct vae_model_t {
    _opaque: [u8; 0],
}
#[repr(C)]
pub struct vae_session_t {
    _opaque: [u8; 0],
}
#[repr(C)]
pub struct vae_trainer_t {
    _opaque: [u8; 0],
}
#[repr(C)]
pub struct vae_anomaly_t {
    _opaque: [u8; 0],
}
#[repr(C)]
pub struct vae_gradient_t {
    _opaque: [u8; 0],
}
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_ctx_config_t {
    pub struct_size: u32,
    pub flags: u32,
    pub arith: i32,
    pub isa: i32,
    pub threads: i32,
    pub reserved: i32,
    pub mem_limit: u64,
    pub user: *mut c_void,
    pub alloc: Option<unsafe extern "C" fn(user: *mut c_void, size: usize, align: usize) -> *mut c_void>,
    pub free: Option<unsafe extern "C" fn(user: *mut c_void, ptr: *mut c_void, size: usize)>,
    pub parallel_for: Option<unsafe extern "C" fn(user: *mut c_void, tasks: i32, task: Option<unsafe extern "C" fn(arg: *mut c_void, index: i32)>, arg: *mut c_void)>,
    pub log: Option<unsafe extern "C" fn(user: *mut c_void, level: i32, line: *const c_char)>,
    pub reserved_hook: *mut c_void,
}
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_option_t {
    pub struct_size: u32,
    pub flags: u32,
    pub name: *const c_char,
    pub type_: *const c_char,
    pub default_value: *const c_char,
    pub range: *const c_char,
    pub text: *const c_char,
}
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_import_options_t {
    pub struct_size: u32,
    pub flags: u32,
    pub height: i64,
    pub width: i64,
    pub factor: f64,
    pub shift: f64,
}
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_batch_t {
    pub struct_size: u32,
    pub flags: u32,
    pub n: i64,
    pub x: *const f32,
    pub label: *const i32,
    pub condition: *const f32,
    pub codes: *const i32,
    pub noise: *const f32,
    pub weight: *const f32,
    pub length: *const i32,
}
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_session_config_t {
    pub struct_size: u32,
    pub flags: u32,
    pub max_batch: i64,
    pub height: i64,
    pub width: i64,
    pub memory_budget: u64,
}
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_metrics_t {
    pub struct_size: u32,
    pub flags: u32,
    pub step: i64,
    pub loss: f64,
    pub recon: f64,
    pub rate: f64,
    pub beta: f64,
    pub lr: f64,
    pub grad_norm: f64,
    pub aux: f64,
    pub perplexity: f64,
    pub codes_used: f64,
    pub dead_codes: f64,
    pub quantization_error: f64,
    pub latents: i64,
    pub latent_rate: [f64; VAE_LATENTS_MAX as usize],
    pub critic_loss: f64,
    pub critic_accuracy: f64,
}
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_optimizer_t {
    pub struct_size: u32,
    pub slots: i32,
    pub user: *mut c_void,
    pub name: *const c_char,
    pub step: Option<unsafe extern "C" fn(user: *mut c_void, n: i64, t: i64, lr: f32, decay: f32, g: *const f32, w: *mut f32, slot: *const *mut f32)>,
}
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct vae_measured_t {
    pub struct_size: u32,
    pub flags: u32,
    pub n: i64,
    pub height: i64,
    pub width: i64,
    pub channels: i64,
    pub latents: i64,
    pub factors: i64,
    pub x: *const f32,
    pub y: *const f32,
    pub mean: *const f32,
    pub logvar: *const f32,
    pub factor: *const f32,
    pub bound: *const f64,
    pub rate: *const f64,
    pub score: *const f32,
}
extern "C" {
    pub fn vae_version_number() -> u32;
    pub fn vae_version_string() -> *const c_char;
    pub fn vae_build_info() -> *const c_char;
    pub fn vae_status_name(status: vae_status_t) -> *const c_char;
    pub fn vae_status_string(status: vae_status_t) -> *const c_char;
    pub fn vae_last_error() -> *const c_char;
    pub fn vae_ctx_config_init(config: *mut vae_ctx_config_t, size: usize) -> vae_status_t;
    pub fn vae_ctx_create(out: *mut *mut vae_ctx_t, config: *const vae_ctx_config_t) -> vae_status_t;
    pub fn vae_ctx_destroy(ctx: *mut vae_ctx_t);
    pub fn vae_ctx_isa(ctx: *const vae_ctx_t) -> *const c_char;
    pub fn vae_ctx_bytes_in_use(ctx: *const vae_ctx_t) -> u64;
    pub fn vae_tensor_create(out: *mut *mut vae_tensor_t, ctx: *mut vae_ctx_t, dtype: i32, ndim: i32, shape: *const i64) -> vae_status_t;
    pub fn vae_tensor_wrap(out: *mut *mut vae_tensor_t, ctx: *mut vae_ctx_t, dtype: i32, ndim: i32, shape: *const i64, data: *mut c_void) -> vae_status_t;
    pub fn vae_tensor_destroy(tensor: *mut vae_tensor_t);
    pub fn vae_tensor_dtype(tensor: *const vae_tensor_t) -> i32;
    pub fn vae_tensor_ndim(tensor: *const vae_tensor_t) -> i32;
    pub fn vae_tensor_shape(tensor: *const vae_tensor_t) -> *const i64;
    pub fn vae_tensor_data(tensor: *const vae_tensor_t) -> *mut c_void;
    pub fn vae_registry_kind(i: i32) -> *const c_char;
    pub fn vae_registry_count(kind: *const c_char) -> i32;
    pub fn vae_registry_name(kind: *const c_char, i: i32) -> *const c_char;
    pub fn vae_registry_option(kind: *const c_char, name: *const c_char, i: i32, option: *mut vae_option_t) -> vae_status_t;
    pub fn vae_registry_text(kind: *const c_char, name: *const c_char, buf: *mut c_char, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_spec_canonical(text: *const c_char, buf: *mut c_char, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_spec_set(text: *const c_char, path: *const c_char, value: *const c_char, buf: *mut c_char, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_spec_get(text: *const c_char, path: *const c_char, buf: *mut c_char, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_model_create(out: *mut *mut vae_model_t, ctx: *mut vae_ctx_t, spec: *const c_char, seed: u64) -> vae_status_t;
    pub fn vae_model_load(out: *mut *mut vae_model_t, ctx: *mut vae_ctx_t, path: *const c_char) -> vae_status_t;
    pub fn vae_model_load_memory(out: *mut *mut vae_model_t, ctx: *mut vae_ctx_t, data: *const c_void, size: usize) -> vae_status_t;
    pub fn vae_model_load_weights(model: *mut vae_model_t, path: *const c_char) -> vae_status_t;
    pub fn vae_model_save(model: *const vae_model_t, path: *const c_char) -> vae_status_t;
    pub fn vae_model_save_memory(model: *const vae_model_t, data: *mut c_void, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_model_destroy(model: *mut vae_model_t);
    pub fn vae_model_spec(model: *const vae_model_t, buf: *mut c_char, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_model_plan(model: *const vae_model_t, n: i64, training: i32, format: i32, buf: *mut c_char, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_model_input_size(model: *const vae_model_t) -> i64;
    pub fn vae_model_latent_size(model: *const vae_model_t) -> i64;
    pub fn vae_model_latent_count(model: *const vae_model_t) -> i32;
    pub fn vae_model_input_shape(model: *const vae_model_t, shape: *mut i64) -> i32;
    pub fn vae_model_latent_shape(model: *const vae_model_t, shape: *mut i64) -> i32;
    pub fn vae_model_latent_shape_at(model: *const vae_model_t, index: i32, shape: *mut i64) -> i32;
    pub fn vae_model_codes_per_example(model: *const vae_model_t) -> i64;
    pub fn vae_model_codebook_size(model: *const vae_model_t) -> i64;
    pub fn vae_model_class_count(model: *const vae_model_t) -> i64;
    pub fn vae_model_token_count(model: *const vae_model_t) -> i64;
    pub fn vae_model_condition_size(model: *const vae_model_t) -> i64;
    pub fn vae_model_param_count(model: *const vae_model_t) -> i64;
    pub fn vae_model_param_total(model: *const vae_model_t) -> i64;
    pub fn vae_model_param(model: *const vae_model_t, index: i64, out: *mut *const vae_tensor_t, name: *mut *const c_char) -> vae_status_t;
    pub fn vae_model_param_find(model: *const vae_model_t, name: *const c_char, index: *mut i64) -> vae_status_t;
    pub fn vae_model_set_param(model: *mut vae_model_t, index: i64, values: *const f32, count: i64) -> vae_status_t;
    pub fn vae_model_set_input_size(model: *mut vae_model_t, height: i64, width: i64) -> vae_status_t;
    pub fn vae_model_import(out: *mut *mut vae_model_t, ctx: *mut vae_ctx_t, path: *const c_char, options: *const vae_import_options_t) -> vae_status_t;
    pub fn vae_import_describe(ctx: *mut vae_ctx_t, path: *const c_char, buf: *mut c_char, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_session_create(out: *mut *mut vae_session_t, model: *const vae_model_t, max_batch: i64) -> vae_status_t;
    pub fn vae_session_create_sized(out: *mut *mut vae_session_t, model: *const vae_model_t, config: *const vae_session_config_t) -> vae_status_t;
    pub fn vae_session_model(session: *const vae_session_t) -> *const vae_model_t;
    pub fn vae_session_destroy(session: *mut vae_session_t);
    pub fn vae_session_bytes(model: *const vae_model_t, max_batch: i64, bytes: *mut u64) -> vae_status_t;
    pub fn vae_session_bytes_sized(model: *const vae_model_t, config: *const vae_session_config_t, bytes: *mut u64) -> vae_status_t;
    pub fn vae_session_seed(session: *mut vae_session_t, seed: u64) -> vae_status_t;
    pub fn vae_session_cancel(session: *mut vae_session_t);
    pub fn vae_encode(session: *mut vae_session_t, n: i64, x: *const f32, mean: *mut f32, logvar: *mut f32) -> vae_status_t;
    pub fn vae_encode_batch(session: *mut vae_session_t, batch: *const vae_batch_t, mean: *mut f32, logvar: *mut f32) -> vae_status_t;
    pub fn vae_decode(session: *mut vae_session_t, n: i64, z: *const f32, x: *mut f32) -> vae_status_t;
    pub fn vae_decode_batch(session: *mut vae_session_t, batch: *const vae_batch_t, z: *const f32, x: *mut f32) -> vae_status_t;
    pub fn vae_decode_rgba8(session: *mut vae_session_t, z: *const f32, pixels: *mut u8, row_stride: usize) -> vae_status_t;
    pub fn vae_encode_codes(session: *mut vae_session_t, n: i64, x: *const f32, codes: *mut i32) -> vae_status_t;
    pub fn vae_encode_codes_batch(session: *mut vae_session_t, batch: *const vae_batch_t, codes: *mut i32) -> vae_status_t;
    pub fn vae_decode_codes(session: *mut vae_session_t, n: i64, codes: *const i32, x: *mut f32) -> vae_status_t;
    pub fn vae_codes_packed_bytes(count: i64, K: i64) -> usize;
    pub fn vae_codes_pack(count: i64, K: i64, codes: *const i32, bytes: *mut u8, cap: usize) -> vae_status_t;
    pub fn vae_codes_unpack(count: i64, K: i64, bytes: *const u8, size: usize, codes: *mut i32) -> vae_status_t;
    pub fn vae_reconstruct(session: *mut vae_session_t, n: i64, x: *const f32, y: *mut f32) -> vae_status_t;
    pub fn vae_reconstruct_batch(session: *mut vae_session_t, batch: *const vae_batch_t, y: *mut f32) -> vae_status_t;
    pub fn vae_sample(session: *mut vae_session_t, n: i64, noise: *const f32, x: *mut f32) -> vae_status_t;
    pub fn vae_sample_batch(session: *mut vae_session_t, batch: *const vae_batch_t, x: *mut f32) -> vae_status_t;
    pub fn vae_elbo(session: *mut vae_session_t, n: i64, x: *const f32, k: i64, noise: *const f32, elbo: *mut f64, recon: *mut f64, rate: *mut f64) -> vae_status_t;
    pub fn vae_elbo_batch(session: *mut vae_session_t, batch: *const vae_batch_t, k: i64, elbo: *mut f64, recon: *mut f64, rate: *mut f64) -> vae_status_t;
    pub fn vae_trainer_create(out: *mut *mut vae_trainer_t, model: *mut vae_model_t, options: *const c_char, max_batch: i64) -> vae_status_t;
    pub fn vae_trainer_destroy(trainer: *mut vae_trainer_t);
    pub fn vae_trainer_bytes(model: *mut vae_model_t, options: *const c_char, max_batch: i64, bytes: *mut u64) -> vae_status_t;
    pub fn vae_trainer_min_batch(model: *mut vae_model_t, options: *const c_char, n: *mut i64) -> vae_status_t;
    pub fn vae_trainer_options(trainer: *const vae_trainer_t, buf: *mut c_char, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_trainer_seed(trainer: *mut vae_trainer_t, seed: u64) -> vae_status_t;
    pub fn vae_trainer_step(trainer: *mut vae_trainer_t, n: i64, x: *const f32, metrics: *mut vae_metrics_t) -> vae_status_t;
    pub fn vae_trainer_step_batch(trainer: *mut vae_trainer_t, batch: *const vae_batch_t, metrics: *mut vae_metrics_t) -> vae_status_t;
    pub fn vae_trainer_backward(trainer: *mut vae_trainer_t, n: i64, x: *const f32, noise: *const f32, metrics: *mut vae_metrics_t) -> vae_status_t;
    pub fn vae_trainer_backward_batch(trainer: *mut vae_trainer_t, batch: *const vae_batch_t, metrics: *mut vae_metrics_t) -> vae_status_t;
    pub fn vae_trainer_cancel(trainer: *mut vae_trainer_t);
    pub fn vae_trainer_apply(trainer: *mut vae_trainer_t, metrics: *mut vae_metrics_t) -> vae_status_t;
    pub fn vae_trainer_grad(trainer: *const vae_trainer_t, index: i64, out: *mut *mut vae_tensor_t) -> vae_status_t;
    pub fn vae_trainer_set_optimizer(trainer: *mut vae_trainer_t, optimizer: *const vae_optimizer_t) -> vae_status_t;
    pub fn vae_trainer_set_lr(trainer: *mut vae_trainer_t, lr: f64) -> vae_status_t;
    pub fn vae_trainer_samples(trainer: *const vae_trainer_t) -> i64;
    pub fn vae_trainer_steps(trainer: *const vae_trainer_t) -> i64;
    pub fn vae_trainer_save(trainer: *const vae_trainer_t, path: *const c_char) -> vae_status_t;
    pub fn vae_trainer_load(trainer: *mut vae_trainer_t, path: *const c_char) -> vae_status_t;
    pub fn vae_measure_reads(text: *const c_char, reads: *mut u32) -> vae_status_t;
    pub fn vae_measure(ctx: *mut vae_ctx_t, text: *const c_char, measured: *const vae_measured_t, value: *mut f64, each: *mut f64) -> vae_status_t;
    pub fn vae_anomaly_create(out: *mut *mut vae_anomaly_t, model: *const vae_model_t, score: *const c_char, max_batch: i64) -> vae_status_t;
    pub fn vae_anomaly_destroy(anomaly: *mut vae_anomaly_t);
    pub fn vae_anomaly_add(anomaly: *mut vae_anomaly_t, batch: *const vae_batch_t) -> vae_status_t;
    pub fn vae_anomaly_fit(anomaly: *mut vae_anomaly_t) -> vae_status_t;
    pub fn vae_anomaly_score(anomaly: *mut vae_anomaly_t, batch: *const vae_batch_t, score: *mut f32, p_value: *mut f64) -> vae_status_t;
    pub fn vae_anomaly_threshold(anomaly: *const vae_anomaly_t, how: i32, alpha: f64, threshold: *mut f64) -> vae_status_t;
    pub fn vae_anomaly_count(anomaly: *const vae_anomaly_t) -> i64;
    pub fn vae_anomaly_scores(anomaly: *const vae_anomaly_t) -> *const f32;
    pub fn vae_anomaly_text(anomaly: *const vae_anomaly_t, buf: *mut c_char, cap: usize, needed: *mut usize) -> vae_status_t;
    pub fn vae_anomaly_model(anomaly: *const vae_anomaly_t) -> *const vae_model_t;
    pub fn vae_anomaly_save(anomaly: *const vae_anomaly_t, path: *const c_char) -> vae_status_t;
    pub fn vae_anomaly_load(out: *mut *mut vae_anomaly_t, ctx: *mut vae_ctx_t, path: *const c_char, max_batch: i64) -> vae_status_t;
    pub fn vae_gradient_create(out: *mut *mut vae_gradient_t, model: *const vae_model_t, max_batch: i64) -> vae_status_t;
    pub fn vae_gradient_destroy(gradient: *mut vae_gradient_t);
    pub fn vae_input_gradient(gradient: *mut vae_gradient_t, batch: *const vae_batch_t, loss: *mut f64, dx: *mut f32) -> vae_status_t;
}
// declarations of include/vae: end
