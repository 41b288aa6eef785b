//! `cargo xtask mutants`: changes the protocol, the emulator and the rules of a shared log in a thousand small ways, one at a time, and counts the changes
//! that some test notices.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::steps::seconds;
use crate::tools;
use crate::workspace::Workspace;

/// The survivors that are accepted, each with its reason.
const SURVIVORS: &str = ".cargo/mutants-survivors.txt";

/// The share of the mutants that must be caught, in percent.
const REQUIRED: f64 = 95.0;

/// One way to judge mutants. A later stage sees only what the stages before it let pass.
struct Stage {
    name: &'static str,
    arguments: &'static [&'static str],
}

/// A crate whose tests are measured, and its stages: the cheap ones first, since most mutants get no further.
struct Target {
    package: &'static str,
    stages: &'static [Stage],
}

const TARGETS: [Target; 3] = [
    Target {
        package: "im-chats-protocol",
        stages: &[
            Stage {
                name: "session tests",
                arguments: &["--profile=mutants", "-C--test=sessions", "--", "--", "--skip", "property"],
            },
            Stage { name: "unit tests", arguments: &["--profile=mutants", "-C--lib"] },
            Stage { name: "random sessions", arguments: &["-C--test=sessions", "--", "--", "property"] },
            // Without a run before the mutants: it would look for the simulation's tests in the mutated crate.
            Stage {
                name: "simulation",
                arguments: &[
                    "--test-package=im-chats-simulation",
                    "-C--test=seeds",
                    "--baseline=skip",
                    "--timeout=300",
                    "--build-timeout=300",
                ],
            },
        ],
    },
    Target {
        package: "im-chats-emulator",
        stages: &[Stage { name: "unit tests", arguments: &["--profile=mutants", "-C--lib"] }],
    },
    Target {
        package: "im-chats-replication",
        stages: &[Stage { name: "unit tests", arguments: &["--profile=mutants", "-C--lib"] }],
    },
];

/// How the mutants of one crate fared, by their full names.
#[derive(Default)]
struct Tally {
    caught: BTreeMap<&'static str, usize>,
    timeouts: usize,
    unviable: usize,
    survivors: Vec<String>,
}

impl Tally {
    fn caught(&self) -> usize {
        self.caught.values().sum::<usize>() + self.timeouts
    }

    fn viable(&self) -> usize {
        self.caught() + self.survivors.len()
    }
}

/// Judges every mutant of both crates, or of the files that match the globs, prints the figures, and fails when too few are
/// caught, when a survivor is not explained, or when an explanation is out of date.
pub fn run(workspace: &Workspace, files: &[String]) -> Result<()> {
    let program = tools::cargo_mutants(workspace)?;
    let home = workspace.target.join("mutants");
    // A run leaves much behind. One that looks at a few files builds on it; one that looks at all begins with nothing.
    for old in TARGETS.iter().map(|target| target.package).chain(files.is_empty().then_some("build")) {
        match fs::remove_dir_all(home.join(old)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    println!("leave the sources as they are until it ends: a stage knows by line and column what the one before it caught");
    let mut survivors = Vec::new();
    let mut examined = BTreeSet::new();
    let mut too_few = Vec::new();
    for target in &TARGETS {
        let names = list(workspace, &program, target.package, files)?;
        if names.is_empty() {
            continue;
        }
        examined.extend(names.iter().filter_map(|name| name.split_once(':')).map(|(file, _)| file.to_owned()));
        let began = Instant::now();
        let tally = judge(workspace, &program, &home, target, files)?;
        let percent = print(target.package, &tally, began);
        if percent < REQUIRED {
            too_few.push(target.package);
        }
        survivors.extend(tally.survivors);
    }
    let explained = read_survivors(&fs::read_to_string(workspace.path(SURVIVORS))?)?;
    let complaints = compare(&survivors, &explained, &examined);
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    if !complaints.is_empty() {
        bail!("{SURVIVORS} does not list exactly the survivors: write tests, or explain what cannot be tested");
    }
    if !too_few.is_empty() {
        bail!("fewer than {REQUIRED} % of the mutants are caught in {}", too_few.join(" and "));
    }
    Ok(())
}

fn command<'a>(workspace: &'a Workspace, program: &Path, package: &str, files: &[String]) -> xshell::Cmd<'a> {
    let command = workspace.sh.cmd(program).args(["mutants", "--package", package]);
    files.iter().fold(command, |command, file| command.args(["--file", file]))
}

fn list(workspace: &Workspace, program: &Path, package: &str, files: &[String]) -> Result<Vec<String>> {
    let names = command(workspace, program, package, files).arg("--list").quiet().read()?;
    Ok(names.lines().map(str::to_owned).collect())
}

