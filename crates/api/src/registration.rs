//! Registration: who may make an account of their own, and invitations.

use nexus_edge_core::access::invitation::InvitationRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, boolean, integer, integer_u32, objects, one_of, text, texts};
use nexus_edge_identity::email;
use nexus_edge_identity::registration::{Mode, Policy, Window};
use serde::Serialize;

use crate::declare::operations;
use crate::users::{check_email, check_roles};
use nexus_edge_core::secrets::Secret;

/// Most accounts that a limit may name.
const MAX_SEATS: u64 = 1_000_000;
/// Most windows.
const MAX_WINDOWS: usize = 50;
/// For how many hours an invitation is valid unless it says otherwise, and at most.
const HOURS: (u64, u64) = (7 * 24, 366 * 24);
const HOUR_MS: u64 = 3_600_000;
/// The largest time that a JSON number holds exactly.
const MAX_TIME_MS: u64 = 1 << 53;

operations! {
    "Registration";

    /// Make an account of one's own.
    ///
    /// The answer is the same for an address that has an account: nothing is changed then, and its owner is told by mail if accounts
    /// must be confirmed.
    REGISTER: Post "/auth/register" Public, |it| it.body::<RegisterInput>()
        .answer::<RegisteredView>(202, "What is left to be done before the first sign-in.")
        .errors(&[(400, "weak_password"), (403, "registration_closed, invitation_required, domain_not_allowed"),
            (409, "registration_full"), (429, "too_many_attempts"), (503, "mail_not_configured, sign_in_unavailable")]);

    /// Show the rules of registration.
    GET: Get "/registration" ManageRegistration, |it| it.answer::<RegistrationView>(200, "The rules, and how many places are taken.")
        .errors(&[(503, "sign_in_unavailable")]);

    /// Change the rules of registration.
    ///
    /// What the body does not name stays as it is. Roles can only be given by those who have their permissions themselves.
    UPDATE: Put "/registration" ManageRegistration, |it| it.updates::<RegistrationInput>()
        .answer::<RegistrationView>(200, "The rules as they are now.")
        .errors(&[(409, "mail_not_configured"), (503, "record_busy, sign_in_unavailable")]);

    /// List the invitations.
    INVITATIONS: Get "/invitations" ManageRegistration, |it| it
        .list::<InvitationView<'_>>("invitations", "The invitations, without their codes.").errors(&[(503, "sign_in_unavailable")]);

    /// Make an invitation.
    ///
    /// The answer has its code, this once only. Roles can only be given by those who have their permissions themselves.
    INVITE: Post "/invitations" ManageRegistration, |it| it.body::<InvitationInput>()
        .answer::<InvitationView<'_>>(201, "The invitation with its code.").errors(&[(409, "too_many_invitations")]);

    /// Revoke an invitation.
    ///
    /// Accounts that were made with it stay.
    REVOKE: Delete "/invitations/{id}" ManageRegistration, |it| it.deleted("string").errors(&[(404, "invitation_not_found")]);
}

input! {
    /// A new account.
    pub struct RegisterInput {
        /// The mail address, by which the user signs in.
        pub email: String = text(3..=email::MAX_BYTES).check(check_email).not_null().required(),
        /// A password: at least 8 characters with upper case, lower case and a digit, or at least 16.
        pub password: Secret = text(1..=512).secret().not_null().required(),
        /// A name for people.
        pub name: String = text(1..=100).not_null(),
        /// The code of an invitation.
        pub invitation: String = text(1..=200).not_null(),
    }
}

input! {
    /// A time in which registration is open.
    pub struct WindowInput {
        /// A name, by which its places are counted: another name begins to count anew.
        pub id: String = text(1..=100).not_null().required(),
        /// From when on, in milliseconds since the epoch.
        pub opens_at: u64 = integer(0..=MAX_TIME_MS).not_null().required(),
        /// Until when, in milliseconds since the epoch.
        pub closes_at: u64 = integer(0..=MAX_TIME_MS).not_null().required(),
        /// Most accounts; `null`: any number.
        pub seats: u32 = integer_u32(0..=MAX_SEATS),
        /// Whether its accounts wait for approval.
        pub approval: bool = boolean().not_null(),
    }
}

