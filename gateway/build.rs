//! Compiles the .proto files, without a `protoc`, into types that speak both protobuf and proto3-JSON.

use std::error::Error;
use std::path::{Path, PathBuf};

use prost::Message;

const ROOT: &str = "proto";
const FILES: [&str; 2] = ["photon/imessage/v1/chat_service.proto", "photon/imessage/v1/event_service.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    protobuf(&PathBuf::from(std::env::var("OUT_DIR")?))
}

fn protobuf(out: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let descriptors = protox::compile(FILES, [ROOT])?;
    let encoded = descriptors.encode_to_vec();
    // Kept for server reflection.
    std::fs::write(out.join("descriptors.bin"), &encoded)?;
    // The well-known types are generated here too: their JSON form (`Z`, not `+00:00`) is ours to get right.
    prost_build::Config::new()
        .compile_well_known_types()
        .type_attribute(".google.protobuf.Empty", "#[derive(serde::Serialize, serde::Deserialize)]")
        .bytes([".photon.imessage.v1.SetBackgroundRequest.data"])
        .compile_fds(descriptors)?;
    pbjson_build::Builder::new().register_descriptors(&encoded)?.ignore_unknown_fields().build(&[".photon"])?;
    Ok(())
}
