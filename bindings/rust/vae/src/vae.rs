// SPDX-License-Identifier: MIT
//! libvae for Rust: models, sessions and trainers that own their handles, and slices whose lengths are checked.
//!
//! ```no_run
//! let mut model = vae::Model::load("clothes.safetensors")?;
//! let mut session = model.session(64)?;
//! let pictures = session.sample(64)?; // 64 * model.input_size() floats
//! # Ok::<(), vae::Error>(())
//! ```
//!
//! The rules of the headers about threads are types here. A model is read-only while it runs: a [`Session`] borrows it, so any number of
//! sessions, each on its own thread, share one model. A [`Trainer`] is the only writer of its model and borrows it mutably, so that no
//! session can read the parameters during a step; [`Trainer::model`] lends the model between steps. A session and a trainer belong to one
//! thread at a time: their calls take `&mut self`.
//!
//! What is not here (other contexts, batches with labels, codes, priors, checkpoints of other programs) is in the crate `vae-sys`, which
//! takes the handles that `as_ptr()` gives.

use std::ffi::{CStr, CString};
use std::fmt;
use std::marker::PhantomData;
use std::os::raw::c_char;
use std::path::Path;
use std::ptr;

pub use vae_sys;
use vae_sys as sys;

/// What a failed call says: the status `VAE_E_...` for the program, and the library's sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    pub status: i32,
    pub message: String,
}

impl Error {
    fn argument(message: String) -> Error {
        Error { status: sys::VAE_E_ARG, message }
    }

    /// The constant's name, "VAE_E_SHAPE".
    pub fn name(&self) -> &'static str {
        // the library gives a static string for every number
        unsafe { CStr::from_ptr(sys::vae_status_name(self.status)) }.to_str().unwrap_or("VAE_E_UNKNOWN")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

pub type Result<T> = std::result::Result<T, Error>;

/// The sentence belongs to this thread and is valid until its next failure, so it is copied at once.
fn check(status: i32) -> Result<()> {
    if status == sys::VAE_OK {
        return Ok(());
    }
    let message = unsafe { CStr::from_ptr(sys::vae_last_error()) }.to_string_lossy().into_owned();
    Err(Error { status, message })
}

fn c_string(text: &str, what: &str) -> Result<CString> {
    CString::new(text).map_err(|e| Error::argument(format!("{what}: has a NUL at byte {}", e.nul_position())))
}

fn c_path(path: &Path) -> Result<CString> {
    let text = path.to_str().ok_or_else(|| Error::argument(format!("path {path:?}: is not UTF-8")))?;
    c_string(text, "path")
}

/// The number of examples in a slice of examples of `size` values.
fn examples(what: &str, length: usize, size: usize) -> Result<i64> {
    if size == 0 || length % size != 0 {
        return Err(Error::argument(format!("{what}: has {length} values, wanted a multiple of {size}")));
    }
    Ok((length / size) as i64)
}

/// `values` zeros for each of `n` examples. A product that no memory could hold is an error, as it is in C.
fn zeros(n: usize, values: usize) -> Result<Vec<f32>> {
    let mut x = Vec::new();
    match n.checked_mul(values).filter(|&size| x.try_reserve_exact(size).is_ok()) {
        Some(size) => x.resize(size, 0.0),
        None => return Err(Error { status: sys::VAE_E_NOMEM, message: format!("no memory for {n} examples of {values} values") }),
    }
    Ok(x)
}

/// The library's version, "0.1.0".
pub fn version() -> &'static str {
    unsafe { CStr::from_ptr(sys::vae_version_string()) }.to_str().unwrap_or("")
}

/// A spec and its parameters.
#[derive(Debug)]
pub struct Model {
    handle: *mut sys::vae_model_t,
}

// Every call that takes &Model reads; those that write take &mut Model.
unsafe impl Send for Model {}
unsafe impl Sync for Model {}

impl Drop for Model {
    fn drop(&mut self) {
        unsafe { sys::vae_model_destroy(self.handle) }
    }
}

