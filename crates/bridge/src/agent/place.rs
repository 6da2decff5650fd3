//! Where a configuration was found, and what its values stand for on this machine: secrets, folders, environments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nexus_edge_hash::checksum_hex;

use crate::config::schema::{Server, Transport};
use crate::config::secrets::{Source, interpolate};
use crate::files;
use crate::process::child::Launch;
use crate::process::environment;

/// The surroundings of a configuration.
#[derive(Debug, Clone)]
pub struct Place {
    /// The user's home directory.
    pub home: PathBuf,
    /// Where relative working directories begin.
    pub base: PathBuf,
}

impl Place {
    /// Replaces the references of a text, and tells `secrets` what was put in.
    ///
    /// # Errors
    /// A reference that has no value. The error names it.
    pub fn resolve(&self, text: &str, secrets: &mut Vec<String>) -> Result<String, String> {
        let find = |source: Source<'_>| match source {
            Source::Variable(name) => {
                std::env::var(name).map_err(|_| format!("the variable `{name}` is not set"))
            }
            Source::File(path) => files::secret(&files::expand(path, &self.home)),
        };
        interpolate(text, &find, secrets)
    }

    /// What is started for a server.
    ///
    /// # Errors
    /// A reference that has no value.
    pub fn launch(
        &self,
        server: &Server,
        instance: &str,
        secrets: &mut Vec<String>,
    ) -> Result<Launch, String> {
        let Transport::Command { command, args, env, cwd } = &server.transport;
        let mut configured = BTreeMap::new();
        for (name, value) in env {
            configured.insert(name.clone(), self.resolve(value, secrets)?);
        }
        let args = args.iter().map(|arg| self.resolve(arg, secrets)).collect::<Result<Vec<_>, _>>()?;
        let own = |name: &str| std::env::var(name).ok();
        let folder = cwd
            .as_deref()
            .map_or_else(|| self.base.clone(), |cwd| self.base.join(files::expand(cwd, &self.home)));
        Ok(Launch {
            program: files::expand(command, &self.home).to_string_lossy().into_owned(),
            args,
            variables: environment::of_child(&own, &configured, instance),
            folder,
        })
    }

    /// Names what is started, without any value of the environment: what is known of a server is kept under it.
    #[must_use]
    pub fn hash(&self, server: &Server) -> String {
        let Transport::Command { command, args, env, cwd } = &server.transport;
        let names: Vec<&String> = env.keys().collect();
        let base: &Path = &self.base;
        checksum_hex(serde_json::json!([command, args, cwd, names, base]).to_string().as_bytes())
    }
}

/// The home directory of this user.
#[must_use]
pub fn home() -> PathBuf {
    std::env::home_dir().unwrap_or_else(|| PathBuf::from("."))
}
