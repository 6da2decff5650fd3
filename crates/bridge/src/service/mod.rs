//! The agent as a service of its user, for the manager that each system has: what is written, and which commands are said. Pure.
//!
//! The service begins with each sign-in of the user and runs as the user. It is begun again when it has failed, except with the
//! exit codes that the next start would have as well: the configuration, the token, another agent.

mod launchd;
mod plan;
mod systemd;
mod tasks;

pub use self::plan::{Line, Plan, Service, shown};

/// What a system runs services with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manager {
    /// Linux: systemd, as a unit of the user.
    Systemd,
    /// macOS: launchd, as an agent of the user.
    Launchd,
    /// Windows: a task of the Task Scheduler.
    Tasks,
}

impl Manager {
    /// That of a system, by the name that Rust has for it; `None` where there is none.
    #[must_use]
    pub fn of(system: &str) -> Option<Self> {
        match system {
            "linux" => Some(Self::Systemd),
            "macos" => Some(Self::Launchd),
            "windows" => Some(Self::Tasks),
            _ => None,
        }
    }

    /// What makes a service of this manager.
    #[must_use]
    pub fn plan(self, service: &Service) -> Plan {
        match self {
            Self::Systemd => systemd::plan(service),
            Self::Launchd => launchd::plan(service),
            Self::Tasks => tasks::plan(service),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_that_is_released_for_has_a_manager() {
        for (system, manager) in
            [("linux", Manager::Systemd), ("macos", Manager::Launchd), ("windows", Manager::Tasks)]
        {
            assert_eq!(Manager::of(system), Some(manager));
        }
        assert_eq!(Manager::of("freebsd"), None);
    }
}