impl Model {
    /// A model from its text, with fresh parameters: equal seeds give equal parameters on every machine.
    pub fn new(spec: &str, seed: u64) -> Result<Model> {
        let spec = c_string(spec, "spec")?;
        let mut handle = ptr::null_mut();
        check(unsafe { sys::vae_model_create(&mut handle, ptr::null_mut(), spec.as_ptr(), seed) })?;
        Ok(Model { handle })
    }

    /// A model from a file that [`Model::save`], [`Trainer::save`] or another program with libvae wrote.
    pub fn load(path: impl AsRef<Path>) -> Result<Model> {
        let path = c_path(path.as_ref())?;
        let mut handle = ptr::null_mut();
        check(unsafe { sys::vae_model_load(&mut handle, ptr::null_mut(), path.as_ptr()) })?;
        Ok(Model { handle })
    }

    /// A model from the bytes of such a file, for instance of `include_bytes!`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Model> {
        let mut handle = ptr::null_mut();
        check(unsafe { sys::vae_model_load_memory(&mut handle, ptr::null_mut(), bytes.as_ptr().cast(), bytes.len()) })?;
        Ok(Model { handle })
    }

    /// Writes the model to a file. An old file survives any failure.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = c_path(path.as_ref())?;
        check(unsafe { sys::vae_model_save(self.handle, path.as_ptr()) })
    }

    /// The bytes that [`Model::save`] writes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut needed = 0;
        let status = unsafe { sys::vae_model_save_memory(self.handle, ptr::null_mut(), 0, &mut needed) };
        if needed == 0 {
            check(status)?;
        }
        let mut bytes = vec![0; needed];
        check(unsafe { sys::vae_model_save_memory(self.handle, bytes.as_mut_ptr().cast(), needed, &mut needed) })?;
        Ok(bytes)
    }

    /// The canonical text, with every default written out.
    pub fn spec(&self) -> Result<String> {
        let mut needed = 0;
        let status = unsafe { sys::vae_model_spec(self.handle, ptr::null_mut(), 0, &mut needed) };
        if needed == 0 {
            check(status)?;
        }
        let mut text = vec![0u8; needed];
        check(unsafe { sys::vae_model_spec(self.handle, text.as_mut_ptr() as *mut c_char, needed, &mut needed) })?;
        text.pop(); // the NUL
        String::from_utf8(text).map_err(|_| Error::argument("spec: is not UTF-8".into()))
    }

    /// S, the number of floats of one example.
    pub fn input_size(&self) -> usize {
        unsafe { sys::vae_model_input_size(self.handle) as usize }
    }

    /// D, the number of floats of all latents of one example.
    pub fn latent_size(&self) -> usize {
        unsafe { sys::vae_model_latent_size(self.handle) as usize }
    }

    /// The sizes of one example, channels last.
    pub fn input_shape(&self) -> Vec<usize> {
        let mut shape = [0; 4];
        let count = unsafe { sys::vae_model_input_shape(self.handle, shape.as_mut_ptr()) };
        shape[..count as usize].iter().map(|&size| size as usize).collect()
    }

    /// The number of trainable values.
    pub fn parameter_total(&self) -> usize {
        unsafe { sys::vae_model_param_total(self.handle) as usize }
    }

    /// The scratch memory of one thread, for `max_batch` examples at once; calls with more examples are split.
    pub fn session(&self, max_batch: usize) -> Result<Session<'_>> {
        let mut handle = ptr::null_mut();
        check(unsafe { sys::vae_session_create(&mut handle, self.handle, size(max_batch)) })?;
        Ok(Session { handle, input: self.input_size(), latent: self.latent_size(), shape: self.input_shape(), model: PhantomData })
    }

    /// A session that keeps the model alive by itself, for a structure that holds both. The model can no longer be trained.
    pub fn into_session(self, max_batch: usize) -> Result<Session<'static>> {
        let mut session = self.session(max_batch)?;
        let handle = std::mem::replace(&mut session.handle, ptr::null_mut());
        Ok(Session { handle, input: session.input, latent: session.latent, shape: std::mem::take(&mut session.shape), model: PhantomData })
    }

    /// A trainer, which writes the model's parameters. options: the sections of a training, "" for all defaults.
    pub fn trainer(&mut self, options: &str, max_batch: usize) -> Result<Trainer<'_>> {
        let options = c_string(options, "options")?;
        let mut handle = ptr::null_mut();
        check(unsafe { sys::vae_trainer_create(&mut handle, self.handle, options.as_ptr(), size(max_batch)) })?;
        Ok(Trainer { handle, model: self })
    }

    /// The handle, for calls of `vae_sys`. It lives as long as the model.
    pub fn as_ptr(&self) -> *const sys::vae_model_t {
        self.handle
    }
}

