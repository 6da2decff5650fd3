//! Which configuration file counts: the one that is named, else `.ai-bridge/config.yaml` of the project around the working
//! directory (up to the folder that holds `.git`), else the one in the home directory.

use std::path::{Path, PathBuf};

/// The folder of everything that the agent keeps, in the home directory or a project.
pub const FOLDER: &str = ".ai-bridge";

/// A file and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it is, or where it would be.
    pub path: PathBuf,
    /// Why it is this one.
    pub origin: Origin,
}

/// Why a file is the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `--config`, or the variable `AI_BRIDGE_CONFIG`.
    Named,
    /// The project of the working directory. It must be trusted before it is used.
    Project,
    /// The home directory, whether or not the file exists.
    Home,
}

/// Finds the file. `exists` says whether a path is there.
#[must_use]
pub fn search(named: Option<&Path>, here: &Path, home: &Path, exists: &dyn Fn(&Path) -> bool) -> Found {
    if let Some(path) = named {
        return Found { path: here.join(path), origin: Origin::Named };
    }
    let of_home = home.join(FOLDER).join("config.yaml");
    for folder in here.ancestors() {
        let path = folder.join(FOLDER).join("config.yaml");
        // The file of the home directory is its owner's, also for one who works below it.
        if path != of_home && exists(&path) {
            return Found { path, origin: Origin::Project };
        }
        if exists(&folder.join(".git")) || folder == home {
            break;
        }
    }
    Found { path: of_home, origin: Origin::Home }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[&str], named: Option<&str>, here: &str) -> (String, Origin) {
        let exists = |path: &Path| files.iter().any(|file| Path::new(file) == path);
        let found = search(named.map(Path::new), Path::new(here), Path::new("/home/u"), &exists);
        (found.path.to_string_lossy().into_owned(), found.origin)
    }

    #[test]
    fn the_named_file_counts_most() {
        let files = ["/w/.ai-bridge/config.yaml"];
        assert_eq!(found(&files, Some("x.yaml"), "/w"), ("/w/x.yaml".into(), Origin::Named));
        assert_eq!(found(&files, Some("/e/x.yaml"), "/w"), ("/e/x.yaml".into(), Origin::Named));
    }

    #[test]
    fn the_projects_file_is_searched_up_to_its_root() {
        let files = ["/w/p/.git", "/w/p/.ai-bridge/config.yaml", "/w/.ai-bridge/config.yaml"];
        assert_eq!(found(&files, None, "/w/p/a/b"), ("/w/p/.ai-bridge/config.yaml".into(), Origin::Project));
        let files = ["/w/p/.git", "/w/.ai-bridge/config.yaml"];
        assert_eq!(found(&files, None, "/w/p/a/b"), ("/home/u/.ai-bridge/config.yaml".into(), Origin::Home));
    }

    #[test]
    fn the_file_of_the_home_directory_is_no_projects() {
        let files = ["/home/u/.ai-bridge/config.yaml"];
        assert_eq!(found(&files, None, "/home/u/x"), ("/home/u/.ai-bridge/config.yaml".into(), Origin::Home));
        assert_eq!(found(&[], None, "/x"), ("/home/u/.ai-bridge/config.yaml".into(), Origin::Home));
    }
}
