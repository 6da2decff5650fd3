//! A tool of a server, as the loop needs it, and how strict its use is.

use nexus_edge_core::access::tool_approval::ToolApproval;

/// Whether a call may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Approval {
    /// Without asking.
    #[default]
    Never,
    /// Only after a person has agreed.
    Ask,
    /// Not at all.
    Deny,
}

impl Approval {
    /// The stricter of two rules, whichever of them asks for it.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        self.max(other)
    }

    /// What a rule of a key or a server says about a tool of this class.
    #[must_use]
    pub const fn by(rule: ToolApproval, class: Class) -> Self {
        match (rule, class) {
            (ToolApproval::Never, _) | (ToolApproval::Rules, Class::Read) => Self::Never,
            (ToolApproval::Rules | ToolApproval::Always, _) => Self::Ask,
        }
    }
}

/// What a tool does to the world. What is not known counts as writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Class {
    /// It only reads.
    Read,
    /// It changes something.
    #[default]
    Write,
    /// It sends something to others.
    Send,
}

/// A tool of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    /// Its name for the model: at most 48 characters of `A-Z a-z 0-9 _ -`, unique in a request.
    pub alias: String,
    /// The server that answers it, as the caller is shown it.
    pub server: String,
    /// Its name at the server.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The JSON Schema of its arguments, as the server wrote it.
    pub schema: String,
    /// Its annotations, as the server wrote them.
    pub annotations: Option<String>,
    /// What it does to the world.
    pub class: Class,
    /// Whether its results come from a world that others can write to: web pages, mails, tickets.
    pub is_open_world: bool,
    /// The rule of the server, the key and the request together.
    pub approval: Approval,
}

impl Tool {
    /// The rule once such results are part of the turn (`is_tainted`): what writes or sends must be agreed to then, because
    /// the text that the model read may ask for it.
    #[must_use]
    pub fn approval_when(&self, is_tainted: bool) -> Approval {
        let of_taint = if self.is_doubtful(is_tainted) { Approval::Ask } else { Approval::Never };
        self.approval.strictest(of_taint)
    }

    /// What a person must agree to before a call runs, see [`Tool::approval_when`].
    #[must_use]
    pub fn consent_when(&self, is_tainted: bool) -> Consent {
        match self.approval_when(is_tainted) {
            Approval::Never => Consent::None,
            _ if self.is_doubtful(is_tainted) => Consent::ToCall,
            Approval::Ask | Approval::Deny => Consent::ToTool,
        }
    }

    fn is_doubtful(&self, is_tainted: bool) -> bool {
        is_tainted && self.class != Class::Read
    }
}

/// What a person must agree to before a call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consent {
    /// Nothing.
    #[default]
    None,
    /// That the tool is used: an earlier agreement to the same tool counts.
    ToTool,
    /// This very call: results of an open world are part of the turn, of which an earlier agreement knew nothing.
    ToCall,
}

/// What becomes of a call, by the name of its function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The gateway runs it.
    Ours(Shown),
    /// The gateway would run it, after a person has agreed.
    Asks(Shown),
    /// It is a function of the caller's.
    Callers,
}

/// A tool as callers are shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The server.
    pub server: String,
    /// The name at the server.
    pub name: String,
}

#[cfg(test)]
pub(crate) fn tool(alias: &str) -> Tool {
    let (server, name) = alias.split_once("__").unwrap_or(("srv", alias));
    Tool {
        alias: alias.to_owned(),
        server: server.to_owned(),
        name: name.to_owned(),
        description: format!("What {name} does."),
        schema: r#"{"type":"object","properties":{"x":{"type":"number","maximum":1e3}}}"#.to_owned(),
        annotations: None,
        class: Class::Read,
        is_open_world: false,
        approval: Approval::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_rule_wins() {
        for (class, approval, is_tainted, expected) in [
            (Class::Read, Approval::Never, true, Approval::Never),
            (Class::Write, Approval::Never, false, Approval::Never),
            (Class::Write, Approval::Never, true, Approval::Ask),
            (Class::Send, Approval::Never, true, Approval::Ask),
            (Class::Send, Approval::Deny, true, Approval::Deny),
            (Class::Read, Approval::Ask, false, Approval::Ask),
        ] {
            let tool = Tool { class, approval, ..tool("a") };
            assert_eq!(tool.approval_when(is_tainted), expected);
        }
        for (class, approval, is_tainted, expected) in [
            (Class::Write, Approval::Never, false, Consent::None),
            (Class::Write, Approval::Ask, false, Consent::ToTool),
            (Class::Write, Approval::Ask, true, Consent::ToCall),
            (Class::Send, Approval::Never, true, Consent::ToCall),
            (Class::Read, Approval::Ask, true, Consent::ToTool),
        ] {
            assert_eq!(Tool { class, approval, ..tool("a") }.consent_when(is_tainted), expected);
        }
        assert_eq!(Class::default(), Class::Write);
        for (rule, class, expected) in [
            (ToolApproval::Never, Class::Write, Approval::Never),
            (ToolApproval::Rules, Class::Read, Approval::Never),
            (ToolApproval::Rules, Class::Write, Approval::Ask),
            (ToolApproval::Rules, Class::Send, Approval::Ask),
            (ToolApproval::Always, Class::Read, Approval::Ask),
        ] {
            assert_eq!(Approval::by(rule, class), expected);
        }
    }
}