/// A size past the range of the library's integers is its largest one, which it refuses.
fn size(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Encodes, decodes, samples and scores. Slices hold whole examples one after the other; their number is told by the length.
#[derive(Debug)]
pub struct Session<'m> {
    handle: *mut sys::vae_session_t,
    input: usize,
    latent: usize,
    shape: Vec<usize>,
    model: PhantomData<&'m Model>,
}

// One thread at a time uses a session: every call takes &mut self.
unsafe impl Send for Session<'_> {}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        unsafe { sys::vae_session_destroy(self.handle) }
    }
}

/// What the encoder gives for n examples: the posterior's means and the logarithms of its variances, each `[n][D]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Posterior {
    pub mean: Vec<f32>,
    pub logvar: Vec<f32>,
}

/// Scores of n examples in nats, each `[n]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    pub elbo: Vec<f64>,
    pub recon: Vec<f64>,
    pub rate: Vec<f64>,
}

impl Session<'_> {
    /// Restarts the stream of random numbers; a new session has seed 0.
    pub fn seed(&mut self, seed: u64) -> Result<()> {
        check(unsafe { sys::vae_session_seed(self.handle, seed) })
    }

    /// x `[n][S]` to the parameters of the posterior. Nothing is drawn.
    pub fn encode(&mut self, x: &[f32]) -> Result<Posterior> {
        let n = examples("encode: x", x.len(), self.input)?;
        let (mut mean, mut logvar) = (zeros(n as usize, self.latent)?, zeros(n as usize, self.latent)?);
        check(unsafe { sys::vae_encode(self.handle, n, x.as_ptr(), mean.as_mut_ptr(), logvar.as_mut_ptr()) })?;
        Ok(Posterior { mean, logvar })
    }

    /// z `[n][D]` to the mean of the likelihood, `[n][S]`.
    pub fn decode(&mut self, z: &[f32]) -> Result<Vec<f32>> {
        let n = examples("decode: z", z.len(), self.latent)?;
        let mut x = zeros(n as usize, self.input)?;
        self.decode_into(z, &mut x)?;
        Ok(x)
    }

    /// As [`Session::decode`], into the caller's memory: nothing is allocated, so a game calls it inside a frame.
    pub fn decode_into(&mut self, z: &[f32], x: &mut [f32]) -> Result<()> {
        let n = examples("decode: z", z.len(), self.latent)?;
        if examples("decode: x", x.len(), self.input)? != n {
            return Err(Error::argument(format!("decode: x has {} examples, wanted {n}, as z", x.len() / self.input)));
        }
        check(unsafe { sys::vae_decode(self.handle, n, z.as_ptr(), x.as_mut_ptr()) })
    }

    /// Decodes one latent z `[D]` into 8-bit pixels R G B A, rows of `row_stride` bytes.
    pub fn decode_rgba8(&mut self, z: &[f32], pixels: &mut [u8], row_stride: usize) -> Result<()> {
        if z.len() != self.latent {
            return Err(Error::argument(format!("decode_rgba8: z has {} values, wanted {}", z.len(), self.latent)));
        }
        // a model that makes no images is refused by the library, before it writes
        if let [height, width, _] = self.shape[..] {
            let wanted = row_stride.checked_mul(height - 1).and_then(|bytes| bytes.checked_add(width * 4));
            if wanted.map_or(true, |bytes| pixels.len() < bytes) {
                return Err(Error::argument(format!(
                    "decode_rgba8: pixels has {} bytes, wanted {height} rows of {row_stride} bytes",
                    pixels.len()
                )));
            }
        }
        check(unsafe { sys::vae_decode_rgba8(self.handle, z.as_ptr(), pixels.as_mut_ptr(), row_stride) })
    }

    /// Encodes and decodes the posterior mean: x `[n][S]` to `[n][S]`.
    pub fn reconstruct(&mut self, x: &[f32]) -> Result<Vec<f32>> {
        let n = examples("reconstruct: x", x.len(), self.input)?;
        let mut y = zeros(n as usize, self.input)?;
        check(unsafe { sys::vae_reconstruct(self.handle, n, x.as_ptr(), y.as_mut_ptr()) })?;
        Ok(y)
    }

    /// n new examples, `[n][S]`, from the model's prior.
    pub fn sample(&mut self, n: usize) -> Result<Vec<f32>> {
        let mut x = zeros(n, self.input)?;
        check(unsafe { sys::vae_sample(self.handle, size(n), ptr::null(), x.as_mut_ptr()) })?;
        Ok(x)
    }

    /// The evidence lower bound of x `[n][S]`, or with k > 1 the importance-weighted bound of k samples.
    pub fn elbo(&mut self, x: &[f32], k: usize) -> Result<Scores> {
        let n = examples("elbo: x", x.len(), self.input)?;
        let new = || vec![0.0; n as usize];
        let mut s = Scores { elbo: new(), recon: new(), rate: new() };
        let (elbo, recon, rate) = (s.elbo.as_mut_ptr(), s.recon.as_mut_ptr(), s.rate.as_mut_ptr());
        check(unsafe { sys::vae_elbo(self.handle, n, x.as_ptr(), size(k), ptr::null(), elbo, recon, rate) })?;
        Ok(s)
    }

    /// The handle, for calls of `vae_sys`. It lives as long as the session.
    pub fn as_ptr(&mut self) -> *mut sys::vae_session_t {
        self.handle
    }
}

