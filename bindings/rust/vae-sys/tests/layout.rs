// SPDX-License-Identifier: MIT
// layout.rs - a structure has the size that the C compiler ($CC, cc) gives it, and each of its members the place.

use std::fmt::Write;
use std::mem::{offset_of, size_of};
use std::process::Command;
use vae_sys::*;

/// For each structure its size, and the offsets of the members, as Rust has them and as a C program prints them.
macro_rules! layouts {
    ($($name:ident { $($member:ident)* })*) => {{
        let (mut rust, mut c) = (String::new(), String::new());
        $(
            writeln!(rust, "{} {}", stringify!($name), size_of::<$name>()).unwrap();
            writeln!(c, "printf(\"{0} %zu\\n\", sizeof({0}));", stringify!($name)).unwrap();
            $(
                writeln!(rust, "{} {}", stringify!($member), offset_of!($name, $member)).unwrap();
                writeln!(c, "printf(\"{1} %zu\\n\", offsetof({0}, {1}));", stringify!($name), stringify!($member)).unwrap();
            )*
        )*
        (rust, c)
    }};
}

#[test]
fn structures_have_the_layout_of_the_c_compiler() {
    let (rust, c) = layouts! {
        vae_ctx_config_t { threads mem_limit alloc parallel_for log reserved_hook }
        vae_batch_t { n x label condition codes noise weight length }
        vae_session_config_t { max_batch height width memory_budget }
        vae_import_options_t { height width factor shift }
        vae_metrics_t { step loss perplexity latents latent_rate critic_loss critic_accuracy }
        vae_optimizer_t { slots user name step }
        vae_measured_t { n factors x y mean logvar factor bound rate }
        vae_option_t { name default_value range text }
    };
    let lines = |text: &str, word| text.lines().filter(|line| line.starts_with(word)).count();
    let structures = lines(include_str!("../vae_sys.rs"), "#[derive(Clone, Copy, Debug)]");
    assert_eq!(lines(&rust, "vae_"), structures, "a structure is missing above");
    let folder = std::env::temp_dir().join(format!("vae-layout-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (source, program) = (folder.join("layout.c"), folder.join("layout"));
    std::fs::write(&source, format!("#include <stddef.h>\n#include <stdio.h>\n#include <vae/vae.h>\nint main(void) {{\n{c}}}\n")).unwrap();
    let compiler = std::env::var("CC").unwrap_or("cc".into());
    let include = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/../../../include");
    assert!(Command::new(compiler).arg(include).arg(&source).arg("-o").arg(&program).status().unwrap().success());
    let printed = Command::new(&program).output().unwrap().stdout;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(String::from_utf8(printed).unwrap(), rust);
}
