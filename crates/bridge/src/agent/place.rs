//! Where a configuration was found, and what its values stand for on this machine: secrets, folders, environments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nexus_edge_hash::checksum_hex;

use crate::config::schema::{RemoteKind, Server, Transport};
use crate::config::secrets::{Source, interpolate};
use crate::files;
use crate::http::address::Address;
use crate::process::child::Launch;
use crate::process::environment;
use crate::server::connection::Endpoint;
use crate::server::remote::{Kind, Target};

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

    /// What is started for a server, or connected to.
    ///
    /// # Errors
    /// A reference that has no value, or an address that cannot be one.
    pub fn endpoint(
        &self,
        server: &Server,
        instance: &str,
        secrets: &mut Vec<String>,
    ) -> Result<Endpoint, String> {
        let Transport::Remote { kind, url, headers } = &server.transport else {
            return self.launch(server, instance, secrets).map(Endpoint::Process);
        };
        let address = Address::parse(&self.resolve(url, secrets)?)?;
        let mut sent = Vec::new();
        for (name, value) in headers {
            sent.push((name.to_ascii_lowercase(), self.resolve(value, secrets)?));
        }
        let kind = match kind {
            RemoteKind::Auto => Kind::Auto,
            RemoteKind::Streamable => Kind::Streamable,
            RemoteKind::EventStream => Kind::EventStream,
        };
        Ok(Endpoint::Http(Target { address, headers: sent, kind }))
    }

    /// What is started for a server.
    ///
    /// # Errors
    /// A reference that has no value.
    fn launch(&self, server: &Server, instance: &str, secrets: &mut Vec<String>) -> Result<Launch, String> {
        let Transport::Command { command, args, env, cwd } = &server.transport else {
            return Err("it has an address".to_owned());
        };
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
        let (command, args, env, cwd) = match &server.transport {
            Transport::Command { command, args, env, cwd } => (command, args, env, cwd),
            Transport::Remote { kind, url, headers } => {
                let names: Vec<&String> = headers.keys().collect();
                let kind = format!("{kind:?}");
                return checksum_hex(serde_json::json!([kind, url, names]).to_string().as_bytes());
            }
        };
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
