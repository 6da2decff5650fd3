//! What users set for themselves: name, language, theme, time zone, preferences, and a picture.

use std::collections::BTreeMap;

use nexus_edge_core::access::profile::{MAX_PREFERENCES, Theme, is_language, is_preference};
use nexus_edge_core::access::user::UserRecord;
use nexus_edge_core::error::ApiError;
use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, one_of, text, text_map};

use crate::declare::operations;
#[cfg(feature = "openapi")]
use crate::users::UserView;

/// Longest value of a preference, in characters.
const MAX_VALUE: usize = 500;

operations! {
    "Sign-in";

    /// Change one's own profile.
    ///
    /// What the body does not name stays as it is.
    UPDATE: Put "/auth/me" SignedIn, |it| it.updates::<ProfileInput>().answer::<UserView<'_>>(200, "The user as they are now.")
        .errors(&[(503, "record_busy")]);

    /// Set one's own picture.
    ///
    /// The body is a PNG, JPEG, WebP or GIF file of at most 1 MiB with sides of 16 to 2,048 pixels. What it is is found in it.
    SET_AVATAR: Put "/auth/me/avatar" SignedIn, |it| it.answer::<UserView<'_>>(200, "The user as they are now.")
        .errors(&[(413, "request_too_large"), (415, "image_refused"), (503, "record_busy")]);

    /// Remove one's own picture.
    REMOVE_AVATAR: Delete "/auth/me/avatar" SignedIn, |it| it.answer::<UserView<'_>>(200, "The user as they are now.")
        .errors(&[(503, "record_busy")]);

    /// Show the picture of a user.
    AVATAR: Get "/users/{id}/avatar" SignedIn, |it| it.file("image/*", "The picture.").errors(&[(404, "avatar_not_found")]);
}

input! {
    /// What users may say about themselves.
    pub struct ProfileInput {
        /// A name for people.
        pub name: String = text(1..=100),
        /// The language of pages, as a tag of RFC 5646; `null`: that of the browser.
        pub language: String = text(2..=35).check(check_language),
        /// How pages look.
        pub theme: Theme = one_of(Theme::NAMES).not_null(),
        /// The time zone of pages, as the IANA database names it; `null`: that of the browser.
        pub time_zone: String = text(1..=64),
        /// What pages remember for the user: at most 50 texts of at most 500 characters, by names of lower case letters, digits, dots,
        /// hyphens and underscores. Replaces those that there are.
        pub preferences: BTreeMap<String, String> = text_map().check(check_preferences),
    }
}

fn check_language(tag: String) -> Result<String, ApiError> {
    if is_language(&tag) {
        return Ok(tag);
    }
    Err(ApiError::invalid("invalid_value", "language", "`language` must be a language tag such as zh-Hans."))
}

fn check_preferences(preferences: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    let wrong = |fault: &str| {
        Err(ApiError::invalid("invalid_value", "preferences", format!("`preferences` {fault}.")))
    };
    if preferences.len() > MAX_PREFERENCES {
        return wrong(&format!("must be at most {MAX_PREFERENCES}"));
    }
    for (name, value) in &preferences {
        if !is_preference(name) {
            return wrong("must have names of lower case letters, digits, dots, hyphens and underscores");
        }
        if value.chars().count() > MAX_VALUE {
            return wrong(&format!("must have values of at most {MAX_VALUE} characters"));
        }
    }
    Ok(preferences)
}

impl ProfileInput {
    /// Applies the change.
    pub fn apply(&self, user: &mut UserRecord) {
        self.name.clone().apply_or(&mut user.name, String::new());
        self.language.clone().apply_to(&mut user.profile.language);
        self.theme.clone().apply_or(&mut user.profile.theme, Theme::System);
        self.time_zone.clone().apply_to(&mut user.profile.time_zone);
        self.preferences.clone().apply_or(&mut user.profile.preferences, BTreeMap::new());
    }
}
