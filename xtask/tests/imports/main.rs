//! No module uses another in a circle, in any crate of the workspace, and no arrow between rooms runs up. The modules' imports
//! are read for that; `rooms.rs` says what each room may use.

#![cfg(test)]

mod circles;
mod read;
mod rooms;

use std::path::{Path, PathBuf};
use std::process::Command;

use circles::circles;
use read::{Arrow, Modules};
use rooms::{ORDERED, Room};
use serde_json::Value;

/// A program or library of the workspace.
struct Crate {
    package: String,
    is_library: bool,
    root: PathBuf,
}

/// Every target of every package; cargo names them, so that a new one is not forgotten.
fn crates() -> Vec<Crate> {
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut crates = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        for target in package["targets"].as_array().unwrap() {
            crates.push(Crate {
                package: package["name"].as_str().unwrap().to_owned(),
                is_library: target["kind"].as_array().unwrap().iter().any(|kind| kind == "lib" || kind == "cdylib"),
                root: target["src_path"].as_str().unwrap().into(),
            });
        }
    }
    crates
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let mut found = Vec::new();
    for Crate { package, root, .. } in crates() {
        for circle in circles(&Modules::read(&root).unwrap().arrows()) {
            found.push(format!("{package}:\n{}", lines(&circle)));
        }
    }
    assert!(
        found.is_empty(),
        "modules use each other in a circle: move what they share to a module of its own\n{}",
        found.join("\n")
    );
}

#[test]
fn every_room_uses_only_the_rooms_that_it_may() {
    let crates = crates();
    let mut found = Vec::new();
    for (package, rooms) in ORDERED {
        let library = crates.iter().find(|found| found.package == package && found.is_library).expect("a library");
        let modules = Modules::read(&library.root).unwrap();
        found.extend(
            without_room(&modules, rooms).into_iter().map(|path| format!("{package}: {path} is in no room of rooms.rs")),
        );
        found.extend(forbidden(&modules, rooms));
    }
    assert!(found.is_empty(), "an arrow runs up, or to the side:\n{}", found.join("\n"));
}

#[test]
fn a_room_may_only_use_rooms_before_it() {
    for (package, rooms) in ORDERED {
        for (index, room) in rooms.iter().enumerate() {
            for used in room.uses {
                let earlier = rooms[..index].iter().any(|earlier| lies_in(earlier.path, used));
                assert!(earlier, "{package}: {} uses {used}, which does not stand before it", room.path);
            }
        }
    }
}