input! {
    /// What may be said about registration.
    pub struct RegistrationInput {
        /// The way in: `closed`, `open`, `invite`, or `scheduled` for the windows.
        pub mode: Mode = one_of(Mode::NAMES).not_null(),
        /// Domains of mail addresses that may register, subdomains not included; `null`: all. An invitation is good for any.
        pub domains: Vec<String> = texts(1..=253).check(check_domains),
        /// Whether accounts wait for the approval of an administrator.
        pub approval: bool = boolean().not_null(),
        /// Whether accounts are closed until their mail address is confirmed. Needs mail.
        pub verification: bool = boolean().not_null(),
        /// Most accounts that register themselves; `null`: any number.
        pub seats: u32 = integer_u32(0..=MAX_SEATS),
        /// The times in which registration is open, for the mode `scheduled`.
        pub windows: Vec<Window> = objects::<WindowInput>(MAX_WINDOWS).check(check_windows).not_null(),
        /// Codes of the roles that accounts begin with.
        pub roles: Vec<String> = texts(1..=40).check(check_roles).not_null(),
    }
}

input! {
    /// An invitation.
    pub struct InvitationInput {
        /// What it is for, for those who see the list.
        pub note: String = text(1..=200).not_null(),
        /// The one address that it is for.
        pub email: String = text(3..=email::MAX_BYTES).check(check_email).not_null(),
        /// For how many accounts it is good; 1 is the default.
        pub seats: u32 = integer_u32(1..=MAX_SEATS).not_null(),
        /// For how many hours it is valid; 168 is the default.
        pub expires_in_hours: u64 = integer(1..=HOURS.1).not_null(),
        /// Codes of the roles that its accounts begin with, instead of those of registration.
        pub roles: Vec<String> = texts(1..=40).check(check_roles).not_null(),
    }
}

fn check_domains(domains: Vec<String>) -> Result<Vec<String>, ApiError> {
    let mut checked = Vec::with_capacity(domains.len());
    for (index, domain) in domains.into_iter().enumerate() {
        let address = email::normalise(&format!("a@{domain}")).ok_or_else(|| {
            let message = format!("`domains[{index}]` must be a domain such as example.org.");
            ApiError::invalid("invalid_value", format!("domains[{index}]"), message)
        })?;
        checked.push(email::domain(&address).to_owned());
    }
    Ok(checked)
}

fn check_windows(windows: Vec<WindowInput>) -> Result<Vec<Window>, ApiError> {
    let mut checked: Vec<Window> = Vec::with_capacity(windows.len());
    for (index, input) in windows.into_iter().enumerate() {
        let window = Window {
            id: input.id.required("id")?,
            opens_at: input.opens_at.required("opens_at")?,
            closes_at: input.closes_at.required("closes_at")?,
            seats: input.seats.into_set(),
            approval: input.approval.into_set().unwrap_or_default(),
        };
        let fault = if window.closes_at <= window.opens_at {
            "must close after it opens"
        } else if checked.iter().any(|other| other.id == window.id) {
            "must have another `id` than those before it"
        } else {
            checked.push(window);
            continue;
        };
        let message = format!("`windows[{index}]` {fault}.");
        return Err(ApiError::invalid("invalid_value", format!("windows[{index}]"), message));
    }
    Ok(checked)
}

impl RegistrationInput {
    /// Applies the change.
    pub fn apply(&self, policy: &mut Policy) {
        self.mode.clone().apply_or(&mut policy.mode, Mode::Closed);
        self.domains.clone().apply_to(&mut policy.domains);
        self.approval.clone().apply_or(&mut policy.approval, false);
        self.verification.clone().apply_or(&mut policy.verification, false);
        self.seats.clone().apply_to(&mut policy.seats);
        self.windows.clone().apply_or(&mut policy.windows, Vec::new());
        self.roles.clone().apply_or(&mut policy.roles, Vec::new());
    }
}

