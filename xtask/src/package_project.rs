//! The package as a user gets it: packed, installed from the tarball into an empty project, imported by its name.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use xshell::Cmd;

use crate::stamp;
use crate::tools;
use crate::workspace::Workspace;

/// Folders of `tests/suites/` that import the package by its name and therefore run from inside the project, in its `tests/`.
const COPIED: [&str; 4] = ["package", "types", "docs", "support"];

/// How a careful user's tsconfig would look; library checks stay on, since our own `.d.ts` is what is tested.
const TSC: [&str; 12] = [
    "--noEmit",
    "--strict",
    "--exactOptionalPropertyTypes",
    "--noUncheckedIndexedAccess",
    "--target",
    "es2022",
    "--lib",
    "es2023,dom,dom.iterable,dom.asynciterable,esnext.disposable",
    "--module",
    "nodenext",
    "--types",
    "node",
];

/// An empty npm project outside the repository, so that nothing of the repository's own `node_modules` is found by accident.
pub struct PackageProject {
    dir: TempDir,
}

impl PackageProject {
    /// Packs `pkg/`, installs the tarball, and copies the tests beside it.
    pub fn install(workspace: &Workspace) -> Result<PackageProject> {
        let project = PackageProject::with_package(workspace, &workspace.package())?;
        for folder in COPIED {
            stamp::copy_into(&workspace.path("tests/suites").join(folder), &project.path().join("tests").join(folder))?;
        }
        Ok(project)
    }

    /// Packs a package's folder and installs the tarball.
    pub fn with_package(workspace: &Workspace, package: &Path) -> Result<PackageProject> {
        let dir = tempfile::Builder::new().prefix("im-chats-package-").tempdir()?;
        let project = PackageProject { dir };
        let path = project.path();
        fs::write(path.join("package.json"), "{ \"name\": \"empty\", \"private\": true, \"type\": \"module\" }\n")?;
        workspace
            .sh
            .cmd("npm")
            .arg("pack")
            .arg(package)
            .args(["--silent", "--pack-destination"])
            .arg(path)
            .run()
            .context("npm pack failed")?;
        let tarball = find(path, "tgz")?.pop().context("npm pack wrote no tarball")?;
        workspace
            .sh
            .cmd("npm")
            .args(["install", "--no-audit", "--no-fund", "--no-package-lock", "--prefix"])
            .arg(path)
            .arg(&tarball)
            .run()
            .context("the packed package does not install")?;
        Ok(project)
    }

    /// The project's folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Checks every `tests/suites/types/*.ts` against the installed package.
    pub fn check_types(&self, workspace: &Workspace) -> Result<()> {
        let files = find(&self.path().join("tests/types"), "ts")?;
        ensure!(!files.is_empty(), "tests/suites/types has no type test");
        let types = workspace.path("node_modules/@types");
        println!("type tests: {} files", files.len());
        workspace
            .npm_bin("tsc")
            .args(TSC)
            .arg("--typeRoots")
            .arg(types)
            .args(files)
            .run()
            .context("the types are not what they should be")
    }

    /// Runs the Node tests of one folder of `tests/suites/` from inside the project.
    pub fn node_tests(&self, workspace: &Workspace, folder: &str) -> Result<()> {
        let files = test_files(&self.path().join("tests").join(folder))?;
        let _inside = workspace.sh.push_dir(self.path());
        node_test(workspace, &files)
            .env("IM_CHATS_PROJECT", self.path())
            .run()
            .with_context(|| format!("tests/suites/{folder} failed"))
    }

    /// Runs the tests of chaos, some of which need NATS.
    pub fn chaos_tests(&self, workspace: &Workspace) -> Result<()> {
        self.repository_test(workspace, "chaos")?
            .env("IM_CHATS_NATS_SERVER", tools::nats_server(workspace)?)
            .run()
            .context("tests/suites/chaos failed")
    }

    /// Runs the tests of pages, one of which Vite builds.
    pub fn browser_tests(&self, workspace: &Workspace) -> Result<()> {
        self.repository_test(workspace, "browser")?
            .env("IM_CHATS_BUNDLERS", tools::npm_folder(workspace, "tests/suites/bundlers", "bundlers")?)
            .run()
            .context("tests/suites/browser failed")
    }

