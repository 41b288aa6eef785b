//! `cargo xtask fuzz`: libFuzzer on the parsers, for as long as one likes. The tests feed the same targets without it.

mod names;

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use xshell::cmd;

use crate::steps::seconds;
use crate::workspace::Workspace;
use names::{OF_THE_GATEWAY, TARGETS};

/// What libFuzzer needs of the compiler. Only the target's code gets it: with `--target`, build scripts do not.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Runs each target for its share of the minutes; a finding is left in `target/fuzz-findings`.
pub fn run(workspace: &Workspace, minutes: f64, names: &[String]) -> Result<()> {
    if let Some(unknown) = names.iter().find(|name| !TARGETS.contains(&name.as_str())) {
        bail!("there is no target {unknown}; there are {}", TARGETS.join(", "));
    }
    let chosen: Vec<&str> =
        TARGETS.into_iter().filter(|target| names.is_empty() || names.iter().any(|name| name == target)).collect();
    let features = if chosen.iter().any(|target| OF_THE_GATEWAY.contains(target)) { "coverage,gateway" } else { "coverage" };
    let host = cmd!(workspace.sh, "rustc --print host-tuple").quiet().read()?;
    workspace
        .cargo()
        .args(["build", "--package", "im-chats-fuzz", "--bin", "fuzz", "--features", features, "--profile", "fuzz"])
        .args(["--target", &host])
        .env("RUSTFLAGS", COVERAGE)
        .run()
        .context("the fuzzer does not build (libFuzzer needs a C++ compiler)")?;
    let program = workspace.target.join(&host).join("fuzz/fuzz");
    let share = Duration::from_secs_f64(minutes * 60.0).as_secs().div_ceil(chosen.len().try_into()?).max(1);
    for target in &chosen {
        let corpus = workspace.target.join("fuzz-corpus").join(target);
        let findings = workspace.target.join("fuzz-findings").join(target);
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&findings)?;
        let fuzz = || workspace.sh.cmd(&program).env("IM_CHATS_FUZZ_TARGET", target).quiet();
        fuzz().env("IM_CHATS_FUZZ_SEEDS", &corpus).ignore_stderr().run().context("the seeds could not be written")?;
        println!("── {target}: {share} s");
        let began = Instant::now();
        let output = fuzz()
            .arg(format!("-max_total_time={share}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .args(["-max_len=4096", "-timeout=60", "-print_final_stats=1", "-verbosity=0"])
            .arg(&corpus)
            .ignore_status()
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            eprintln!("{said}");
            bail!("{target} found something: the input is in {}", findings.display());
        }
        // Of what libFuzzer says at its end, the figures; not the words it found useful.
        said.lines().filter(|line| line.starts_with("stat::")).for_each(|line| println!("{line}"));
        println!("── {target}: nothing found in {}", seconds(began.elapsed()));
    }
    Ok(())
}
