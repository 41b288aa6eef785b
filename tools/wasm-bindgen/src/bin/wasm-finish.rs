//! `wasm-finish DIR NAME`: what our package does otherwise than wasm-bindgen's target `bundler`, in `NAME_bg.wasm` and its JavaScript.
//!
//! - One JavaScript file, `NAME.js`. The other, which imports the wasm as a module, is dropped: the shell instantiates the wasm when it is
//!   first used, hands its exports to `__wbg_set_wasm` and then calls `__wbindgen_start`.
//! - Short names for the imports and exports between the two. wasm-bindgen's own carry a hash of 16 digits each, which nothing compresses, once
//!   on either side: together a twelfth of what a page downloads. Nobody but the generated code uses them.
//! - Importing the JavaScript makes nothing: the decoder and the encoder of texts come with the wasm. Some environments have neither
//!   (Jest's jsdom), and a program there that only imports the package must run.
//! - Constant texts, the names of fields above all, are decoded once. Otherwise every field of every answer costs a `TextDecoder`
//!   a run, and the engine a look for the string it has already.
//! - A panic traps at once, without the text that nobody would see, nor the place in the source. See [`silence_panics`] and
//!   [`forget_places`].

use std::collections::HashMap;
use std::env;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use walrus::ir::{Value, Visitor, dfs_in_order};
use walrus::{
    ConstExpr, Data, DataKind, ElementItems, ExportItem, FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module,
};

/// Old names and what they become.
type Names = HashMap<String, String>;

/// What others call by their names.
const KEPT: [&str; 2] = ["memory", "__wbindgen_start"];

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let directory = PathBuf::from(arguments.next().context("no directory")?);
    let name = arguments.next().context("no name")?;
    let path = |suffix: &str| directory.join(format!("{name}{suffix}"));
    fs::rename(path("_bg.js"), path(".js"))?;

    let mut module = Module::from_file(path("_bg.wasm"))?;
    silence_panics(&mut module)?;
    let mut imports = Names::new();
    for import in module.imports.iter_mut() {
        let short = short(imports.len());
        imports.insert(std::mem::replace(&mut import.name, short.clone()), short);
    }
    let mut exports = Names::new();
    for export in module.exports.iter_mut().filter(|export| !KEPT.contains(&export.name.as_str())) {
        let short = short(exports.len());
        exports.insert(std::mem::replace(&mut export.name, short.clone()), short);
    }
    let constants = constants(&module).context("no data")?;
    forget_places(&mut module, &constants);
    module.emit_wasm_file(path("_bg.wasm"))?;

    for (suffix, places) in [
        (".js", &[("wasm.", &exports, ""), ("export function ", &imports, "(")][..]),
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
    let types = fs::read_to_string(path(".d.ts"))?;
    fs::write(path(".d.ts"), types + SET_WASM)?;
    Ok(())
}

/// What wasm-bindgen declares nowhere, because only its own second file calls it.
const SET_WASM: &str = "
/**
 * Hands in the exports of the instantiated wasm. Before anything else is called, and before `__wbindgen_start`.
 */
export function __wbg_set_wasm(exports: WebAssembly.Exports): void;
";

/// Makes functions that only report a panic trap, and what formats their texts with them; wasm-opt then drops what nothing reaches.
///
/// The shell makes one clear error of any trap, so nobody would see those texts.
///
/// # Errors
/// When anything else formats. Its text would be lost, and what formats is 3 KB: that should be known.
fn silence_panics(module: &mut Module) -> Result<()> {
    let named = |module: &Module, is_wanted: fn(&str) -> bool| -> Vec<FunctionId> {
        let found = module.funcs.iter_local().map(|(id, _)| id);
        found.filter(|id| module.funcs.get(*id).name.as_deref().is_some_and(|name| is_wanted(&plain(name)))).collect()
    };
    let mut panics = named(module, reports_panic);
    ensure!(!panics.is_empty(), "no function reports a panic: the wasm has no names, or rustc names otherwise than it did");
    // A panic returns nothing. What returns something is no panic, whatever its name.
    panics.retain(|id| module.types.get(module.funcs.get(*id).ty()).results().is_empty());
    for id in panics {
        trap(module, id);
    }
    let formats = named(module, formats);
    // The table may hold what formats: only what formats calls that, because nothing else can make a `Formatter`.
    let alive = reachable(module, |id| !formats.contains(&id));
    for id in &formats {
        let Some(caller) = alive.get(id).filter(|caller| caller.is_none_or(|caller| !formats.contains(&caller))) else {
            continue;
        };
        let name = |id: FunctionId| module.funcs.get(id).name.as_deref().unwrap_or("a function without a name");
        bail!("{} formats a text: it calls {}", caller.map_or("JavaScript", name), name(*id));
    }
    for id in formats {
        trap(module, id);
    }
    Ok(())
}

