//! The console's assets, which the gateway takes into its binary when it is compiled.

use anyhow::Result;

use crate::stamp;
use crate::workspace::Workspace;

/// Mirrors `examples/console` and `pkg/` into `target/console`, where the gateway's build script looks.
///
/// `console/` there is served at `/`, `im-chats/` under the package's own name. It is `target/` even when Cargo builds elsewhere:
/// a build script cannot ask where Cargo builds.
pub fn stage(workspace: &Workspace) -> Result<()> {
    let page = workspace.path("examples/console");
    let package = workspace.package();
    let out = workspace.path("target/console");
    let outputs = [out.join("console/index.html"), out.join("im-chats/package.json")];
    stamp::when_changed(workspace, "console", &[page.clone(), package.clone()], &outputs, || {
        stamp::mirror(&page, &out.join("console"))?;
        stamp::mirror(&package, &out.join("im-chats"))
    })?;
    Ok(())
}
