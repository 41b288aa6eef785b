//! `wasm-finish DIR NAME [--formats-texts]`: what our package does otherwise than wasm-bindgen's target `bundler`, in `NAME_bg.wasm` and its JavaScript.
//!
//! - One JavaScript file, `NAME.js`. The other, which imports the wasm as a module, is dropped: the shell instantiates the wasm when it is
//!   first used, hands its exports to `__wbg_set_wasm` and then calls `__wbindgen_start`.
//! - Short names for the imports and exports between the two. wasm-bindgen's own carry a hash of 16 digits each, which nothing compresses, once
//!   on either side: together a twelfth of what a page downloads. Nobody but the generated code uses them.
//! - Importing the JavaScript makes nothing: the decoder and the encoder of texts come with the wasm. Some environments have neither
//!   (Jest's jsdom), and a program there that only imports the package must run.
//! - Constant texts, the names of fields above all, are decoded once. Otherwise every field of every answer costs a `TextDecoder`
//!   a run, and the engine a look for the string it has already.
//! - Closures that JavaScript calls are not registered with a `FinalizationRegistry`. See [`without_registry`].
//! - An import that may throw makes no function per call. See [`made_once`].
//! - Futures go on in turns of promises, which no test fakes. See [`in_promise_turns`].
//! - A panic traps at once, without the text that nobody would see, nor the place in the source. See [`silence_panics`] and
//!   [`forget_places`].

mod constants;
mod javascript;
mod panics;

use std::env;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use walrus::Module;

use crate::constants::{constants, forget_places};
use crate::javascript::{Names, decode_once, in_promise_turns, made_once, make_at_start, rename, without_registry};
use crate::panics::silence_panics;

/// What others call by their names.
const KEPT: [&str; 2] = ["memory", "__wbindgen_start"];

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let directory = PathBuf::from(arguments.next().context("no directory")?);
    let name = arguments.next().context("no name")?;
    let formats_texts = match arguments.next().as_deref() {
        None => false,
        Some("--formats-texts") => true,
        Some(other) => bail!("no option {other}"),
    };
    let path = |suffix: &str| directory.join(format!("{name}{suffix}"));
    fs::rename(path("_bg.js"), path(".js"))?;

    let mut module = Module::from_file(path("_bg.wasm"))?;
    silence_panics(&mut module, formats_texts)?;
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
            text = in_promise_turns(&made_once(&without_registry(&decode_once(&make_at_start(&text)?, &constants)?)?)?)?;
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

/// `A`, `B` … `Z`, `AA` … In capitals: `do`, `if` and `in` could not be names of functions.
fn short(index: usize) -> String {
    let letter = char::from(b'A' + u8::try_from(index % 26).unwrap_or(0));
    if index < 26 { letter.to_string() } else { short(index / 26 - 1) + &letter.to_string() }
}

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
}
