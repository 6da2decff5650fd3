//! Files in JSON, with comments and commas at ends as Visual Studio Code allows them.

use serde_json::Value;

use super::found::Imported;

/// The servers under a member, also those of Claude Code's projects.
///
/// # Errors
/// The text is no JSON.
pub fn read(text: &str, member: &str) -> Result<Imported, String> {
    let value: Value = serde_json::from_str(&plain(text)).map_err(|error| format!("not JSON: {error}"))?;
    let mut imported = Imported::default();
    let projects = value.get("projects").and_then(Value::as_object);
    for holder in std::iter::once(&value).chain(projects.into_iter().flat_map(|projects| projects.values())) {
        for (name, entry) in holder.get(member).and_then(Value::as_object).into_iter().flatten() {
            imported.add(name, entry);
        }
    }
    Ok(imported)
}

/// The text without comments, and without commas before the end of a list or an object.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = rest.next() {
        match c {
            '\\' if quoted => {
                out.push(c);
                out.extend(rest.next());
            }
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            '/' if !quoted && rest.peek() == Some(&'/') => while rest.next_if(|c| *c != '\n').is_some() {},
            '/' if !quoted && rest.peek() == Some(&'*') => {
                rest.next();
                let mut last = ' ';
                for c in rest.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            ']' | '}' if !quoted => {
                let end = out.trim_end().len();
                if out.trim_end().ends_with(',') {
                    out.truncate(end.saturating_sub(1));
                }
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::found::Reached;
    use super::*;

    #[test]
    fn servers_of_a_person_and_of_projects_are_found() {
        let text = r#"{"mcpServers": {"fs": {"command": "npx", "args": ["-y", "x"], "env": {"A": "b", "N": 1}, "type": "stdio"},
            "web": {"type": "http", "url": "https://x/mcp"}, "off": {"command": "x", "disabled": true}},
            "projects": {"/p": {"mcpServers": {"of-project": {"command": "y", "cwd": "/p"}}}}}"#;
        let imported = read(text, "mcpServers").unwrap();
        let names: Vec<&str> = imported.servers.iter().map(|server| server.name.as_str()).collect();
        assert_eq!(names, ["fs", "web", "of-project"]);
        let Reached::Command { env, .. } = &imported.servers[0].reached else { panic!("a command") };
        assert_eq!(env.get("N").map(String::as_str), Some("1"));
        assert_eq!(imported.left_out.len(), 1);
    }

    #[test]
    fn comments_and_commas_at_ends_are_passed_over() {
        let text = "// the servers\n{\"servers\": {\"a\": {\"command\": \"http://x\", /* all */ \"args\": [\"//\", ], },},}";
        let imported = read(text, "servers").unwrap();
        let Reached::Command { command, args, .. } = &imported.servers[0].reached else {
            panic!("a command")
        };
        assert_eq!((command.as_str(), args.as_slice()), ("http://x", &["//".to_owned()][..]));
        assert!(read("{", "servers").is_err());
        assert_eq!(read("{}", "servers"), Ok(Imported::default()));
    }
}