/// The name without the hashes of crates: `core[0123456789abcdef]::fmt::write` is `core::fmt::write`.
fn plain(name: &str) -> String {
    let mut parts = name.split('[');
    let first = parts.next().unwrap_or_default().to_owned();
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    parts.fold(first, |plain, part| match part.split_once(']') {
        Some((hash, rest)) if is_hash(hash) => plain + rest,
        _ => plain + "[" + part,
    })
}

/// Whether a function of the standard library's is there to report a panic.
fn reports_panic(name: &str) -> bool {
    let name = name.trim_start_matches('<');
    if !["core::", "alloc::", "std::", "__rustc::"].iter().any(|library| name.starts_with(library)) {
        return false;
    }
    let last = name.split("::<").next().and_then(|path| path.rsplit("::").next()).unwrap_or_default();
    let reports =
        ["rust_begin_unwind", "handle_error", "handle_alloc_error", "__rust_alloc_error_handler", "capacity_overflow"];
    name.starts_with("core::panicking::")
        || reports.contains(&last)
        || last.starts_with("panic_")
        || last.ends_with("_fail")
        || last.ends_with("_failed")
}

/// Whether a function formats, or carries what was formatted to a panic hook.
fn formats(name: &str) -> bool {
    ["core::fmt::", "alloc::fmt::", " core::panic::PanicPayload>"].iter().any(|part| name.contains(part))
}

/// Replaces the body of a function by a trap.
fn trap(module: &mut Module, id: FunctionId) {
    let signature = module.types.get(module.funcs.get(id).ty());
    let (parameters, results) = (signature.params().to_vec(), signature.results().to_vec());
    let mut builder = FunctionBuilder::new(&mut module.types, &parameters, &results);
    builder.func_body().unreachable();
    let arguments = parameters.iter().map(|parameter| module.locals.add(*parameter)).collect();
    module.funcs.get_mut(id).kind = FunctionKind::Local(builder.local_func(arguments));
}

/// What JavaScript reaches, and who calls it; of the tables only what `counts`.
fn reachable(module: &Module, counts: impl Fn(FunctionId) -> bool) -> HashMap<FunctionId, Option<FunctionId>> {
    let exported = module.exports.iter().filter_map(|export| match export.item {
        ExportItem::Function(id) => Some(id),
        _ => None,
    });
    let in_tables = module.elements.iter().filter_map(|segment| match &segment.items {
        ElementItems::Functions(ids) => Some(ids.iter().copied()),
        ElementItems::Expressions(..) => None,
    });
    let roots = exported.chain(module.start).chain(in_tables.flatten().filter(|id| counts(*id)));
    let mut found = HashMap::new();
    let mut left: Vec<_> = roots.map(|id| (id, None)).collect();
    while let Some((id, caller)) = left.pop() {
        if found.contains_key(&id) {
            continue;
        }
        found.insert(id, caller);
        if let FunctionKind::Local(function) = &module.funcs.get(id).kind {
            left.extend(Callees::of(function).into_iter().map(|callee| (callee, Some(id))));
        }
    }
    found
}

/// The functions that one calls by themselves, and not through a table.
#[derive(Default)]
struct Callees(Vec<FunctionId>);

impl Callees {
    fn of(function: &LocalFunction) -> Vec<FunctionId> {
        let mut callees = Self::default();
        dfs_in_order(&mut callees, function, function.entry_block());
        callees.0
    }
}

impl<'instr> Visitor<'instr> for Callees {
    fn visit_function_id(&mut self, id: &FunctionId) {
        self.0.push(*id);
    }
}

/// `A`, `B` … `Z`, `AA` … In capitals: `do`, `if` and `in` could not be names of functions.
fn short(index: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
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
    let segments = module.data.iter().filter_map(|segment| place_of(segment, 0));
    segments.reduce(|all, segment| all.start.min(segment.start)..all.end.max(segment.end))
}

/// Where constants lie, counted from `start`.
fn place_of(segment: &Data, start: usize) -> Option<Range<usize>> {
    let DataKind::Active { offset: ConstExpr::Value(Value::I32(address)), .. } = segment.kind else { return None };
    let begin = usize::try_from(address).ok()?.checked_sub(start)?;
    Some(begin..begin + segment.value.len())
}

/// Blanks the places in the source that a panic would name: no trap reads them, and they are different on every machine.
fn forget_places(module: &mut Module, constants: &Range<usize>) {
    let mut memory = vec![0; constants.len()];
    let places: Vec<_> = module.data.iter().filter_map(|data| Some((data.id(), place_of(data, constants.start)?))).collect();
    for (id, place) in &places {
        if let Some(constants) = memory.get_mut(place.clone()) {
            constants.copy_from_slice(&module.data.get(*id).value);
        }
    }
    blank_places(&mut memory, constants.start);
    for (id, place) in places {
        if let Some(constants) = memory.get(place) {
            module.data.get_mut(id).value.copy_from_slice(constants);
        }
    }
}

