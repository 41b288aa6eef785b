//! The `im-chats-gateway` binary; everything is in the library.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    im_chats_gateway::run::main(im_chats_gateway::cli::Cli::parse())
}
