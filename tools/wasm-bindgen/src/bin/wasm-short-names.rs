//! `wasm-short-names DIR NAME`: gives the imports and exports between `NAME_bg.wasm` and its JavaScript short names.
//!
//! wasm-bindgen's own carry a hash of 16 digits each, which nothing compresses, once on either side: together a twelfth of
//! what a page downloads. Nobody but the generated code uses them.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use walrus::Module;

/// Old names and what they become.
type Names = HashMap<String, String>;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let directory = PathBuf::from(arguments.next().context("no directory")?);
    let name = arguments.next().context("no name")?;
    let path = |suffix: &str| directory.join(format!("{name}{suffix}"));

    let mut module = Module::from_file(path("_bg.wasm"))?;
    let mut imports = Names::new();
    for import in module.imports.iter_mut() {
        let short = short(imports.len());
        imports.insert(std::mem::replace(&mut import.name, short.clone()), short);
    }
    let mut exports = Names::new();
    // The memory keeps its name, which some tools look for.
    for export in module.exports.iter_mut().filter(|export| export.name != "memory") {
        let short = short(exports.len());
        exports.insert(std::mem::replace(&mut export.name, short.clone()), short);
    }
    module.emit_wasm_file(path("_bg.wasm"))?;

    for (suffix, places) in [
        (".js", &[("wasm.", &exports, ""), ("", &imports, ":")][..]),
        (".d.ts", &[("readonly ", &exports, ":")][..]),
        ("_bg.wasm.d.ts", &[("export const ", &exports, ":")][..]),
    ] {
        let mut text = fs::read_to_string(path(suffix))?;
        for (before, names, after) in places {
            let found = rename(&text, before, names, after);
            ensure!(found != text, "{suffix} has no name of the wasm: wasm-bindgen writes otherwise than it did");
            text = found;
        }
        fs::write(path(suffix), text)?;
    }
    Ok(())
}

/// `a`, `b` … `z`, `aa` …
fn short(index: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(index % 26).unwrap_or(0));
    if index < 26 { letter.to_string() } else { short(index / 26 - 1) + &letter.to_string() }
}

/// Renames whole words that stand between `before` and `after`.
fn rename(text: &str, before: &str, names: &Names, after: &str) -> String {
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '$';
    let mut renamed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let (between, tail) = rest.split_at(start);
        let (word, tail) = tail.split_at(tail.find(|character| !is_word(character)).unwrap_or(tail.len()));
        renamed.push_str(between);
        match names.get(word) {
            Some(short) if renamed.ends_with(before) && tail.starts_with(after) => renamed.push_str(short),
            _ => renamed.push_str(word),
        }
        rest = tail;
    }
    renamed + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_never_twice() {
        let names: Vec<_> = (0..1000).map(short).collect();
        assert_eq!((names[0].as_str(), names[25].as_str(), names[26].as_str(), names[701].as_str()), ("a", "z", "aa", "zz"));
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
    }

    #[test]
    fn only_whole_words_in_their_place_are_renamed() {
        let names = Names::from([("get".to_owned(), "a".to_owned())]);
        assert_eq!(
            rename("wasm.get(x); wasm.get2(); my.get(); get", "wasm.", &names, ""),
            "wasm.a(x); wasm.get2(); my.get(); get"
        );
    }
}