/// Whether a module's path is that of `room`, or below it.
fn lies_in(module: &str, room: &str) -> bool {
    module.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The modules that lie in no room. A module above rooms, such as `fronts`, holds nothing but them.
fn without_room(modules: &Modules, rooms: &[Room]) -> Vec<String> {
    let paths = modules.paths().map(|path| path.join("::")).filter(|path| !path.is_empty());
    paths.filter(|path| !rooms.iter().any(|room| lies_in(path, room.path) || lies_in(room.path, path))).collect()
}

/// The arrows that no room allows, one line each. The root may use everything.
fn forbidden(modules: &Modules, rooms: &[Room]) -> Vec<String> {
    let mut found = Vec::new();
    for arrow in modules.arrows() {
        let (from, to) = (arrow.from.join("::"), arrow.to.join("::"));
        let Some(room) = rooms.iter().find(|room| lies_in(&from, room.path)) else {
            if !from.is_empty() {
                found.push(format!("{}; it only holds rooms", line(&arrow)));
            }
            continue;
        };
        if !lies_in(&to, room.path) && !room.uses.iter().any(|used| lies_in(&to, used)) {
            found.push(format!("{}; {} may use {}", line(&arrow), room.path, room.uses.join(", ")));
        }
    }
    found
}

fn lines(arrows: &[Arrow]) -> String {
    arrows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn line(Arrow { from, to, file, line }: &Arrow) -> String {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let file = file.strip_prefix(workspace).unwrap_or(file).display();
    let name = |path: &[String]| if path.is_empty() { "the root".to_owned() } else { path.join("::") };
    format!("  {file}:{line}: {} uses {}", name(from), name(to))
}

/// A crate of these files, read.
fn planted(files: &[(&str, &str)]) -> Modules {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    Modules::read(&directory.path().join("lib.rs")).unwrap()
}

fn arrows(modules: &Modules) -> Vec<String> {
    modules.arrows().iter().map(|arrow| format!("{} {}", arrow.from.join("::"), arrow.to.join("::"))).collect()
}

#[test]
fn an_arrow_is_found_however_it_is_written() {
    let low = ("low.rs", "pub struct Item; pub mod deep { pub struct Inner; }");
    for text in [
        "use crate::low::Item;",
        "use crate::{low::{self as other}};",
        "use super::low::*;",
        "pub use crate::low::Item as Named;",
        "fn f() -> crate::low::Item { todo!() }",
        "fn f() { println!(\"{:?}\", vec![super::low::Item]) }",
        "#[derive(Args)] struct Flags { #[arg(value_parser = crate::low::parse)] flag: u8 }",
        // `Item` lies in `low`, wherever it is exported again.
        "use crate::Item;",
        "use crate::Short;",
    ] {
        let modules = planted(&[
            ("lib.rs", "pub mod high; pub mod low; pub use low::Item; pub use low::Item as Short;"),
            ("high.rs", text),
            low,
        ]);
        assert_eq!(arrows(&modules), ["high low"], "{text}");
    }
    for text in [
        "use std::low::Item;",
        "#[cfg(test)] mod tests { use crate::low::Item; }",
        "#[cfg(all(test, unix))] use crate::low::Item;",
        "//! See [`crate::low::Item`].",
        "pub(crate) fn low() { self::high() } fn high() {}",
    ] {
        let modules = planted(&[("lib.rs", "pub mod high; pub mod low;"), ("high.rs", text), low]);
        assert_eq!(arrows(&modules), [""; 0], "{text}");
    }
}

#[test]
fn a_module_above_is_used_where_it_does_more_than_export() {
    let lib = ("lib.rs", "mod room;");
    let exports = planted(&[lib, ("room/mod.rs", "mod part; pub use part::Part;"), ("room/part.rs", "pub struct Part;")]);
    assert_eq!(arrows(&exports), [""; 0]);
    let uses = planted(&[
        lib,
        ("room/mod.rs", "mod part; pub struct Whole(part::Part);"),
        ("room/part.rs", "use super::Whole; pub struct Part;"),
    ]);
    assert_eq!(arrows(&uses), ["room room::part", "room::part room"]);
    assert_eq!(circles(&uses.arrows()).len(), 1);
}

#[test]
fn an_arrow_that_runs_up_and_a_circle_are_refused_by_name() {
    let modules = planted(&[
        ("lib.rs", "mod fronts; mod http;"),
        ("fronts/mod.rs", "pub mod grpc; pub mod rest; struct Both(crate::http::Layer);"),
        ("fronts/grpc.rs", "use crate::http::Layer;"),
        ("fronts/rest.rs", "use crate::http::Layer; use super::grpc::Limit;"),
        ("http.rs", "use crate::fronts::grpc; pub struct Layer;"),
        ("new.rs", ""),
    ]);
    let rooms = [
        Room { path: "http", uses: &[] },
        Room { path: "fronts::grpc", uses: &["http"] },
        Room { path: "fronts::rest", uses: &["http"] },
    ];
    let found: Vec<_> = forbidden(&modules, &rooms).iter().map(|line| line.split_once(": ").unwrap().1.to_owned()).collect();
    assert_eq!(
        found,
        [
            "fronts uses http; it only holds rooms",
            "fronts::rest uses fronts::grpc; fronts::rest may use http",
            "http uses fronts::grpc; http may use "
        ]
    );
    assert_eq!(circles(&modules.arrows()).len(), 1);
    let new = planted(&[("lib.rs", "mod fronts { mod new {} mod rest {} }")]);
    assert_eq!(without_room(&new, &rooms), ["fronts::new"]);
}
