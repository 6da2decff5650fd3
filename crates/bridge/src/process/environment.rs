//! The environment of a child: what programs need to run at all, and what is configured for this one. The agent's own
//! variables, among which may be keys of other programs, are not handed on.

use std::collections::BTreeMap;

/// What every child gets from the agent's environment.
const PASSED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "TEMP",
    "TMP",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    // Windows: without these neither the loader nor npm and Python find their folders.
    "SystemRoot",
    "SystemDrive",
    "ComSpec",
    "PATHEXT",
    "APPDATA",
    "LOCALAPPDATA",
    "ProgramData",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "USERPROFILE",
    "USERNAME",
    "HOMEDRIVE",
    "HOMEPATH",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
    // The way to the network, and which certificates are trusted there.
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
];

/// The variable that names the agent which started a child. It is how children of an agent that was killed are found.
pub const MARKER: &str = "NEXUS_BRIDGE_INSTANCE";

/// The whole environment of a child. What is configured counts more than what is passed on.
#[must_use]
pub fn of_child(
    own: &dyn Fn(&str) -> Option<String>,
    configured: &BTreeMap<String, String>,
    instance: &str,
) -> BTreeMap<String, String> {
    let passed = PASSED.iter().filter_map(|name| Some(((*name).to_owned(), own(name)?)));
    let mut variables: BTreeMap<String, String> = passed.collect();
    variables.extend(configured.iter().map(|(name, value)| (name.clone(), value.clone())));
    variables.insert(MARKER.to_owned(), instance.to_owned());
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_of_the_agent_stay_with_it() {
        let own = |name: &str| match name {
            "PATH" => Some("/bin".to_owned()),
            "AWS_SECRET_ACCESS_KEY" | "AI_BRIDGE_SERVER_TOKEN" => Some("secret".to_owned()),
            _ => None,
        };
        let configured =
            BTreeMap::from([("A".to_owned(), "b".to_owned()), ("PATH".to_owned(), "/own".to_owned())]);
        let variables = of_child(&own, &configured, "i1");
        let names: Vec<&str> = variables.keys().map(String::as_str).collect();
        assert_eq!(names, ["A", MARKER, "PATH"]);
        assert_eq!(variables.get("PATH").map(String::as_str), Some("/own"));
    }
}
