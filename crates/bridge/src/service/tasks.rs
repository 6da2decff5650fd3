//! A task of the Task Scheduler that begins with the sign-in of its user: the schema of version 1.2. Nothing here has run on
//! Windows.
//!
//! A task has no environment of its own, and gets that of the user, so variables are not written.

use super::plan::{Plan, Service, line, text, xml};

const NAME: &str = "nexus-bridge";

pub(super) fn plan(service: &Service) -> Plan {
    let file = service.home.join(".ai-bridge").join("service.xml");
    Plan {
        content: task(service),
        is_wide: true,
        install: vec![
            line(&["schtasks", "/Create", "/TN", NAME, "/XML", &text(&file), "/F"]),
            line(&["schtasks", "/Run", "/TN", NAME]),
        ],
        uninstall: vec![
            line(&["schtasks", "/End", "/TN", NAME]),
            line(&["schtasks", "/Delete", "/TN", NAME, "/F"]),
        ],
        removed: Vec::new(),
        status: line(&["schtasks", "/Query", "/TN", NAME]),
        file,
    }
}

fn task(service: &Service) -> String {
    let arguments = service.args.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" ");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-16\"?>\n\
         <Task version=\"1.2\" xmlns=\"http://schemas.microsoft.com/windows/2004/02/mit/task\">\n\
         \x20 <RegistrationInfo><Description>Nexus Bridge: MCP servers of this machine</Description></RegistrationInfo>\n\
         \x20 <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>\n\
         \x20 <Settings>\n\
         \x20   <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>\n\
         \x20   <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>\n\
         \x20   <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>\n\
         \x20   <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>\n\
         \x20   <RestartOnFailure><Interval>PT1M</Interval><Count>999</Count></RestartOnFailure>\n\
         \x20 </Settings>\n\
         \x20 <Actions>\n\
         \x20   <Exec><Command>{}</Command><Arguments>{}</Arguments><WorkingDirectory>{}</WorkingDirectory></Exec>\n\
         \x20 </Actions>\n\
         </Task>\n",
        xml(&service.program),
        xml(&arguments),
        xml(&text(&service.home)),
    )
}

/// A word as programs of Windows take their line of arguments apart.
fn quoted(word: &str) -> String {
    if !word.is_empty() && !word.contains([' ', '\t', '"']) {
        return word.to_owned();
    }
    let mut quoted = String::from("\"");
    let mut backslashes = 0;
    for c in word.chars() {
        match c {
            '\\' => backslashes += 1,
            '"' => {
                quoted.extend(std::iter::repeat_n('\\', backslashes * 2 + 1));
                quoted.push('"');
                backslashes = 0;
            }
            c => {
                quoted.extend(std::iter::repeat_n('\\', backslashes));
                quoted.push(c);
                backslashes = 0;
            }
        }
    }
    quoted.extend(std::iter::repeat_n('\\', backslashes * 2));
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::super::plan::example;
    use super::*;

    #[test]
    fn the_task_names_the_program_and_its_arguments() {
        let plan = plan(&example());
        for expected in [
            "<Command>/opt/my tools/nexus-bridge</Command>",
            "<Arguments>--config &quot;/home/u/100% \\&quot;mine\\&quot; &amp; $HOME.yaml&quot; agent start</Arguments>",
            "<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>",
        ] {
            assert!(plan.content.contains(expected), "{expected}\n{}", plan.content);
        }
        assert_eq!(plan.bytes().get(..4), Some([0xFF, 0xFE, b'<', 0].as_slice()));
    }

    #[test]
    fn words_are_quoted_as_windows_takes_them_apart() {
        for (word, expected) in [
            ("plain", "plain"),
            ("", "\"\""),
            ("a b\\", "\"a b\\\\\""),
            ("a \\\"b", "\"a \\\\\\\"b\""),
            ("C:\\x\\y", "C:\\x\\y"),
        ] {
            assert_eq!(quoted(word), expected, "{word}");
        }
    }
}