    /// Runs the tests of the console, some of which run its code snippets where the package is installed.
    pub fn console_tests(&self, workspace: &Workspace) -> Result<()> {
        self.repository_test(workspace, "console")?.run().context("tests/suites/console failed")
    }

    /// Runs the tests of the emulator in a program: in each runtime, and in a page.
    pub fn emulator_tests(&self, workspace: &Workspace) -> Result<()> {
        self.repository_test(workspace, "emulator")?
            .env("IM_CHATS_RUNTIMES", tools::npm_folder(workspace, "tests/suites/runtimes", "runtimes")?)
            .run()
            .context("tests/suites/emulator failed")
    }

    /// Runs what docs/testing.md shows in the test runners that it names.
    pub fn testing_tests(&self, workspace: &Workspace) -> Result<()> {
        self.repository_test(workspace, "testing")?
            .env("IM_CHATS_TESTING", tools::npm_folder(workspace, "tests/suites/testing", "testing")?)
            .run()
            .context("tests/suites/testing failed")
    }

    /// Runs the tests of `examples/`, one of which needs a newer Node than the others. What each example depends on is installed before, and
    /// once: for Next.js that takes longer than a test may.
    pub fn example_tests(&self, workspace: &Workspace) -> Result<()> {
        // Where `file:../../pkg` of their manifests leads from there. The tests replace it, so it need not be the present one.
        stamp::mirror(&self.path().join("node_modules/im-chats"), &workspace.target.join("pkg"))?;
        for example in ["bot", "next", "react-inbox", "worker"] {
            tools::npm_folder(workspace, &format!("examples/{example}"), &format!("examples/{example}"))?;
        }
        self.repository_test(workspace, "examples")?
            .env("IM_CHATS_EXAMPLES", workspace.target.join("examples"))
            .env("IM_CHATS_RUNTIMES", tools::npm_folder(workspace, "tests/suites/runtimes", "runtimes")?)
            .run()
            .context("tests/suites/examples failed")
    }

    /// Runs the tests of the hooks for React, and of what the docs show for Vue and Svelte.
    pub fn react_tests(&self, workspace: &Workspace) -> Result<()> {
        self.repository_test(workspace, "react")?
            .env("IM_CHATS_REACT", tools::npm_folder(workspace, "tests/suites/react", "react")?)
            .run()
            .context("tests/suites/react failed")
    }

    /// The tests of one folder of `tests/suites/` that drive a browser: from the repository, which has what drives it, with the
    /// installed package.
    fn repository_test<'a>(&self, workspace: &'a Workspace, folder: &str) -> Result<Cmd<'a>> {
        let files = test_files(&workspace.path("tests/suites").join(folder))?;
        let test = node_test(workspace, &files);
        Ok(test.env("IM_CHATS_PROJECT", self.path()).env("CHROMIUM", tools::browser()?.chromium))
    }

    /// Runs the tests of what is published, with the programs that judge packages.
    pub fn hygiene_tests(&self, workspace: &Workspace) -> Result<()> {
        let files = test_files(&workspace.path("tests/suites/hygiene"))?;
        node_test(workspace, &files)
            .env("IM_CHATS_PROJECT", self.path())
            .env("IM_CHATS_HYGIENE", tools::npm_folder(workspace, "tests/suites/hygiene", "hygiene")?)
            .env("CHROMIUM", tools::browser()?.chromium)
            .run()
            .context("tests/suites/hygiene failed")
    }
}

/// `node --test` over `files`, told where the gateway and the repository are.
pub fn node_test<'a>(workspace: &'a Workspace, files: &[PathBuf]) -> Cmd<'a> {
    workspace
        .sh
        .cmd("node")
        // A test that waits for what never comes must fail, and not stop the run. Node takes the same limit for a whole file, some of
        // which have minutes of tests on a slow machine.
        .args(["--test", "--test-reporter=spec", "--test-timeout=900000"])
        .args(files)
        .env("IM_CHATS_GATEWAY", workspace.gateway())
        .env("IM_CHATS_ROOT", &workspace.root)
}

/// The `*.test.mjs` of a folder. None at all is an error: a test that moved away must not pass by not being there.
pub fn test_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = find(dir, "mjs")?;
    files.retain(|file| file.to_string_lossy().ends_with(".test.mjs"));
    ensure!(!files.is_empty(), "{} has no *.test.mjs", dir.display());
    Ok(files)
}

fn find(dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    Ok(files)
}
