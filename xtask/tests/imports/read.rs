//! Reads which module of a crate uses which: every `use`, and every path in code, macros and attributes. What only tests
//! compile is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, UseTree, Visibility};

/// A module's path inside its crate; empty for the crate's root.
pub type ModulePath = Vec<String>;

/// One arrow: a module uses another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrow {
    /// The module that uses.
    pub from: ModulePath,
    /// The module that is used: where the item is defined, not where it is exported again.
    pub to: ModulePath,
    /// The file of the path.
    pub file: PathBuf,
    /// The line of the path, from 1.
    pub line: usize,
}

/// The modules of one crate.
#[derive(Debug, Default)]
pub struct Modules(BTreeMap<ModulePath, Module>);

#[derive(Debug, Default)]
struct Module {
    file: PathBuf,
    children: BTreeSet<String>,
    /// What a `use` gives a name: the path behind it, or nothing where that leads out of the crate.
    names: BTreeMap<String, Option<Vec<String>>>,
    paths: Vec<Reference>,
}

#[derive(Debug)]
struct Reference {
    path: Vec<String>,
    line: usize,
    /// Of a `pub use`: what a module exports from below itself it does not use.
    exports: bool,
}

impl Modules {
    /// Reads the crate whose root is this file.
    ///
    /// # Errors
    /// When a file is missing or is not Rust.
    pub fn read(root: &Path) -> Result<Self> {
        let mut modules = Self::default();
        let directory = root.parent().context("a root file has a directory")?;
        modules.read_file(root, directory, &[])?;
        Ok(modules)
    }

    /// The paths of all modules.
    pub fn paths(&self) -> impl Iterator<Item = &ModulePath> {
        self.0.keys()
    }

    /// `directory` is where the files of the module's children lie.
    fn read_file(&mut self, file: &Path, directory: &Path, module: &[String]) -> Result<()> {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let parsed = syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        self.read_items(parsed.items, file, directory, module)
    }

    fn read_items(&mut self, items: Vec<Item>, file: &Path, directory: &Path, module: &[String]) -> Result<()> {
        let items: Vec<Item> = items.into_iter().filter(|item| !is_test(attributes(item))).collect();
        let mut read = Module { file: file.to_owned(), ..Module::default() };
        read.children.extend(items.iter().filter_map(|item| match item {
            Item::Mod(child) => Some(child.ident.to_string()),
            _ => None,
        }));
        let mut rest = Vec::new();
        for item in items {
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let (path, below) = ([module, std::slice::from_ref(&name)].concat(), directory.join(&name));
                    match child.content {
                        Some((_, items)) => self.read_items(items, file, &below, &path)?,
                        None => {
                            let candidates = [directory.join(format!("{name}.rs")), below.join("mod.rs")];
                            let Some(found) = candidates.iter().find(|candidate| candidate.is_file()) else {
                                bail!("{}: there is no file of the module {name}", file.display())
                            };
                            self.read_file(found, &below, &path)?;
                        }
                    }
                }
                Item::Use(item) => {
                    let line = item.use_token.span.start().line;
                    let exports = !matches!(item.vis, Visibility::Inherited);
                    let mut leaves = Vec::new();
                    flatten(&item.tree, &mut Vec::new(), &mut leaves);
                    for (path, name) in leaves {
                        let path = read.absolute(&path, module);
                        if let Some(name) = name {
                            read.names.insert(name, path.clone());
                        }
                        read.paths.extend(path.map(|path| Reference { path, line, exports }));
                    }
                }
                other => rest.push(other),
            }
        }
        for item in rest {
            read.collect(item.to_token_stream(), module);
        }
        self.0.insert(module.to_vec(), read);
        Ok(())
    }

    /// Every arrow between two modules of the crate.
    pub fn arrows(&self) -> BTreeSet<Arrow> {
        let mut arrows = BTreeSet::new();
        for (from, module) in &self.0 {
            for Reference { path, line, exports } in &module.paths {
                let Some(to) = self.resolve(path, 0) else { continue };
                if to != *from && !(*exports && to.starts_with(from)) {
                    arrows.insert(Arrow { from: from.clone(), to, file: module.file.clone(), line: *line });
                }
            }
        }
        arrows
    }

    /// The module in which the item at `path` is defined; nothing when another crate defines it.
    fn resolve(&self, path: &[String], depth: usize) -> Option<ModulePath> {
        let mut at = ModulePath::new();
        for (index, name) in path.iter().enumerate() {
            let Some(module) = self.0.get(&at) else { break };
            if module.children.contains(name) {
                at.push(name.clone());
                continue;
            }
            // A name that a `use` gave: where it comes from. Names that import each other in a circle do not compile.
            match module.names.get(name) {
                Some(behind) if depth < 16 => {
                    let rest = path.get(index + 1..).unwrap_or_default();
                    return self.resolve(&[behind.as_deref()?, rest].concat(), depth + 1);
                }
                _ => break,
            }
        }
        Some(at)
    }
}

impl Module {
    /// A path as this module writes it, from the crate's root on; nothing for one that leads out of the crate.
    fn absolute(&self, path: &[String], module: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([module, rest].concat()),
            "super" => {
                let (_, parent) = module.split_last()?;
                match rest.first().map(String::as_str) {
                    Some("super") => self.absolute(rest, parent),
                    _ => Some([parent, rest].concat()),
                }
            }
            name if self.children.contains(name) => Some([module, path].concat()),
            name => self.names.get(name)?.as_deref().map(|behind| [behind, rest].concat()),
        }
    }

    /// Finds `a::b::c` among tokens, inside macros and attributes, too.
    fn collect(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Group(group) => self.collect(group.stream(), module),
                TokenTree::Ident(first) => {
                    let line = first.span().start().line;
                    let mut path = vec![first.to_string()];
                    while is_colon(at)
                        && is_colon(at + 1)
                        && let Some(TokenTree::Ident(next)) = tokens.get(at + 2)
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    if path.len() > 1
                        && let Some(path) = self.absolute(&path, module)
                    {
                        self.paths.push(Reference { path, line, exports: false });
                    }
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// The paths of a `use`, each with the name that it gives; a glob gives none.
fn flatten(tree: &UseTree, prefix: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Option<String>)>) {
    let with = |last: String| [prefix.as_slice(), &[last]].concat();
    match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, leaves);
            prefix.pop();
        }
        UseTree::Name(name) if name.ident == "self" => leaves.push((prefix.clone(), prefix.last().cloned())),
        UseTree::Name(name) => leaves.push((with(name.ident.to_string()), Some(name.ident.to_string()))),
        UseTree::Rename(rename) => leaves.push((with(rename.ident.to_string()), Some(rename.rename.to_string()))),
        UseTree::Glob(_) => leaves.push((prefix.clone(), None)),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, leaves)),
    }
}

/// Whether only tests compile what has these attributes.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let text = list.tokens.to_string();
            text == "test" || text.starts_with("all (test")
        }
        _ => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
