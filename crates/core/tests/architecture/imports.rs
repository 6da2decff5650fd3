//! Reads which file of a crate imports which.
//!
//! A file imports another if it names something of it: in a `use`, or by a path that begins with `crate`, `super`, `self`,
//! a child module or an imported module. A name that a module re-exports counts as an import of the file that defines it.
//! Code for tests (`#[cfg(test)]`, `#[cfg(all(test, …))]`) is left out: tests may look at everything.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module: the names from the crate's root down. The root has none.
pub type Module = Vec<String>;

/// The imports of a crate, by module.
pub struct Imports {
    /// Which modules a module imports.
    pub of: BTreeMap<Module, BTreeSet<Module>>,
}

impl Imports {
    /// Reads the crate whose sources stand in this folder.
    pub fn read(root: &Path) -> Self {
        let mut sources = Vec::new();
        read_folder(root, &Module::new(), &mut sources);
        Self::of_sources(sources)
    }

    /// The same for modules whose sources are at hand.
    pub fn of_sources(sources: Vec<(Module, String)>) -> Self {
        let mut files = BTreeMap::new();
        for (module, source) in sources {
            let tokens: TokenStream =
                source.parse().unwrap_or_else(|error| panic!("{}: {error}", written(&module)));
            let mut file = File::default();
            file.read(&module, &tokens.into_iter().collect::<Vec<_>>());
            files.insert(module, file);
        }
        let tests: Vec<Module> = files.values().flat_map(|file| file.test_modules.clone()).collect();
        files.retain(|module, _| !tests.iter().any(|test| module.starts_with(test)));
        let crate_ = Crate { files };
        let imports_of = |module: &Module| {
            let imported = crate_.references(module);
            imported.into_iter().filter(|other| other != module).collect()
        };
        Self { of: crate_.files.keys().map(|module| (module.clone(), imports_of(module))).collect() }
    }

    /// Every import, as a pair of modules.
    pub fn pairs(&self) -> impl Iterator<Item = (&Module, &Module)> {
        self.of.iter().flat_map(|(from, imported)| imported.iter().map(move |to| (from, to)))
    }

    /// The circles: sets of modules each of which reaches every other one.
    pub fn circles(&self) -> Vec<BTreeSet<&Module>> {
        let reached: BTreeMap<&Module, BTreeSet<&Module>> =
            self.of.keys().map(|module| (module, self.reached_from(module))).collect();
        let mut circles = BTreeSet::new();
        for (module, others) in &reached {
            if others.contains(module) {
                circles
                    .insert(others.iter().copied().filter(|other| reached[other].contains(module)).collect());
            }
        }
        circles.into_iter().collect()
    }

    fn reached_from(&self, module: &Module) -> BTreeSet<&Module> {
        let mut reached = BTreeSet::new();
        let mut open: Vec<&Module> = self.of[module].iter().collect();
        while let Some(next) = open.pop() {
            if reached.insert(next) {
                open.extend(&self.of[next]);
            }
        }
        reached
    }
}

/// How a module is written: `routing::retry`; the root is `lib`.
pub fn written(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("::") }
}

struct Crate {
    files: BTreeMap<Module, File>,
}

/// What is read off one file before anything is resolved.
#[derive(Default)]
struct File {
    /// Paths as they are written outside of `use`.
    paths: Vec<Vec<String>>,
    uses: Vec<Use>,
    /// Every name outside of `use`.
    names: BTreeSet<String>,
    /// Child modules that are there for tests only.
    test_modules: Vec<Module>,
}

struct Use {
    path: Vec<String>,
    /// The name that it gets; `*` for all.
    name: String,
    is_public: bool,
}

fn read_folder(folder: &Path, module: &Module, sources: &mut Vec<(Module, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let child = || [module.as_slice(), std::slice::from_ref(&stem)].concat();
        if path.is_dir() {
            read_folder(&path, &child(), sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = if stem == "mod" || stem == "lib" { module.clone() } else { child() };
            sources.push((module, fs::read_to_string(&path).unwrap()));
        }
    }
}

impl File {
    fn read(&mut self, module: &Module, tokens: &[TokenTree]) {
        let mut at = 0;
        let mut is_public = false;
        while let Some(token) = tokens.get(at) {
            if is_test_attribute(tokens, at) {
                at = self.skip_item(module, tokens, at + 2);
                continue;
            }
            match token {
                TokenTree::Ident(name) if name == "use" => {
                    let end = at + end_of_statement(&tokens[at..]);
                    self.read_use(&[], &tokens[at + 1..end], is_public);
                    at = end;
                    is_public = false;
                }
                TokenTree::Ident(name) if name == "pub" => {
                    is_public = true;
                    // `pub(super)` and `pub(in …)` name who may look in, not what is looked at.
                    at += usize::from(matches!(tokens.get(at + 1), Some(TokenTree::Group(_))));
                }
                TokenTree::Ident(name) => {
                    is_public = false;
                    let mut path = vec![name.to_string()];
                    while let (true, Some(TokenTree::Ident(next))) =
                        (is_colons(tokens, at + 1), tokens.get(at + 3))
                    {
                        path.push(next.to_string());
                        at += 3;
                    }
                    self.names.insert(path[0].clone());
                    self.paths.push(path);
                }
                TokenTree::Group(group) => {
                    is_public = false;
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.read(module, &inner);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }

    /// Reads a `use` tree.
    fn read_use(&mut self, prefix: &[String], tokens: &[TokenTree], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut name = None;
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    name = tokens.get(at + 1).map(ToString::to_string);
                    at += 1;
                }
                TokenTree::Ident(word) if word == "self" && !path.is_empty() => {}
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Punct(star) if star.as_char() == '*' => name = Some("*".to_owned()),
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
                    for part in inner.split(is_comma).filter(|part| !part.is_empty()) {
                        self.read_use(&path, part, is_public);
                    }
                    return;
                }
                _ => {}
            }
            at += 1;
        }
        let name = name.unwrap_or_else(|| path.last().cloned().unwrap_or_default());
        self.uses.push(Use { path, name, is_public });
    }

    /// Passes over an item that is there for tests only; where it ends.
    fn skip_item(&mut self, module: &Module, tokens: &[TokenTree], from: usize) -> usize {
        let length = end_of_item(&tokens[from..]);
        let item = &tokens[from..from + length];
        for pair in item.windows(2) {
            if let [TokenTree::Ident(word), TokenTree::Ident(name)] = pair
                && word == "mod"
            {
                self.test_modules.push([module.as_slice(), &[name.to_string()]].concat());
            }
        }
        from + length
    }
}

