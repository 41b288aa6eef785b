//! `cargo xtask runtimes` and `cargo xtask bundlers`: the packed package wherever JavaScript runs, and through whatever bundles it.

use anyhow::{Context, Result};
use clap::Args;

use crate::build;
use crate::checks;
use crate::package_project::PackageProject;
use crate::tools;
use crate::workspace::Workspace;

/// Which rows of the table to run, and whether to write it down.
#[derive(Args)]
pub struct Options {
    /// Rows by (part of) their name; all without one.
    names: Vec<String>,
    /// Put the table into the documentation, when every row passed.
    #[arg(long)]
    write: bool,
}

/// Builds, installs what is missing, and runs one of the tables.
pub fn run(workspace: &Workspace, table: Table, options: &Options) -> Result<()> {
    checks::install(workspace)?;
    build::everything(workspace)?;
    table.run(workspace, &PackageProject::install(workspace)?, options)
}

/// The two tables.
#[derive(Clone, Copy)]
pub enum Table {
    /// The conformance program in every runtime.
    Runtimes,
    /// An app through every bundler, opened in Chromium.
    Bundlers,
}

impl Table {
    /// Runs the rows that `options` names; a row that fails is an error.
    pub fn run(self, workspace: &Workspace, project: &PackageProject, options: &Options) -> Result<()> {
        let (folder, script, variable) = match self {
            Table::Runtimes => ("runtimes", "tests/suites/runtimes/matrix.mjs", "IM_CHATS_RUNTIMES"),
            Table::Bundlers => ("bundlers", "tests/suites/bundlers/bundlers.mjs", "IM_CHATS_BUNDLERS"),
        };
        let installed = tools::npm_folder(workspace, &format!("tests/suites/{folder}"), folder)?;
        let mut command = workspace
            .sh
            .cmd("node")
            .arg(workspace.path(script))
            .args(&options.names)
            .args(options.write.then_some("--write"))
            .env(variable, installed)
            .env("IM_CHATS_GATEWAY", workspace.gateway())
            .env("IM_CHATS_PROJECT", project.path())
            .env("CHROMIUM", tools::browser()?.chromium);
        if matches!(self, Table::Runtimes) {
            command = command.env("FIREFOX", tools::firefox()?);
        }
        command.run().with_context(|| format!("not every row of the {folder} passed"))
    }

    /// All rows of the runtimes, or of the bundlers the two that most people meet: what CI runs.
    pub fn run_in_ci(self, workspace: &Workspace, project: &PackageProject) -> Result<()> {
        let names = match self {
            Table::Runtimes => vec![],
            Table::Bundlers => vec!["Vite".to_owned(), "esbuild".to_owned()],
        };
        self.run(workspace, project, &Options { names, write: false })
    }
}
