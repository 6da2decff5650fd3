//! Content rules and other guards: what requests and answers may contain.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::guard::GuardView;
use nexus_edge_core::catalog::guard::{Direction, GuardAction};
use nexus_edge_core::catalog::guard_input::GuardInput;
use nexus_edge_core::input;
use nexus_edge_core::input::{Rule, object, one_of, text};
use serde::Serialize;

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "guard_not_found")];

operations! {
    "Guards";

    /// List the guards.
    LIST: Get "/guards" ViewGuards, |it| it.list::<GuardView<'_>>("guards", "The guards, without secrets.");

    /// Create a guard.
    ///
    /// The answer for a webhook has the secret of the signatures, this once only. `docs/guards.md` says what a rule finds and what a
    /// webhook is sent.
    CREATE: Post "/guards" ManageGuards, |it| it.creates::<GuardInput>()
        .answer::<GuardView<'_>>(201, "The guard, with the secret of a webhook.").errors(&[(409, "name_taken, too_many_guards")]);

    /// Test content rules.
    ///
    /// Says what would become of a text. Nothing is sent or recorded, and webhooks are not asked.
    TEST: Post "/guards/test" ManageGuards, |it| it.body::<GuardTestInput>()
        .answer::<GuardTest>(200, "What becomes of the text.");

    /// Show a guard.
    GET: Get "/guards/{id}" ViewGuards, |it| it.answer::<GuardView<'_>>(200, "The guard, without its secret.").errors(NOT_FOUND);

    /// Change a guard.
    ///
    /// With a `secret`, or `null` for one that the gateway makes, the secret of a webhook is replaced, and told in the answer.
    UPDATE: Put "/guards/{id}" ManageGuards, |it| it.updates::<GuardInput>()
        .answer::<GuardView<'_>>(200, "The guard as it is now.").errors(NOT_FOUND)
        .errors(&[(409, "name_taken"), (503, "record_busy")]);

    /// Delete a guard.
    DELETE: Delete "/guards/{id}" ManageGuards, |it| it.deleted("string").errors(NOT_FOUND);
}

input! {
    /// A text to try content rules on.
    pub struct GuardTestInput {
        /// The text.
        pub text: String = text(1..=100_000).not_null().required(),
        /// Which way it goes: `request`, which is the default, or `answer`.
        pub direction: Direction = one_of(Direction::NAMES).not_null(),
        /// The id of the key that it is tried for.
        pub key: String = text(1..=200),
        /// The owner of that key.
        pub owner: String = text(1..=200),
        /// The model that it is tried for.
        pub model: String = text(1..=200),
        /// A rule to try instead of those that there are.
        pub rule: GuardInput = object::<GuardInput>(),
    }
}

/// What becomes of a text.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct GuardTest {
    /// What is done with it: `null` if no rule finds anything.
    pub action: Option<GuardAction>,
    /// The text as it would be passed on; `null` if it would not.
    pub text: Option<String>,
    /// The rules that acted, as `x-nexus-guard` says it.
    pub acted: Option<String>,
}
