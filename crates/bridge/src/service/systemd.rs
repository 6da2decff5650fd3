//! A unit of the user: `systemd.unit(5)`, `systemd.service(5)`.

use std::fmt::Write;

use super::plan::{Plan, Service, line, text};

const NAME: &str = "nexus-bridge.service";

pub(super) fn plan(service: &Service) -> Plan {
    Plan {
        file: service.home.join(".config/systemd/user").join(NAME),
        content: unit(service),
        is_wide: false,
        install: vec![
            line(&["systemctl", "--user", "daemon-reload"]),
            line(&["systemctl", "--user", "enable", NAME]),
            line(&["systemctl", "--user", "restart", NAME]),
        ],
        uninstall: vec![line(&["systemctl", "--user", "disable", "--now", NAME])],
        removed: vec![line(&["systemctl", "--user", "daemon-reload"])],
        status: line(&["systemctl", "--user", "is-active", NAME]),
    }
}

fn unit(service: &Service) -> String {
    let mut unit = String::from(
        "[Unit]\nDescription=Nexus Bridge: MCP servers of this machine\nAfter=network-online.target\n\
         Wants=network-online.target\n\n[Service]\nType=exec\nExecStart=",
    );
    // A dollar sign would begin a variable in the line of the command, but not in its program.
    unit.push_str(&quoted(&service.program));
    for arg in &service.args {
        let _ = write!(unit, " {}", quoted(arg).replace('$', "$$"));
    }
    unit.push('\n');
    for (name, value) in &service.variables {
        let _ = writeln!(unit, "Environment={}", quoted(&format!("{name}={value}")));
    }
    let _ = writeln!(unit, "WorkingDirectory={}", text(&service.home).replace('%', "%%"));
    // 2: the configuration, 3: the token, 4: another agent runs.
    unit.push_str(
        "Restart=on-failure\nRestartSec=10\nRestartPreventExitStatus=2 3 4\nTimeoutStopSec=60\nKillMode=mixed\n\n\
         [Install]\nWantedBy=default.target\n",
    );
    unit
}

/// A word in quotes. `%` begins a specifier.
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::super::plan::example;
    use super::*;

    #[test]
    fn the_unit_names_the_program_its_environment_and_when_it_begins_again() {
        let plan = plan(&example());
        assert_eq!(text(&plan.file), "/home/u/.config/systemd/user/nexus-bridge.service");
        for expected in [
            "ExecStart=\"/opt/my tools/nexus-bridge\" \"--config\" \"/home/u/100%% \\\"mine\\\" & $$HOME.yaml\" \"agent\" \"start\"\n",
            "Environment=\"PATH=/a b/bin:/usr/bin\"\n",
            "WorkingDirectory=/home/u\n",
            "RestartPreventExitStatus=2 3 4\n",
            "[Install]\nWantedBy=default.target\n",
        ] {
            assert!(plan.content.contains(expected), "{expected}\n{}", plan.content);
        }
        assert_eq!(plan.bytes(), plan.content.as_bytes());
    }

    /// systemd's own check of the unit, where it is installed.
    #[cfg(target_os = "linux")]
    #[test]
    fn systemd_finds_nothing_wrong_with_the_unit() {
        let folder = std::env::temp_dir().join(format!("nexus-bridge-{}", crate::agent::new_instance()));
        std::fs::create_dir_all(&folder).unwrap();
        let program = std::env::current_exe().unwrap().to_string_lossy().into_owned();
        let service = Service { program, home: folder.clone(), ..example() };
        let path = folder.join(NAME);
        std::fs::write(&path, plan(&service).content).unwrap();
        let mut verify = std::process::Command::new("systemd-analyze");
        let verify = verify.args(["verify", "--user"]).arg(&path);
        // It needs folders of a session, which a test has none of.
        let verified = verify.env("XDG_RUNTIME_DIR", &folder).env("HOME", &folder).output();
        if let Ok(output) = verified {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let about: Vec<&str> = said.lines().filter(|line| line.contains(NAME)).collect();
            assert_eq!(about, Vec::<&str>::new(), "{said}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
