//! A panic traps at once, without its text.

use std::collections::HashMap;

use anyhow::{Result, bail, ensure};
use walrus::ir::{Visitor, dfs_in_order};
use walrus::{ElementItems, ExportItem, FunctionBuilder, FunctionId, FunctionKind, LocalFunction, Module};

/// Makes functions that only report a panic trap, and what formats their texts with them; wasm-opt then drops what nothing reaches.
///
/// The shell makes one clear error of any trap, so nobody would see those texts.
///
/// # Errors
/// When anything else formats and `formats_texts` is not set. Its text would be lost, and what formats is 3 KB: that should be known.
pub(crate) fn silence_panics(module: &mut Module, formats_texts: bool) -> Result<()> {
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
    if formats_texts {
        return Ok(());
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

#[cfg(test)]
mod tests {
    use walrus::ConstExpr;
    use walrus::ir::Value;

    use super::*;

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
        silence_panics(&mut module, false).unwrap();
        for (_, function) in module.funcs.iter_local().filter(|(id, _)| module.funcs.get(*id).name.is_some()) {
            let body = &function.block(function.entry_block()).instrs;
            assert!(matches!(body[..], [(walrus::ir::Instr::Unreachable(_), _)]));
        }
    }

    #[test]
    fn what_formats_without_a_panic_is_found() {
        let error = silence_panics(&mut module("core[0123456789abcdef]::fmt::write"), false).unwrap_err().to_string();
        assert!(error.ends_with("formats a text: it calls core[0123456789abcdef]::fmt::write"), "{error}");
        assert!(silence_panics(&mut Module::default(), false).is_err());
    }
}
