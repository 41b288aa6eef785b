//! What the JavaScript that wasm-bindgen wrote does otherwise.

use std::collections::HashMap;
use std::ops::Range;

use anyhow::{Context, Result, ensure};

/// Old names and what they become.
pub(crate) type Names = HashMap<String, String>;

/// Renames whole words that stand between `before` and `after`.
pub(crate) fn rename(text: &str, before: &str, names: &Names, after: &str) -> String {
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

/// Makes the JavaScript keep the texts that it decoded from `constants`.
pub(crate) fn decode_once(javascript: &str, constants: &Range<usize>) -> Result<String> {
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

/// Makes the JavaScript create its `TextDecoder` and `TextEncoder` when the wasm is handed in, and not when it is imported.
pub(crate) fn make_at_start(javascript: &str) -> Result<String> {
    const DECODER: &str = "cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });";
    const ENCODER: &str = "cachedTextEncoder = new TextEncoder();";
    const START: &str = "    wasm = val;\n";
    let text = replace_one(javascript, &format!("let {DECODER}\ncachedTextDecoder.decode();\n"), "let cachedTextDecoder;\n")?;
    // What follows the encoder is for browsers without `encodeInto`, which run no wasm of ours.
    let (head, rest) = text.split_once(&format!("const {ENCODER}\n")).context("no TextEncoder")?;
    let (without, tail) = rest.split_once("\n}\n").context("nothing follows the TextEncoder")?;
    ensure!(without.starts_with("\nif (!('encodeInto' in"), "the TextEncoder is followed by {without}");
    let text = format!("{head}let cachedTextEncoder;\n{tail}");
    replace_one(&text, START, &format!("{START}    {DECODER}\n    {ENCODER}\n"))
}

/// Takes out the registry in which wasm-bindgen enters every closure that JavaScript calls, to free those that JavaScript forgot. Rust
/// owns all of ours and frees them when it drops them: Clippy allows no `into_js_value` and no `forget`. A call makes five of them, and
/// entering each and taking it out again would cost CPU time for nothing.
pub(crate) fn without_registry(javascript: &str) -> Result<String> {
    const REGISTRY: &str = "const CLOSURE_DTORS = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(state => wasm.";
    let (head, rest) =
        javascript.split_once(REGISTRY).context("no registry of closures: wasm-bindgen writes otherwise than it did")?;
    let (_, tail) = rest.split_once("\n").context("the registry of closures has no end")?;
    let uses = ["CLOSURE_DTORS.register(real, state, state);", "CLOSURE_DTORS.unregister(state);"];
    let lines = tail.split_inclusive('\n').filter(|line| !uses.contains(&line.trim()));
    let text: String = std::iter::once(head).chain(lines).collect();
    ensure!(!text.contains("CLOSURE_DTORS"), "the registry of closures is used otherwise than it was");
    Ok(text)
}

/// Replaces what is there once.
/// Makes futures go on in turns of promises. A test that fakes the clock often fakes `queueMicrotask` with it, and nothing would go on.
pub(crate) fn in_promise_turns(text: &str) -> Result<String> {
    replace_one(text, "    queueMicrotask(arg0);\n", "    Promise.resolve().then(arg0);\n")
}

fn replace_one(text: &str, from: &str, to: &str) -> Result<String> {
    let count = text.matches(from).count();
    ensure!(count == 1, "{count} times {from:?}: wasm-bindgen writes otherwise than it did");
    Ok(text.replacen(from, to, 1))
}

/// A text as long as this is not kept: a shorter length makes a small integer, together with its place.
const LONGEST: usize = 4096;

/// An import that may throw makes no function per call. V8 holds what it compiled of a function only as long as that lives: such a function
/// was compiled again after each garbage collection, which cost some percent of the CPU of an event stream in Chromium.
pub(crate) fn made_once(text: &str) -> Result<String> {
    const CATCHES: &str = "() { return handleError(function (";
    let mut finished = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(CATCHES) {
        let (written, name) = before.rsplit_once("export function ").context("what handles an error is no import")?;
        let (body, behind) = after.split_once("\n}, arguments); }\n").context("what handles an error has no end")?;
        finished.extend([written, "function try", name, "(", body, "\n}\nexport function ", name]);
        finished.extend(["() { return handleError(try", name, ", arguments); }\n"]);
        rest = behind;
    }
    ensure!(!finished.is_empty(), "no import handles an error: wasm-bindgen writes otherwise than it did");
    finished.push_str(rest);
    Ok(finished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_in_their_place_are_renamed() {
        let names = Names::from([("get".to_owned(), "a".to_owned())]);
        assert_eq!(rename("export function get(wasm) {}", "export function ", &names, "("), "export function a(wasm) {}");
        assert_eq!(
            rename("wasm.get(x); wasm.get2(); my.get(); get", "wasm.", &names, ""),
            "wasm.a(x); wasm.get2(); my.get(); get"
        );
    }

    #[test]
    fn nothing_is_made_at_import() {
        let written = "let cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });\ncachedTextDecoder.decode();\nf();\n\
            const cachedTextEncoder = new TextEncoder();\n\nif (!('encodeInto' in cachedTextEncoder)) {\n    x;\n}\n\n\
            export function __wbg_set_wasm(val) {\n    wasm = val;\n}\n";
        let finished = make_at_start(written).unwrap();
        let made = "    wasm = val;\n    cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });\n    \
            cachedTextEncoder = new TextEncoder();\n";
        assert_eq!(
            finished,
            format!(
                "let cachedTextDecoder;\nf();\nlet cachedTextEncoder;\n\nexport function __wbg_set_wasm(val) {{\n{made}}}\n"
            )
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

    #[test]
    fn imports_that_may_throw_make_no_functions() {
        let written = "a\nexport function X() { return handleError(function (arg0) {\n    return arg0.x;\n}, arguments); }\nb";
        let finished =
            "a\nfunction tryX(arg0) {\n    return arg0.x;\n}\nexport function X() { return handleError(tryX, arguments); }\nb";
        assert_eq!(made_once(written).unwrap(), finished);
        assert!(made_once("a").is_err());
    }

    #[test]
    fn futures_go_on_whatever_a_test_fakes() {
        let written = "export function A(arg0) {\n    queueMicrotask(arg0);\n}\n";
        assert_eq!(in_promise_turns(written).unwrap(), "export function A(arg0) {\n    Promise.resolve().then(arg0);\n}\n");
    }

    #[test]
    fn closures_are_in_no_registry() {
        let written = "a\nconst CLOSURE_DTORS = (typeof FinalizationRegistry === 'undefined')\n    ? { register: () => {}, \
            unregister: () => {} }\n    : new FinalizationRegistry(state => wasm.free(state.a, state.b));\nfunction f() {\n    \
            CLOSURE_DTORS.register(real, state, state);\n    return real;\n}\n";
        assert_eq!(without_registry(written).unwrap(), "a\nfunction f() {\n    return real;\n}\n");
        assert!(without_registry("a").is_err() && without_registry(&written.replace("real, state, state", "real")).is_err());
    }
}