fn is_colons(tokens: &[TokenTree], at: usize) -> bool {
    let is_colon = |at| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    is_colon(at) && is_colon(at + 1)
}

fn is_test_attribute(tokens: &[TokenTree], at: usize) -> bool {
    let is_hash = matches!(&tokens[at], TokenTree::Punct(punct) if punct.as_char() == '#');
    is_hash
        && matches!(tokens.get(at + 1), Some(TokenTree::Group(group))
            if group.delimiter() == Delimiter::Bracket && is_test_condition(&group.stream().to_string()))
}

/// `cfg(test)`, and `cfg(all(test, …))`.
fn is_test_condition(attribute: &str) -> bool {
    let attribute = attribute.replace(' ', "");
    attribute == "cfg(test)" || attribute.starts_with("cfg(all(test,")
}

fn end_of_statement(tokens: &[TokenTree]) -> usize {
    let is_end = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
    tokens.iter().position(is_end).unwrap_or(tokens.len())
}

/// An item ends with its semicolon or its body.
fn end_of_item(tokens: &[TokenTree]) -> usize {
    let is_body =
        |token: &TokenTree| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    let body = tokens.iter().position(is_body).unwrap_or(tokens.len());
    body.min(end_of_statement(tokens)).saturating_add(1).min(tokens.len())
}

impl Crate {
    /// The modules that a module imports, and perhaps itself.
    fn references(&self, module: &Module) -> BTreeSet<Module> {
        let file = &self.files[module];
        let mut found = BTreeSet::new();
        let mut aliases = BTreeMap::new();
        for imported in &file.uses {
            let Some(path) = self.absolute(module, &imported.path, &BTreeMap::new()) else { continue };
            let is_module = self.files.contains_key(&path);
            if is_module {
                aliases.insert(imported.name.clone(), path.clone());
            }
            // A re-export of a child is an import only if the module uses the name itself.
            let is_front =
                imported.is_public && path.starts_with(module) && !file.names.contains(&imported.name);
            // An imported module counts by the paths that go through it, which are resolved below.
            let is_way = is_module && imported.name != "*" && file.names.contains(&imported.name);
            if !is_front && !is_way {
                found.insert(self.definer(&path));
            }
        }
        let through = file.paths.iter().filter(|path| path.len() > 1);
        found.extend(
            through.filter_map(|path| self.absolute(module, path, &aliases)).map(|path| self.definer(&path)),
        );
        found
    }

    /// A path from the crate's root; `None` if it leads out of the crate, or is no path of modules.
    fn absolute(
        &self,
        module: &Module,
        path: &[String],
        aliases: &BTreeMap<String, Module>,
    ) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let child = [module.as_slice(), std::slice::from_ref(first)].concat();
        let mut base = match first.as_str() {
            "crate" => Module::new(),
            "self" => module.clone(),
            "super" => module.split_last()?.1.to_vec(),
            _ if self.files.contains_key(&child) => child,
            name => aliases.get(name)?.clone(),
        };
        for name in rest {
            if name == "super" {
                base.pop()?;
            } else {
                base.push(name.clone());
            }
        }
        Some(base)
    }

    /// The module that defines what a path names.
    fn definer(&self, path: &[String]) -> Module {
        let depth = (0..=path.len()).rev().find(|depth| self.files.contains_key(&path[..*depth]));
        let (module, rest) = path.split_at(depth.unwrap_or(0));
        let Some(name) = rest.first() else { return module.to_vec() };
        let exported =
            self.files[module].uses.iter().find(|exported| exported.is_public && exported.name == *name);
        match exported.and_then(|exported| self.absolute(&module.to_vec(), &exported.path, &BTreeMap::new()))
        {
            Some(target) if target != path => self.definer(&target),
            _ => module.to_vec(),
        }
    }
}