impl InvitationInput {
    /// The record, made at `now_ms` (milliseconds since the epoch) by a person whom the audit log names `created_by`.
    #[must_use]
    pub fn into_record(
        self,
        id: String,
        code_hash: String,
        created_by: String,
        now_ms: u64,
    ) -> InvitationRecord {
        InvitationRecord {
            id,
            code_hash,
            note: self.note.into_set().unwrap_or_default(),
            email: self.email.into_set(),
            roles: self.roles.into_set(),
            seats: self.seats.into_set().unwrap_or(1),
            expires_at: now_ms + self.expires_in_hours.into_set().unwrap_or(HOURS.0) * HOUR_MS,
            created_by,
            created_at: now_ms,
            updated_at: now_ms,
        }
    }
}

/// What is left to be done before the first sign-in. It says nothing of the account.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RegisteredView {
    /// True.
    pub accepted: bool,
    /// Whether the address must be confirmed by the link that was sent to it.
    pub needs_verification: bool,
    /// Whether an administrator must approve the account.
    pub needs_approval: bool,
}

/// The rules of registration.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RegistrationView {
    /// The way in: `closed`, `open`, `invite` or `scheduled`.
    pub mode: &'static str,
    /// Domains of mail addresses that may register; `null`: all.
    pub domains: Option<Vec<String>>,
    /// Whether accounts wait for the approval of an administrator.
    pub approval: bool,
    /// Whether accounts are closed until their mail address is confirmed.
    pub verification: bool,
    /// Most accounts that register themselves; `null`: any number.
    pub seats: Option<u32>,
    /// How many of these places are taken.
    pub taken: u32,
    /// The windows.
    pub windows: Vec<WindowView>,
    /// Codes of the roles that accounts begin with.
    pub roles: Vec<String>,
    /// Whether accounts can be made at the moment, by those who are admitted.
    pub is_open: bool,
}

/// A time in which registration is open. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "RegistrationWindow"))]
pub struct WindowView {
    /// Its name.
    pub id: String,
    /// From when on.
    pub opens_at: u64,
    /// Until when.
    pub closes_at: u64,
    /// Most accounts; `null`: any number.
    pub seats: Option<u32>,
    /// How many places are taken, where they are limited.
    pub taken: u32,
    /// Whether its accounts wait for approval.
    pub approval: bool,
}

impl RegistrationView {
    /// The view of the rules; `taken` says how many places of a name are taken.
    #[must_use]
    pub fn of(policy: Policy, taken: impl Fn(&str) -> u32, now_ms: u64) -> Self {
        use nexus_edge_identity::registration::{ALL, of_window};
        let is_open = policy.is_open(now_ms);
        let window = |window: Window| WindowView {
            taken: taken(&of_window(&window.id)),
            id: window.id,
            opens_at: window.opens_at,
            closes_at: window.closes_at,
            seats: window.seats,
            approval: window.approval,
        };
        Self {
            mode: policy.mode.name(),
            domains: policy.domains,
            approval: policy.approval,
            verification: policy.verification,
            seats: policy.seats,
            taken: taken(ALL),
            windows: policy.windows.into_iter().map(window).collect(),
            roles: policy.roles,
            is_open,
        }
    }
}

/// An invitation. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct InvitationView<'a> {
    /// Its id.
    pub id: &'a str,
    /// The code, only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'a str>,
    /// What it is for.
    pub note: &'a str,
    /// The one address that it is for; `null`: any.
    pub email: Option<&'a str>,
    /// Codes of the roles that its accounts begin with; `null`: those of registration.
    pub roles: Option<&'a [String]>,
    /// For how many accounts it is good.
    pub seats: u32,
    /// How many accounts were made with it.
    pub taken: u32,
    /// When it expires.
    pub expires_at: u64,
    /// Who made it, as the audit log names them.
    pub created_by: &'a str,
    /// When it was made.
    pub created_at: u64,
}

impl<'a> InvitationView<'a> {
    /// The view of a record, of whose places `taken` are.
    #[must_use]
    pub fn of(record: &'a InvitationRecord, taken: u32, code: Option<&'a str>) -> Self {
        Self {
            id: &record.id,
            code,
            note: &record.note,
            email: record.email.as_deref(),
            roles: record.roles.as_deref(),
            seats: record.seats,
            taken,
            expires_at: record.expires_at,
            created_by: &record.created_by,
            created_at: record.created_at,
        }
    }
}
