//! `import claude|cursor|vscode|codex`.

use std::path::{Path, PathBuf};

use super::end::{End, Failure};
use super::loaded::{find, listed, reading};
use crate::agent::place::home;
use crate::cli::Invocation;
use crate::config::read::read;
use crate::import::{Program, added, yaml};
use crate::{files, out};

pub(super) fn import(
    invocation: &Invocation,
    from: &str,
    file: Option<&Path>,
    apply: bool,
) -> Result<End, Failure> {
    let program = Program::parse(from);
    let program = program.ok_or_else(|| Failure::new("import takes claude, cursor, vscode or codex"))?;
    let path = file.map(Path::to_owned).or_else(|| kept(program));
    let path = path
        .ok_or_else(|| Failure::new(format!("no servers of {from} were found: name the file with --file")))?;
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::new(format!("{}: {error}", path.display())))?;
    let mut imported =
        program.read(&text).map_err(|said| Failure::new(format!("{}: {said}", path.display())))?;
    let target = find(invocation)?.path;
    let before = if target.exists() { reading(&target)?.0 } else { String::new() };
    let known = read(&before, &|_| None).config.servers;
    let mut names: Vec<String> = known.into_iter().map(|server| server.name).collect();
    imported.servers.retain(|server| {
        let is_new = !names.contains(&server.name);
        if is_new {
            names.push(server.name.clone());
        } else {
            imported.left_out.push(format!("{}: there is a server of this name", server.name));
        }
        is_new
    });
    for line in &imported.left_out {
        out::note(&format!("left out: {line}"));
    }
    if imported.servers.is_empty() {
        return Err(Failure::new("there is nothing to take"));
    }
    if !apply {
        out::print(&format!("mcp_servers:\n{}", yaml(&imported.servers).trim_end()));
        out::note(&format!("to add this to {}: the same with --apply", target.display()));
        return Ok(End::Done);
    }
    let said = format!("{}: its servers are in another form: add those above by hand", target.display());
    let text = added(&before, &imported.servers).ok_or_else(|| Failure::new(said))?;
    let checked = read(&text, &|_| None);
    if !checked.is_usable() {
        return Err(Failure::config(listed(&target.display().to_string(), &checked.problems)));
    }
    files::write(&target, &text).map_err(|error| Failure::new(format!("{}: {error}", target.display())))?;
    let taken: Vec<&str> = imported.servers.iter().map(|server| server.name.as_str()).collect();
    out::print(&format!("added to {}: {}", target.display(), taken.join(", ")));
    Ok(End::Done)
}

fn kept(program: Program) -> Option<PathBuf> {
    let home = home();
    program.files().iter().map(|file| home.join(file)).find(|path| path.exists())
}
