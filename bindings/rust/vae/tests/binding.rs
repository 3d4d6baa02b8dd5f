// SPDX-License-Identifier: MIT
// binding.rs - the safe crate computes what the C library computes, and refuses what would break its rules.

use std::thread;
use vae::{vae_sys, Model};

// the model `dense` of tests/golden/golden.c, whose hashes are in tests/golden/hashes.txt
const DENSE: &str = "input 12x12x1\nencoder flatten | linear out=33 | leaky_relu slope=0.3 | linear out=20 | tanh\n\
                     latent gaussian dim=7\ndecoder linear out=31 | elu | linear out=144 | reshape 12x12x1\nlikelihood bernoulli\n";
const HASHES: &str = include_str!("../../../../tests/golden/hashes.txt");

/// golden.c's numbers: equal ones on every machine, in 0..1.
fn numbers(n: usize) -> Vec<f32> {
    let mut s = 1u64;
    let mut next = || {
        s = s.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (s >> 40) as f32 / 16777216.0
    };
    (0..n).map(|_| next()).collect()
}

/// FNV-1a of the bytes, as golden.c's.
fn hash(x: &[f32]) -> String {
    let bytes = x.iter().flat_map(|value| value.to_le_bytes());
    let h = bytes.fold(0xcbf29ce484222325u64, |h, byte| (h ^ byte as u64).wrapping_mul(0x100000001b3));
    format!("{h:016x}")
}

/// The word after `what` in the line of the model `dense`.
fn golden(what: &str) -> &'static str {
    let line = HASHES.lines().find(|line| line.contains(" dense ")).unwrap();
    line.split_whitespace().skip_while(|&word| word != what).nth(1).unwrap()
}

#[test]
fn encode_decode_and_sample_have_the_golden_bits() {
    let model = Model::new(DENSE, 1).unwrap();
    let mut session = model.session(3).unwrap();
    let posterior = session.encode(&numbers(4 * model.input_size())).unwrap();
    assert_eq!(hash(&[posterior.mean.clone(), posterior.logvar].concat()), golden("encode"));
    assert_eq!(hash(&session.decode(&posterior.mean).unwrap()), golden("decode"));
    assert_eq!(hash(&session.sample(4).unwrap()), golden("sample"));
}

#[test]
fn training_lowers_the_loss_and_a_checkpoint_continues_it() {
    let file = std::env::temp_dir().join(format!("vae-rust-{}.safetensors", std::process::id()));
    let x = numbers(8 * 144);
    let (mut model, mut other) = (Model::new(DENSE, 1).unwrap(), Model::new(DENSE, 2).unwrap());
    let mut trainer = model.trainer("optimizer adam lr=0.01", 8).unwrap();
    let first = trainer.step(&x).unwrap();
    for _ in 0..20 {
        trainer.step(&x).unwrap();
    }
    assert_eq!(trainer.model().session(8).unwrap().reconstruct(&x).unwrap().len(), x.len());
    trainer.save(&file).unwrap();
    let mut second = other.trainer("optimizer adam lr=0.01", 8).unwrap();
    second.load(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    let (a, b) = (trainer.step(&x).unwrap(), second.step(&x).unwrap());
    assert!(a.loss < first.loss);
    assert_eq!((a.step, a.loss, a.latents), (22, b.loss, 1));
    assert_eq!(second.steps(), 22);
}

#[test]
fn a_saved_model_decodes_the_same() {
    let file = std::env::temp_dir().join(format!("vae-rust-model-{}.safetensors", std::process::id()));
    let model = Model::new(DENSE, 5).unwrap();
    model.save(&file).unwrap();
    let z = numbers(2 * model.latent_size());
    let wanted = model.session(2).unwrap().decode(&z).unwrap();
    let loaded = Model::load(&file).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), model.to_bytes().unwrap());
    std::fs::remove_file(&file).unwrap();
    assert_eq!(loaded.spec().unwrap(), model.spec().unwrap());
    assert_eq!(loaded.session(1).unwrap().decode(&z).unwrap(), wanted);
    let bytes = model.to_bytes().unwrap();
    assert_eq!(Model::from_bytes(&bytes).unwrap().into_session(2).unwrap().decode(&z).unwrap(), wanted);
}

#[test]
fn sessions_on_threads_share_a_model() {
    let model = Model::new(DENSE, 1).unwrap();
    let z = numbers(4 * model.latent_size());
    let decode = || model.session(2).unwrap().decode(&z).unwrap();
    let wanted = decode();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(decode)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), wanted);
        }
    });
}

#[test]
fn pixels_are_the_decoded_values() {
    let model = Model::new(DENSE, 1).unwrap();
    let mut session = model.session(1).unwrap();
    let z = numbers(model.latent_size());
    let x = session.decode(&z).unwrap();
    let mut pixels = vec![7; 12 * 50];
    session.decode_rgba8(&z, &mut pixels, 50).unwrap();
    let grey = (x[13] * 255.0).round() as u8;
    assert_eq!(pixels[54..58], [grey, grey, grey, 255]);
    assert_eq!(pixels[48..50], [7, 7]); // between the rows
    assert!(session.decode_rgba8(&z, &mut pixels[..597], 50).unwrap_err().message.contains("wanted 12 rows of 50 bytes"));
}

#[test]
fn errors_have_the_librarys_sentence() {
    let error = Model::new("input 8\nencoder liner out=2\n", 0).unwrap_err();
    assert_eq!((error.status, error.name()), (vae_sys::VAE_E_SPEC, "VAE_E_SPEC"));
    assert!(error.message.contains("linear"), "{error}");
    assert_eq!(Model::load("/nowhere/model.safetensors").unwrap_err().status, vae_sys::VAE_E_IO);
    let mut model = Model::new(DENSE, 1).unwrap();
    let mut trainer = model.trainer("", 4).unwrap();
    assert_eq!(trainer.step(&[f32::NAN; 144]).unwrap_err().status, vae_sys::VAE_E_NUMERIC);
    assert!(trainer.step(&[0.0; 100]).unwrap_err().message.contains("100 values, wanted a multiple of 144"));
    drop(trainer);
    let mut session = model.session(1).unwrap();
    assert_eq!(session.sample(usize::MAX).unwrap_err().status, vae_sys::VAE_E_NOMEM);
    assert!(session.decode_into(&[0.0; 7], &mut [0.0; 288]).is_err());
    assert_eq!(session.elbo(&numbers(144), 1).unwrap().elbo.len(), 1);
}
