//! `config path|validate|apply|trust`.

use std::path::Path;

use super::end::{End, Failure};
use super::loaded::{find, folder, listed, reading, trusted};
use crate::cli::Invocation;
use crate::config::search::Origin;
use crate::{files, out};

pub(super) fn path(invocation: &Invocation) -> Result<End, Failure> {
    out::print(&find(invocation)?.path.display().to_string());
    Ok(End::Done)
}

pub(super) fn validate(invocation: &Invocation, file: Option<&Path>) -> Result<End, Failure> {
    let path = match file {
        Some(file) => file.to_owned(),
        None => find(invocation)?.path,
    };
    check(&path)?;
    out::print(&format!("{}: no problems", path.display()));
    Ok(End::Done)
}

/// Whether a file has neither errors nor warnings. Answers its text.
fn check(path: &Path) -> Result<String, Failure> {
    let (text, reading) = reading(path)?;
    if reading.problems.is_empty() {
        return Ok(text);
    }
    Err(Failure::config(listed(&path.display().to_string(), &reading.problems)))
}

pub(super) fn apply(invocation: &Invocation, file: &Path) -> Result<End, Failure> {
    let text = check(file)?;
    let target = invocation.config.clone().unwrap_or_else(|| folder().config());
    files::write(&target, &text).map_err(|error| Failure::new(format!("{}: {error}", target.display())))?;
    out::print(&format!("{} is the configuration now", target.display()));
    Ok(End::Done)
}

pub(super) fn trust(invocation: &Invocation) -> Result<End, Failure> {
    let found = find(invocation)?;
    if found.origin != Origin::Project {
        return Err(Failure::new(format!(
            "{} is yours: only a project's file needs it",
            found.path.display()
        )));
    }
    let text = check(&found.path)?;
    let mut list = trusted();
    list.add(&found.path.display().to_string(), &text);
    let target = folder().trusted();
    files::write(&target, &list.write())
        .map_err(|error| Failure::new(format!("{}: {error}", target.display())))?;
    out::print(&format!("{} may start commands, as long as it does not change", found.path.display()));
    Ok(End::Done)
}
