//! The `im-chats-gateway` binary; everything is in the library.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    im_chats_gateway::run::main(im_chats_gateway::cli::Cli::parse())
}