/// Blanks every `core::panic::Location` in memory that begins at `start`, and the path that it points to. It is four words: the path's
/// address and length, a line and a column.
fn blank_places(memory: &mut [u8], start: usize) {
    let word = |at: usize| memory.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)?.try_into().ok();
    let path = |at: usize| {
        let (address, length): (usize, usize) = (word(at)?, word(at + 4)?);
        let from = address.checked_sub(start)?;
        let path = memory.get(from..from.checked_add(length)?)?;
        let is_path = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-".contains(byte);
        (path.ends_with(b".rs") && path.iter().all(is_path) && at + 16 <= memory.len()).then_some(from..from + length)
    };
    let found: Vec<_> = (0..memory.len()).step_by(4).filter_map(|at| Some([at..at + 16, path(at)?])).flatten().collect();
    for place in found {
        if let Some(place) = memory.get_mut(place) {
            place.fill(0);
        }
    }
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

/// Makes the JavaScript create its `TextDecoder` and `TextEncoder` when the wasm is handed in, and not when it is imported.
fn make_at_start(javascript: &str) -> Result<String> {
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
        assert_eq!((names[0].as_str(), names[25].as_str(), names[26].as_str(), names[701].as_str()), ("A", "Z", "AA", "ZZ"));
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
    }

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
    fn only_what_reports_a_panic_counts_as_such() {
        for name in [
            "core[0123456789abcdef]::panicking::panic_fmt",
            "core::panicking::assert_failed::<usize, usize>",
            "core::option::expect_failed",
            "<alloc[0123456789abcdef]::vec::Vec<_, _>>::remove::assert_failed",
            "core::cell::panic_already_borrowed",
            "core::slice::index::slice_index_fail",
            "alloc::raw_vec::handle_error",
            "__rustc[0123456789abcdef]::rust_begin_unwind",
        ] {
            assert!(reports_panic(&plain(name)), "{name}");
        }
        for name in [
            "im_chats_protocol::client::Machine::attempt_failed",
            "std::panicking::panic_count::is_zero_slow_path",
            "core::slice::sort::<[u8]>",
            "core::fmt::write",
        ] {
            assert!(!reports_panic(&plain(name)), "{name}");
        }
        assert_eq!(plain("f<[u8]>[0123456789abcdef]::g"), "f<[u8]>::g");
    }

    /// A module whose exported `run` calls `callee`; a table holds what formats; a panic formats.
    fn module(callee: &str) -> Module {
        let mut module = Module::default();
        let mut add = |name: &str, calls: &[FunctionId]| {
            let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
            builder.name(name.to_owned());
            for id in calls {
                builder.func_body().call(*id);
            }
            builder.finish(vec![], &mut module.funcs)
        };
        let write = add("core[0123456789abcdef]::fmt::write", &[]);
        let show = add("<u8 as core[0123456789abcdef]::fmt::Display>::fmt", &[write]);
        add("core[0123456789abcdef]::panicking::panic_fmt", &[write]);
        let table = module.tables.add_local(false, 1, None, walrus::RefType::FUNCREF);
        let offset = ConstExpr::Value(Value::I32(0));
        module.elements.add(walrus::ElementKind::Active { table, offset }, ElementItems::Functions(vec![show]));
        let callee = module.funcs.by_name(callee).unwrap();
        let mut builder = FunctionBuilder::new(&mut module.types, &[], &[]);
        builder.func_body().call(callee);
        let run = builder.finish(vec![], &mut module.funcs);
        module.exports.add("run", run);
        module
    }

    #[test]
    fn a_panic_traps_and_what_formats_its_text_too() {
        let mut module = module("core[0123456789abcdef]::panicking::panic_fmt");
        silence_panics(&mut module).unwrap();
        for (_, function) in module.funcs.iter_local().filter(|(id, _)| module.funcs.get(*id).name.is_some()) {
            let body = &function.block(function.entry_block()).instrs;
            assert!(matches!(body[..], [(walrus::ir::Instr::Unreachable(_), _)]));
        }
    }

    #[test]
    fn what_formats_without_a_panic_is_found() {
        let error = silence_panics(&mut module("core[0123456789abcdef]::fmt::write")).unwrap_err().to_string();
        assert!(error.ends_with("formats a text: it calls core[0123456789abcdef]::fmt::write"), "{error}");
        assert!(silence_panics(&mut Module::default()).is_err());
    }

    #[test]
    fn only_places_in_the_source_are_blanked() {
        let place = |address: u32, length: u32| [address, length, 7, 5].into_iter().flat_map(u32::to_le_bytes);
        let memory: Vec<u8> = b"textsrc/a.rsmore".iter().copied().chain(place(104, 8)).chain(place(100, 4)).collect();
        let mut blanked = memory.clone();
        blank_places(&mut blanked, 100);
        let kept: Vec<u8> = b"text".iter().copied().chain([0; 8]).chain(*b"more").chain([0; 16]).chain(place(100, 4)).collect();
        assert_eq!(blanked, kept);
        let mut elsewhere = memory.clone();
        blank_places(&mut elsewhere, 200);
        assert_eq!(elsewhere, memory);
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
}
