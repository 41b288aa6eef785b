//! The commands of the workspace: `cargo xtask build | start | cluster | test | lint | chaos | simulate | mutants | fuzz | compat |
//! runtimes | bundlers | size | bench | console-shot`.
//!
//! Each verb installs what a fresh machine lacks, says what it installs, and does again only what changed.
//! CI calls the same verbs as a person does.

mod apt;
mod bench;
mod build;
mod chaos;
mod checks;
mod cluster;
mod console_shot;
mod everywhere;
mod fuzz;
mod interop;
#[cfg(test)]
mod links;
mod mutants;
mod old;
mod package_project;
mod simulate;
mod size;
mod stamp;
mod start;
mod steps;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::everywhere::Table;
use crate::workspace::Workspace;

/// Build, run and test im-chats.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    verb: Verb,
}

/// What `cargo xtask build` makes.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Part {
    /// The npm package.
    Package,
    /// The gateway.
    Gateway,
}

#[derive(Subcommand)]
enum Verb {
    /// Make the npm package in pkg/ and the gateway in target/release/, or one of them.
    Build {
        /// Which of them; both, when none is named.
        only: Option<Part>,
    },
    /// Build what is missing, run the emulator with its data in .im-chats/, and print the console's URL.
    Start {
        /// Further options for `im-chats-gateway emulator`; one given here replaces ours.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        gateway_options: Vec<String>,
    },
    /// Build what is missing, run three relays over one log in three NATS servers, and print where they are. Nothing stays.
    Cluster,
    /// Run every test, or only the steps named.
    Test {
        /// Names of steps; `--list` prints them.
        steps: Vec<String>,
        /// Print the steps, run nothing.
        #[arg(long)]
        list: bool,
    },
    /// Formatting, clippy (native and wasm), rustdoc and TypeScript, without running a test.
    Lint,
    /// Break the network and kill the gateway under the installed package for minutes, and compare with the log.
    Chaos(chaos::Options),
    /// Run seeds of the simulations, of the event stream and of a shared log; a failing one is printed with the shortest
    /// scenario that still fails.
    Simulate {
        /// How many seeds.
        #[arg(long, default_value_t = 100_000)]
        seeds: u64,
        /// The first one.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Only one of them: `sessions` or `replication`.
        #[arg(long)]
        only: Option<String>,
    },
    /// Run the service's own SDK and ours through the same script and write docs/compatibility.md.
    Compat,
    /// Change the protocol and the emulator in a thousand small ways, one at a time, and count what no test notices: 50 minutes on two cores.
    Mutants {
        /// Globs of source files, such as `protocol/src/client/**/*.rs`; both crates, when none is given.
        files: Vec<String>,
    },
    /// The conformance program in Node, Bun, Deno, workerd, Chromium and Firefox, from the packed package.
    Runtimes(everywhere::Options),
    /// A small app around the packed package through every bundler, opened in Chromium.
    Bundlers(everywhere::Options),
    /// Measure what a page downloads, write docs/size.md, and fail above the budget.
    Size(old::Choice),
    /// Compare the speed with the service's own SDK and with code written by hand, and write docs/performance.md.
    Bench(bench::Options),
    /// Feed every parser with bytes, guided by coverage; what breaks a promise is left in target/fuzz-findings.
    Fuzz {
        /// Minutes in all, shared by the targets.
        #[arg(long, default_value_t = 5.0)]
        minutes: f64,
        /// Names of targets; all, when none is given.
        targets: Vec<String>,
    },
    /// Drive the console in Chromium and write its pictures: docs/console.png and target/console-shots/.
    ConsoleShot,
}

fn main() -> ExitCode {
    match run(Args::parse().verb) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    match verb {
        Verb::Build { only } => match only {
            None => build::everything(&workspace),
            Some(Part::Package) => build::npm_package(&workspace),
            Some(Part::Gateway) => build::gateway(&workspace),
        }
        .map(|()| ExitCode::SUCCESS),
        Verb::Start { gateway_options } => start::run(&workspace, &gateway_options),
        Verb::Cluster => cluster::run(&workspace),
        Verb::Test { list: true, .. } => {
            test::list();
            Ok(ExitCode::SUCCESS)
        }
        Verb::Test { steps, list: false } => test::run(&workspace, &steps),
        Verb::Lint => checks::lint(&workspace),
        Verb::Chaos(options) => chaos::run(&workspace, &options).map(|()| ExitCode::SUCCESS),
        Verb::Simulate { seeds, from, only } => {
            simulate::run(&workspace, seeds, from, only.as_deref()).map(|()| ExitCode::SUCCESS)
        }
        Verb::Mutants { files } => mutants::run(&workspace, &files).map(|()| ExitCode::SUCCESS),
        Verb::Compat => interop::compat(&workspace).map(|()| ExitCode::SUCCESS),
        Verb::Runtimes(options) => everywhere::run(&workspace, Table::Runtimes, &options).map(|()| ExitCode::SUCCESS),
        Verb::Bundlers(options) => everywhere::run(&workspace, Table::Bundlers, &options).map(|()| ExitCode::SUCCESS),
        Verb::Bench(options) => bench::run(&workspace, &options).map(|()| ExitCode::SUCCESS),
        Verb::Size(old) => size::run(&workspace, &old).map(|()| ExitCode::SUCCESS),
        Verb::Fuzz { minutes, targets } => fuzz::run(&workspace, minutes, &targets).map(|()| ExitCode::SUCCESS),
        Verb::ConsoleShot => console_shot::run(&workspace).map(|()| ExitCode::SUCCESS),
    }
}