/// What a step of training tells: loss, recon, rate, and the other members of `vae_metrics_t`.
pub type Metrics = sys::vae_metrics_t;

/// Trains its model; the caller owns the loop.
#[derive(Debug)]
pub struct Trainer<'m> {
    handle: *mut sys::vae_trainer_t,
    model: &'m mut Model,
}

// As for Session.
unsafe impl Send for Trainer<'_> {}

impl Drop for Trainer<'_> {
    fn drop(&mut self) {
        unsafe { sys::vae_trainer_destroy(self.handle) }
    }
}

impl Trainer<'_> {
    /// One step on x `[n][S]`. After an error, for instance NaN in x, model and trainer are as before.
    pub fn step(&mut self, x: &[f32]) -> Result<Metrics> {
        let n = examples("step: x", x.len(), self.model.input_size())?;
        // all zero is a value of this structure of numbers
        let mut metrics: Metrics = unsafe { std::mem::zeroed() };
        metrics.struct_size = std::mem::size_of::<Metrics>() as u32;
        check(unsafe { sys::vae_trainer_step(self.handle, n, x.as_ptr(), &mut metrics) })?;
        Ok(metrics)
    }

    /// The model between steps: its sessions end before the next step.
    pub fn model(&self) -> &Model {
        self.model
    }

    /// Restarts the stream of random numbers; a new trainer has seed 0.
    pub fn seed(&mut self, seed: u64) -> Result<()> {
        check(unsafe { sys::vae_trainer_seed(self.handle, seed) })
    }

    /// Replaces the base learning rate.
    pub fn set_lr(&mut self, lr: f64) -> Result<()> {
        check(unsafe { sys::vae_trainer_set_lr(self.handle, lr) })
    }

    /// The steps that were made so far.
    pub fn steps(&self) -> i64 {
        unsafe { sys::vae_trainer_steps(self.handle) }
    }

    /// Writes a checkpoint: the model and all that a bit-exact continuation needs.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = c_path(path.as_ref())?;
        check(unsafe { sys::vae_trainer_save(self.handle, path.as_ptr()) })
    }

    /// Continues from a checkpoint of the same spec and options.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<()> {
        let path = c_path(path.as_ref())?;
        check(unsafe { sys::vae_trainer_load(self.handle, path.as_ptr()) })
    }

    /// The handle, for calls of `vae_sys`. It lives as long as the trainer.
    pub fn as_ptr(&mut self) -> *mut sys::vae_trainer_t {
        self.handle
    }
}
