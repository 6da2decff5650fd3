//! An agent of the user: `launchd.plist(5)`. Nothing here has run on macOS.

use std::fmt::Write;

use super::plan::{Plan, Service, line, text, xml};

const LABEL: &str = "dev.nexus-edge.bridge";

pub(super) fn plan(service: &Service) -> Plan {
    let file = service.home.join("Library/LaunchAgents").join(format!("{LABEL}.plist"));
    let domain = format!("gui/{}", service.user);
    let name = format!("{domain}/{LABEL}");
    Plan {
        content: property_list(service),
        is_wide: false,
        install: vec![
            line(&["launchctl", "bootstrap", &domain, &text(&file)]),
            line(&["launchctl", "kickstart", "-k", &name]),
        ],
        uninstall: vec![line(&["launchctl", "bootout", &name])],
        removed: Vec::new(),
        status: line(&["launchctl", "print", &name]),
        file,
    }
}

fn property_list(service: &Service) -> String {
    let mut list = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n<dict>\n",
    );
    let _ = writeln!(list, "  <key>Label</key><string>{LABEL}</string>");
    list.push_str("  <key>ProgramArguments</key>\n  <array>\n");
    for word in std::iter::once(&service.program).chain(&service.args) {
        let _ = writeln!(list, "    <string>{}</string>", xml(word));
    }
    list.push_str("  </array>\n  <key>EnvironmentVariables</key>\n  <dict>\n");
    for (name, value) in &service.variables {
        let _ = writeln!(list, "    <key>{}</key><string>{}</string>", xml(name), xml(value));
    }
    list.push_str("  </dict>\n");
    let _ = writeln!(list, "  <key>WorkingDirectory</key><string>{}</string>", xml(&text(&service.home)));
    // launchd cannot tell exit codes apart: what fails is begun again once a minute.
    list.push_str(
        "  <key>RunAtLoad</key><true/>\n  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>\n  \
         <key>ThrottleInterval</key><integer>60</integer>\n  <key>ExitTimeOut</key><integer>60</integer>\n\
         </dict>\n</plist>\n",
    );
    list
}

#[cfg(test)]
mod tests {
    use super::super::plan::example;
    use super::*;

    #[test]
    fn the_list_names_the_program_and_its_environment() {
        let plan = plan(&example());
        assert_eq!(text(&plan.file), "/home/u/Library/LaunchAgents/dev.nexus-edge.bridge.plist");
        for expected in [
            "<string>/opt/my tools/nexus-bridge</string>",
            "<string>/home/u/100% &quot;mine&quot; &amp; $HOME.yaml</string>",
            "<key>PATH</key><string>/a b/bin:/usr/bin</string>",
            "<key>RunAtLoad</key><true/>",
        ] {
            assert!(plan.content.contains(expected), "{expected}\n{}", plan.content);
        }
        assert_eq!(plan.content.matches("<dict>").count(), plan.content.matches("</dict>").count());
        assert_eq!(plan.install[0][2], "gui/501");
    }
}
