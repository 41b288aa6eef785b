//! `wasm-finish DIR NAME`: what our package does otherwise than wasm-bindgen, in `NAME_bg.wasm` and its JavaScript.
//!
//! - Short names for the imports and exports between the two. wasm-bindgen's own carry a hash of 16 digits each, which nothing compresses, once
//!   on either side: together a twelfth of what a page downloads. Nobody but the generated code uses them.
//! - Importing the JavaScript makes nothing: the decoder and the encoder of texts come with the start. Some environments have neither
//!   (Jest's jsdom), and a program there that only imports the package must run.
//! - Constant texts, the names of fields above all, are decoded once. Otherwise every field of every answer costs a `TextDecoder`
//!   a run, and the engine a look for the string it has already.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use walrus::{ConstExpr, DataKind, Module, ir::Value};

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
    let constants = constants(&module).context("no data")?;
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
        if suffix == ".js" {
            text = decode_once(&make_at_start(&text)?, &constants)?;
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

/// The addresses of the module's constants. Nothing else ever lies there: the stack is before them, the heap behind.
fn constants(module: &Module) -> Option<Range<usize>> {
    let segments = module.data.iter().filter_map(|segment| match segment.kind {
        DataKind::Active { offset: ConstExpr::Value(Value::I32(start)), .. } => {
            let start = usize::try_from(start).ok()?;
            Some(start..start + segment.value.len())
        }
        _ => None,
    });
    segments.reduce(|all, segment| all.start.min(segment.start)..all.end.max(segment.end))
}

/// Makes the JavaScript keep the texts that it decoded from `constants`.
fn decode_once(javascript: &str, constants: &Range<usize>) -> Result<String> {
    let [before, after] = ["function getStringFromWasm0(ptr, len) {\n    ptr = ptr >>> 0;\n    return ", ";\n}"];
    let (head, rest) =
        javascript.split_once(before).context("no getStringFromWasm0: wasm-bindgen writes otherwise than it did")?;
    let (decode, tail) = rest.split_once(after).context("getStringFromWasm0 has no end")?;
    let Range { start, end } = constants;
    Ok(format!(
        "{head}const constants = new Map();
function getStringFromWasm0(ptr, len) {{
    ptr = ptr >>> 0;
    if (ptr < {start} || ptr >= {end} || len >= {LONGEST}) return {decode};
    const key = (ptr - {start}) * {LONGEST} + len;
    let text = constants.get(key);
    if (text === undefined) constants.set(key, text = {decode});
    return text;
}}{tail}"
    ))
}

/// Makes the JavaScript create its `TextDecoder` and `TextEncoder` when the wasm starts, and not when it is imported.
fn make_at_start(javascript: &str) -> Result<String> {
    const DECODER: &str = "cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });";
    const ENCODER: &str = "cachedTextEncoder = new TextEncoder();";
    const START: &str = "    wasm = instance.exports;\n";
    let text = replace_one(javascript, &format!("let {DECODER}\ncachedTextDecoder.decode();\n"), "let cachedTextDecoder;\n")?;
    // What follows the encoder is for browsers without `encodeInto`, which run no wasm of ours.
    let (head, rest) = text.split_once(&format!("const {ENCODER}\n")).context("no TextEncoder")?;
    let (without, tail) = rest.split_once("\n}\n").context("nothing follows the TextEncoder")?;
    ensure!(without.starts_with("\nif (!('encodeInto' in"), "the TextEncoder is followed by {without}");
    let text = format!("{head}let cachedTextEncoder;\n{tail}");
    replace_one(&text, START, &format!("{START}    {DECODER}\n    {ENCODER}\n"))
}

/// Replaces what is there once.
fn replace_one(text: &str, from: &str, to: &str) -> Result<String> {
    let count = text.matches(from).count();
    ensure!(count == 1, "{count} times {from:?}: wasm-bindgen writes otherwise than it did");
    Ok(text.replacen(from, to, 1))
}

/// A text as long as this is not kept: a shorter length makes a small integer, together with its place.
const LONGEST: usize = 4096;

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

    #[test]
    fn nothing_is_made_at_import() {
        let written = "let cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });\ncachedTextDecoder.decode();\nf();\n\
            const cachedTextEncoder = new TextEncoder();\n\nif (!('encodeInto' in cachedTextEncoder)) {\n    x;\n}\n\n\
            function init(instance) {\n    wasm = instance.exports;\n    go();\n}\n";
        let finished = make_at_start(written).unwrap();
        let made = "    wasm = instance.exports;\n    cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });\n    \
            cachedTextEncoder = new TextEncoder();\n    go();\n";
        assert_eq!(
            finished,
            format!("let cachedTextDecoder;\nf();\nlet cachedTextEncoder;\n\nfunction init(instance) {{\n{made}}}\n")
        );
        for other in ["", "const cachedTextEncoder = new TextEncoder();\n"] {
            assert!(make_at_start(other).is_err());
        }
    }

    #[test]
    fn constant_texts_are_decoded_once() {
        let written = "a\nfunction getStringFromWasm0(ptr, len) {\n    ptr = ptr >>> 0;\n    return decode(ptr, len);\n}\nb";
        let found = decode_once(written, &(16..32)).unwrap();
        assert!(found.starts_with("a\n") && found.ends_with("}\nb"), "{found}");
        assert!(found.contains("if (ptr < 16 || ptr >= 32 || len >= 4096) return decode(ptr, len);"), "{found}");
        assert!(decode_once("function other() {}", &(0..1)).is_err());
    }
}
