//! Alerts and the rules by which they fire.

use nexus_edge_alerts::alert::AlertView;
#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::alert_rule::{AlertRuleInput, AlertRuleView};
use serde::Serialize;

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "alert_rule_not_found")];

operations! {
    "Alerts";

    /// List alerts.
    ///
    /// The newest first: those that are pending or firing, or with `state` others.
    LIST: Get "/alerts" ViewAlerts, |it| it
        .choice("state", &["pending", "firing", "resolved", "all"], "Only alerts in this state; without it those that have not ended.")
        .text("rule", "Only those of this rule.")
        .number("limit", 1..=500, "Rows of a page; 50 is the default.").text("cursor", "`next_cursor` of the page before.")
        .answer::<Alerts<'_>>(200, "A page.");

    /// List the alert rules.
    RULES: Get "/alerts/rules" ViewAlerts, |it| it.list::<AlertRuleView<'_>>("rules", "The rules.");

    /// Create an alert rule.
    CREATE_RULE: Post "/alerts/rules" ManageAlerts, |it| it.creates::<AlertRuleInput>()
        .answer::<AlertRuleView<'_>>(201, "The rule.").errors(&[(409, "name_taken, too_many_alert_rules")]);

    /// Show an alert rule.
    GET_RULE: Get "/alerts/rules/{id}" ViewAlerts, |it| it.answer::<AlertRuleView<'_>>(200, "The rule.").errors(NOT_FOUND);

    /// Change an alert rule.
    ///
    /// With `silenced_until` nothing is sent of it until that time.
    UPDATE_RULE: Put "/alerts/rules/{id}" ManageAlerts, |it| it.updates::<AlertRuleInput>()
        .answer::<AlertRuleView<'_>>(200, "The rule as it is now.").errors(NOT_FOUND)
        .errors(&[(409, "name_taken"), (503, "record_busy")]);

    /// Delete an alert rule.
    ///
    /// Its alerts end within a minute.
    DELETE_RULE: Delete "/alerts/rules/{id}" ManageAlerts, |it| it.deleted("string").errors(NOT_FOUND);

    /// Show an alert.
    GET: Get "/alerts/{id}" ViewAlerts, |it| it.answer::<AlertView<'_>>(200, "The alert.").errors(&[(404, "alert_not_found")]);

    /// Acknowledge an alert.
    ///
    /// Notes when an administrator took note of it.
    ACKNOWLEDGE: Post "/alerts/{id}/acknowledge" ManageAlerts, |it| it.answer::<AlertView<'_>>(200, "The alert as it is now.")
        .errors(&[(404, "alert_not_found")]);
}

/// A page of alerts.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Alerts<'a> {
    /// The alerts.
    pub alerts: Vec<AlertView<'a>>,
    /// Give it as `cursor` for the next page; `null` on the last.
    pub next_cursor: Option<String>,
}
