//! Compiles the .proto files, without a `protoc`, into types that speak both protobuf and proto3-JSON; stages the console.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message;

const ROOT: &str = "proto";
const FILES: [&str; 8] = [
    "photon/imessage/v1/address_service.proto",
    "photon/imessage/v1/attachment_service.proto",
    "photon/imessage/v1/chat_service.proto",
    "photon/imessage/v1/event_service.proto",
    "photon/imessage/v1/group_service.proto",
    "photon/imessage/v1/location_service.proto",
    "photon/imessage/v1/message_service.proto",
    "photon/imessage/v1/poll_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    protobuf(&out)?;
    // Without a server there is no console. Watching it would also go in circles: it holds the package, which holds that build's wasm.
    if std::env::var_os("CARGO_FEATURE_SERVER").is_some() { console(&out) } else { Ok(()) }
}

fn protobuf(out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let descriptors = protox::compile(FILES, [ROOT])?;
    let encoded = descriptors.encode_to_vec();
    // Kept for server reflection.
    std::fs::write(out.join("descriptors.bin"), &encoded)?;
    // The well-known types are generated here too: their JSON form (`Z`, not `+00:00`) is ours to get right.
    let mut types = tonic_prost_build::Config::new();
    types.bytes([
        ".photon.imessage.v1.SetBackgroundRequest.data",
        ".photon.imessage.v1.SetIconRequest.data",
        ".photon.imessage.v1.UploadAttachmentRequest.data",
        ".photon.imessage.v1.Companion.data",
        ".photon.imessage.v1.DownloadAttachmentResponse.primary_chunk",
        ".photon.imessage.v1.DownloadAttachmentResponse.companion_chunk",
    ]);
    // The client is for the tests, and for the relay, which is a client of the real service.
    tonic_prost_build::configure()
        .compile_well_known_types(true)
        .client_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .type_attribute(".google.protobuf.Empty", "#[derive(serde::Serialize, serde::Deserialize)]")
        .compile_fds_with_config(descriptors, types)?;
    pbjson_build::Builder::new().register_descriptors(&encoded)?.ignore_unknown_fields().build(&[".photon"])?;
    Ok(())
}

/// Stages what `src/fronts/console.rs` embeds: the folder that `cargo xtask build` prepared, or else a page that names that command.
fn console(out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed=IM_CHATS_CONSOLE_DIR");
    let prepared = match std::env::var_os("IM_CHATS_CONSOLE_DIR") {
        Some(dir) => PathBuf::from(dir),
        None => {
            // It must exist to be watched: cargo runs a build script every time when a path it names is missing.
            let dir = PathBuf::from("../target/console");
            std::fs::create_dir_all(&dir)?;
            dir
        }
    };
    println!("cargo:rerun-if-changed={}", prepared.display());
    let staged = out.join("console");
    if staged.exists() {
        std::fs::remove_dir_all(&staged)?;
    }
    if prepared.join("console/index.html").is_file() {
        return copy(&prepared, &staged);
    }
    std::fs::create_dir_all(staged.join("console"))?;
    std::fs::copy("console-missing.html", staged.join("console/index.html"))?;
    println!("cargo:rerun-if-changed=console-missing.html");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
