//! Who makes a request: the person, directory or key, what they may do, and what they change, for the audit log.

use std::rc::Rc;

use nexus_edge_core::access::ApiKeyRecord;
use nexus_edge_core::access::audit::change;
use nexus_edge_core::access::person::{Need, Person, PersonId, Reach, Scope};
use nexus_edge_core::access::scim_client::ScimClientRecord;
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::row::table::Table;

use super::{Exchange, NOTHING};
use crate::store::sign_in::SignedIn;

impl Exchange {
    /// Lets a person do what the operation is, as far as they may.
    ///
    /// # Errors
    /// `permission_denied` (403).
    pub fn admit(&self, person: Person, need: Need) -> Result<(), ApiError> {
        let reach = if self.only_reads() { Reach::Look } else { Reach::Manage };
        // Also one who may not, for the audit log.
        let scope = self.person.get_or_init(|| person).decide(need, reach)?;
        self.scope.get_or_init(|| scope);
        Ok(())
    }

    /// The person who calls, in operations of the admin API.
    ///
    /// # Errors
    /// `internal_error` (500) in operations that admit no person.
    pub fn person(&self) -> Result<&Person, ApiError> {
        self.person.get().ok_or_else(ApiError::internal)
    }

    /// The things that the operation may reach: in operations of the admin API those that the person may, else none.
    pub fn scope(&self) -> &Scope {
        self.scope.get().unwrap_or(NOTHING)
    }

    /// Notes the user who makes the request.
    pub fn sign_in(&self, session: Rc<SignedIn>) {
        self.person.get_or_init(|| session.person(self.started_ms));
        self.signed_in.get_or_init(|| session);
    }

    /// Notes the directory that makes the request.
    pub fn act_for(&self, client: Rc<ScimClientRecord>) {
        self.person.get_or_init(|| Person::known_as(PersonId::Directory(client.id.clone())));
        self.directory.get_or_init(|| client);
    }

    /// The directory that makes the request, in operations for directories.
    ///
    /// # Errors
    /// `internal_error` (500) in other operations.
    pub fn directory(&self) -> Result<&ScimClientRecord, ApiError> {
        self.directory.get().map(Rc::as_ref).ok_or_else(ApiError::internal)
    }

    /// Notes which user a request turned out to be of, for the audit log. It does not let them do anything.
    pub fn note_user(&self, user: &UserRecord) {
        self.person.get_or_init(|| Person::known_as(PersonId::User(user.id.clone())));
    }

    /// Notes which API key a request is of that changes something, for the audit log. It does not let it do anything.
    pub fn note_key(&self, key_id: &str) {
        self.person.get_or_init(|| Person::known_as(PersonId::Program(key_id.to_owned())));
    }

    /// Notes that the request turned out to be of the holder of the admin token, for the audit log. It does not let them do
    /// anything.
    pub fn note_admin(&self) {
        self.person.get_or_init(Person::with_admin_token);
    }

    /// The user who makes the request, in operations for those who are signed in.
    ///
    /// # Errors
    /// `internal_error` (500) in other operations.
    pub fn signed_in(&self) -> Result<&SignedIn, ApiError> {
        self.signed_in.get().map(Rc::as_ref).ok_or_else(ApiError::internal)
    }

    /// Notes that the request is signed by this key.
    pub fn sign(&self, key: Rc<ApiKeyRecord>) {
        self.signed_by.get_or_init(|| key);
    }

    /// The key that the request is signed by, if it is signed.
    pub fn signed_by(&self) -> Option<&Rc<ApiKeyRecord>> {
        self.signed_by.get()
    }

    /// Notes that a record was created, changed or deleted.
    pub fn note_change<R: Table>(&self, before: Option<&R>, after: Option<&R>) {
        self.changes.borrow_mut().extend(change::between(before, after));
    }

    /// Notes that a setting was set, changed or removed.
    pub fn note_setting<T: serde::Serialize>(&self, name: &str, before: Option<&T>, after: Option<&T>) {
        let shown =
            |of: Option<&T>| of.and_then(|value| serde_json::to_value(value).ok()).unwrap_or_default();
        self.changes.borrow_mut().extend(change::of_value(name, shown(before), shown(after)));
    }
}
