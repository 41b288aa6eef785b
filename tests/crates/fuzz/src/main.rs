//! `fuzz`: libFuzzer on one target, named by the environment variable `IM_CHATS_FUZZ_TARGET`. `cargo xtask fuzz` builds it
//! with the instrumentation and starts it. With `IM_CHATS_FUZZ_SEEDS` it writes the seeds into that directory and ends.
#![no_main]
#![allow(clippy::panic, clippy::expect_used, reason = "a fuzzer that cannot begin says so and stops")]

use std::sync::OnceLock;

use im_chats_fuzz::{TARGETS, Target};

fn target() -> &'static Target {
    static TARGET: OnceLock<&'static Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("IM_CHATS_FUZZ_TARGET").unwrap_or_default();
        TARGETS.iter().find(|target| target.name == name).expect("IM_CHATS_FUZZ_TARGET names a target")
    })
}

libfuzzer_sys::fuzz_target!(
    init: {
        if let Some(directory) = std::env::var_os("IM_CHATS_FUZZ_SEEDS") {
            for (index, seed) in (target().seeds)().iter().enumerate() {
                let file = std::path::Path::new(&directory).join(format!("seed-{index}"));
                std::fs::write(file, seed).expect("the seeds can be written");
            }
            std::process::exit(0);
        }
    },
    |data: &[u8]| (target().run)(data)
);
