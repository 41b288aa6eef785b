//! The flag of the project.

use std::ffi::OsStr;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};

use super::project::Project;

/// Whether programs with spectrum-ts find the emulator as they find its cloud.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Spectrum")]
pub struct SpectrumArgs {
    /// Be the cloud of spectrum-ts, too: the project that programs name by `SPECTRUM_PROJECT_ID` and `SPECTRUM_PROJECT_SECRET`. Better in the
    /// environment than here, where other users of the machine can read it.
    #[arg(long, value_name = "ID:SECRET", env = "IM_CHATS_SPECTRUM_PROJECT", hide_env_values = true, value_parser = ProjectParser)]
    pub spectrum_project: Option<Project>,
}

/// Reads a project, and never repeats its secret in what it says.
#[derive(Debug, Clone, Copy)]
struct ProjectParser;

impl TypedValueParser for ProjectParser {
    type Value = Project;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Project, clap::Error> {
        Project::parse(&value.to_string_lossy()).map_err(|reason| {
            let text = format!("--spectrum-project (or IM_CHATS_SPECTRUM_PROJECT): {reason}");
            command.clone().error(ErrorKind::ValueValidation, text)
        })
    }
}
