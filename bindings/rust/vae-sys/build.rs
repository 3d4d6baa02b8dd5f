// SPDX-License-Identifier: MIT
// build.rs - finds libvae or compiles it. No crate is needed, and nothing is downloaded.
//
//   VAE_LIB_DIR=FOLDER    links libvae.a or libvae.so of that folder, and compiles nothing
//   vae.c beside this     what scripts/amalgamate.py wrote here: compiled by $CC (cc)
//   the tree of libvae    scripts/amalgamate.py, which needs Python 3, writes vae.c; then the same
//
// VAE_CFLAGS are flags for the compiler after -O2. The results have the same bits with any of -O0 to -O3.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => panic!("{command:?}: {status}"),
        Err(error) => panic!("{command:?}: {error}"),
    }
}

/// The folder that holds vae.c.
fn sources(here: &Path, out: &Path) -> PathBuf {
    if here.join("vae.c").exists() {
        return here.to_path_buf();
    }
    let tree = here.join("../../..");
    println!("cargo:rerun-if-changed={}", tree.join("lib").display());
    println!("cargo:rerun-if-changed={}", tree.join("include").display());
    run(Command::new("python3").arg("scripts/amalgamate.py").arg(out).current_dir(&tree));
    out.to_path_buf()
}

fn main() {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    for name in ["VAE_LIB_DIR", "VAE_CFLAGS", "CC", "AR"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rerun-if-changed=build.rs");
    if let Ok(folder) = env::var("VAE_LIB_DIR") {
        println!("cargo:rustc-link-search=native={folder}");
        println!("cargo:rustc-link-lib=vae");
        return;
    }
    let sources = sources(&here, &out);
    let object = out.join("vae.o");
    run(Command::new(env::var("CC").unwrap_or("cc".into()))
        .args(["-O2", "-fPIC", "-pthread"])
        .args(env::var("VAE_CFLAGS").unwrap_or_default().split_whitespace())
        .arg("-c")
        .arg(sources.join("vae.c"))
        .arg("-o")
        .arg(&object));
    run(Command::new(env::var("AR").unwrap_or("ar".into())).arg("rcs").arg(out.join("libvae.a")).arg(&object));
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo:rustc-link-lib=static=vae");
    if env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("unix") {
        println!("cargo:rustc-link-lib=m");
        println!("cargo:rustc-link-lib=pthread");
    }
}