fn judge(workspace: &Workspace, program: &Path, home: &Path, target: &Target, files: &[String]) -> Result<Tally> {
    let out = home.join(target.package);
    fs::create_dir_all(&out)?;
    let mut tally = Tally::default();
    for stage in target.stages {
        println!("── {}: {}; what it lets pass goes on to the next", target.package, stage.name);
        let command = command(workspace, program, target.package, files)
            .args(["--iterate", "--jobs=1", "--output"])
            .arg(&out)
            .args(stage.arguments)
            // The dependencies are built once. Random tests repeat their cases, so that a run is like the run before.
            .env("CARGO_TARGET_DIR", home.join("build"))
            .env("PROPTEST_RNG_SEED", "1");
        let status = Command::from(command).status().context("cargo-mutants does not start")?;
        // 0: all caught; 2: some survived; 3: some ran out of time. Everything else is a run that proves nothing.
        if !matches!(status.code(), Some(0 | 2 | 3)) {
            bail!("cargo-mutants failed ({status}); its logs are in {}", out.display());
        }
        let results = out.join("mutants.out");
        let read =
            |name: &str| fs::read_to_string(results.join(name)).with_context(|| format!("no {name} in {}", out.display()));
        let (caught, timeouts) = (read("caught.txt")?, read("timeout.txt")?);
        // A test that never ends is a test that fails: the next stage need not wait for it again.
        fs::write(results.join("caught.txt"), format!("{caught}{timeouts}"))?;
        *tally.caught.entry(stage.name).or_default() += caught.lines().count();
        tally.timeouts += timeouts.lines().count();
        tally.unviable += read("unviable.txt")?.lines().count();
        tally.survivors = read("missed.txt")?.lines().map(without_place).collect();
        println!("   {} left", tally.survivors.len());
        if tally.survivors.is_empty() {
            break;
        }
    }
    Ok(tally)
}

/// Prints the figures of one crate, and gives the share that was caught, in percent.
fn print(package: &str, tally: &Tally, began: Instant) -> f64 {
    let share = |part: usize| 100.0 * part as f64 / tally.viable().max(1) as f64;
    println!(
        "\n{package}: {} mutants that compile, {} that do not, in {}",
        tally.viable(),
        tally.unviable,
        seconds(began.elapsed())
    );
    for (stage, caught) in &tally.caught {
        println!("{caught:>6}  caught by the {stage}");
    }
    println!("{:>6}  never end", tally.timeouts);
    println!("{:>6}  survive", tally.survivors.len());
    println!("{:>6.1}  percent caught\n", share(tally.caught()));
    share(tally.caught())
}

/// The name of a mutant without its line and column, which move with every change of the file.
fn without_place(name: &str) -> String {
    match name.splitn(4, ':').collect::<Vec<_>>().as_slice() {
        [file, _line, _column, change] => format!("{file}:{change}"),
        _ => name.to_owned(),
    }
}

/// The accepted survivors: on each line the name of one, two spaces, `# ` and the reason.
fn read_survivors(text: &str) -> Result<Vec<String>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| match line.split_once("  # ") {
            Some((name, reason)) if !reason.trim().is_empty() => Ok(name.to_owned()),
            _ => bail!("{SURVIVORS}: no reason on the line {line}"),
        })
        .collect()
}

/// What is wrong with the list: survivors that are not on it, and lines of examined files without a survivor. Two mutants of one
/// function may have the same name; each needs a line.
fn compare(survivors: &[String], explained: &[String], examined: &BTreeSet<String>) -> Vec<String> {
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for name in explained {
        *open.entry(name).or_default() += 1;
    }
    let mut complaints = Vec::new();
    for name in survivors {
        match open.get_mut(name.as_str()).filter(|count| **count > 0) {
            Some(count) => *count -= 1,
            None => complaints.push(format!("survives and is not explained: {name}")),
        }
    }
    for (name, count) in open {
        if count > 0 && name.split_once(':').is_some_and(|(file, _)| examined.contains(file) || !Path::new(file).exists()) {
            complaints.push(format!("is explained and does not survive: {name}"));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "protocol/src/number.rs";

    fn complaints(survivors: &[&str], explained: &[&str]) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        compare(&owned(survivors), &owned(explained), &BTreeSet::from([FILE.to_owned()]))
    }

    #[test]
    fn a_mutant_is_known_without_its_place() {
        let name = "protocol/src/number.rs:14:5: replace <impl A for B::C>::f -> bool with true";
        assert_eq!(without_place(name), "protocol/src/number.rs: replace <impl A for B::C>::f -> bool with true");
    }

    #[test]
    fn every_survivor_needs_a_line_of_its_own_and_every_line_a_survivor() {
        let (one, other) = ("protocol/src/number.rs: replace < with <= in f", "protocol/src/number.rs: replace f with 0");
        assert!(complaints(&[one, one], &[one, one]).is_empty());
        assert_eq!(complaints(&[one, one], &[one]).len(), 1);
        assert_eq!(complaints(&[one], &[one, one]).len(), 1);
        assert_eq!(complaints(&[one], &[other]).len(), 2);
    }

    #[test]
    fn a_line_needs_a_reason_and_one_of_a_file_that_was_not_examined_is_left_alone() {
        assert!(read_survivors("# what this is\n\na.rs: replace || with &&  # nobody can tell\n").is_ok());
        assert!(read_survivors("a.rs: replace || with &&\n").is_err());
        assert!(complaints(&[], &["src/mutants.rs: replace f with 0"]).is_empty());
    }
}
