//! The npm package: the TypeScript shell of `pkg-template/` compiled around the generated code.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::build::wasm;
use crate::stamp;
use crate::workspace::Workspace;

/// What the manifest in `pkg-template/` says where the workspace's version belongs.
const VERSION_PLACEHOLDER: &str = "\"version\": \"0.0.0\"";

/// Assembles `pkg/` from the stage.
pub fn assemble(workspace: &Workspace) -> Result<()> {
    let template = workspace.path("pkg-template");
    ensure!(template.join("package.json").exists(), "pkg-template/package.json is missing");
    let package = workspace.package();
    let inputs = [
        template.clone(),
        wasm::stage(workspace),
        workspace.path("README.md"),
        workspace.path("LICENSE"),
        workspace.path("Cargo.toml"),
        workspace.path("package-lock.json"),
        workspace.path("xtask/src/build"),
        workspace.path("xtask/js/publish.mjs"),
    ];
    let outputs = [
        package.join("package.json"),
        package.join("wasm/im_chats_bg.wasm"),
        package.join("wasm/messages_bg.wasm"),
        package.join("wasm/emulator_bg.wasm"),
    ];
    let ran = stamp::when_changed(workspace, "package", &inputs, &outputs, || {
        let out = workspace.target.join("pkg-out");
        make(workspace, &template, &out)?;
        // Only a package that was made completely takes the place of the last one.
        if package.exists() {
            fs::remove_dir_all(&package)?;
        }
        fs::rename(&out, &package).or_else(|_| stamp::mirror(&out, &package).map_err(std::io::Error::other))?;
        Ok(())
    })?;
    println!("package: {}{}", package.display(), if ran { "" } else { " (unchanged)" });
    Ok(())
}

fn make(workspace: &Workspace, template: &Path, out: &Path) -> Result<()> {
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    stamp::mirror(&wasm::stage(workspace), &out.join("wasm"))?;
    // wasm-bindgen writes the first two when it meets a folder that belongs to a package, and the others for code that instantiates the
    // wasm by hand; none is part of ours.
    for stray in [".gitignore", "package.json", "im_chats_bg.wasm.d.ts", "messages_bg.wasm.d.ts", "emulator_bg.wasm.d.ts"] {
        let stray = out.join("wasm").join(stray);
        if stray.exists() {
            fs::remove_file(stray)?;
        }
    }
    compile_shell(workspace, template, out)?;
    for types in ["wasm.d.ts", "messages-wasm.d.ts", "emulator-wasm.d.ts"] {
        fs::copy(template.join(types), out.join(types))?;
    }
    workspace
        .sh
        .cmd("node")
        .arg(workspace.path("xtask/js/publish.mjs"))
        .arg(out)
        .quiet()
        .run()
        .context("the package could not be finished")?;
    let manifest = fs::read_to_string(template.join("package.json"))?;
    fs::write(out.join("package.json"), with_home(&with_version(&manifest)?, env!("CARGO_PKG_REPOSITORY"))?)?;
    fs::copy(workspace.path("LICENSE"), out.join("LICENSE"))?;
    let own_readme = template.join("README.md");
    let readme = if own_readme.exists() { own_readme } else { workspace.path("README.md") };
    if readme.exists() {
        fs::copy(readme, out.join("README.md"))?;
    }
    Ok(())
}

/// Stages the shell beside the generated code, which it imports as `./wasm/im_chats.js` and `./wasm/messages.js`, and compiles it into `out`.
fn compile_shell(workspace: &Workspace, template: &Path, out: &Path) -> Result<()> {
    let stage = stage_root(workspace)?;
    for entry in fs::read_dir(&stage)? {
        let path = entry?.path();
        if path == wasm::stage(workspace) {
            continue;
        }
        if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    stamp::copy_into(&template.join("src"), &stage)?;
    fs::copy(template.join("tsconfig.json"), stage.join("tsconfig.json")).context("pkg-template/tsconfig.json is missing")?;
    workspace
        .npm_bin("tsc")
        .arg("--project")
        .arg(stage.join("tsconfig.json"))
        .arg("--rootDir")
        .arg(&stage)
        .arg("--outDir")
        .arg(out)
        .run()
        .context("the TypeScript shell does not compile")
}

fn stage_root(workspace: &Workspace) -> Result<PathBuf> {
    Ok(wasm::stage(workspace).parent().context("the stage has no parent folder")?.to_path_buf())
}

fn with_version(manifest: &str) -> Result<String> {
    ensure!(
        manifest.matches(VERSION_PLACEHOLDER).count() == 1,
        "pkg-template/package.json must say {VERSION_PLACEHOLDER} once: the workspace's version is put there"
    );
    Ok(manifest.replace(VERSION_PLACEHOLDER, concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"")))
}

/// Names where the package lives, once `xtask/Cargo.toml` does: npm shows it, and a published package's provenance is checked
/// against it.
fn with_home(manifest: &str, repository: &str) -> Result<String> {
    if repository.is_empty() {
        return Ok(manifest.to_owned());
    }
    let url = repository.trim_end_matches('/').trim_end_matches(".git");
    let home = format!(
        "  \"homepage\": \"{url}#readme\",\n  \"bugs\": {{ \"url\": \"{url}/issues\" }},\n  \"repository\": {{ \"type\": \"git\", \"url\": \"git+{url}.git\" }},\n"
    );
    let (before, after) = manifest.split_once("  \"license\"").context("pkg-template/package.json has no licence")?;
    Ok(format!("{before}{home}  \"license\"{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_gets_the_version_of_the_workspace() {
        let manifest = with_version(r#"{ "name": "im-chats", "version": "0.0.0", "type": "module" }"#).unwrap();
        assert_eq!(
            manifest,
            format!(r#"{{ "name": "im-chats", "version": "{}", "type": "module" }}"#, env!("CARGO_PKG_VERSION"))
        );
    }

    #[test]
    fn the_manifest_names_its_repository_when_there_is_one() {
        let manifest = "{\n  \"name\": \"im-chats\",\n  \"license\": \"MIT\"\n}\n";
        assert_eq!(with_home(manifest, "").unwrap(), manifest);
        let named = with_home(manifest, "https://git.example/im/chats.git").unwrap();
        assert!(named.contains(r#""homepage": "https://git.example/im/chats#readme","#), "{named}");
        assert!(named.contains(r#""bugs": { "url": "https://git.example/im/chats/issues" },"#), "{named}");
        assert!(
            named.contains(r#""repository": { "type": "git", "url": "git+https://git.example/im/chats.git" },"#),
            "{named}"
        );
    }

    #[test]
    fn a_manifest_without_the_placeholder_is_refused() {
        assert!(with_version(r#"{ "version": "1.2.3" }"#).is_err());
    }
}
