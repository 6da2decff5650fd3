//! One round: what the measured values change, what is written of it, and who is to be told of what.
//!
//! Only changes are written. A rule that could not be measured stays as it is, so that a failure of the gateway's own does
//! not end an alert. While a rule is silenced its alerts fire untold, and are told when the silence ends; the end of what
//! was told is told in any case, so that nothing stays open at the other side.

use std::collections::{BTreeMap, HashMap};

use nexus_edge_core::catalog::AlertRuleRecord;
use nexus_edge_core::catalog::alert_rule::{MILLIONTHS, of_millionths};

use crate::alert::{Alert, RuleSaid};
use crate::measured::Value;
use crate::state::{Condition, Step};

/// What a round changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Alerts that began.
    pub added: Vec<Alert>,
    /// Alerts whose row changes.
    pub changed: Vec<Alert>,
    /// Ids of alerts that were pending and are forgotten.
    pub dropped: Vec<String>,
    /// Alerts of which is told that they fire.
    pub firing: Vec<Alert>,
    /// Alerts of which is told that they ended.
    pub resolved: Vec<Alert>,
}

impl Round {
    /// Evaluates all rules. `current` are the alerts that have not ended, `measured` the values by the id of the rule: a rule that
    /// is not there could not be measured. Alerts of rules that are gone or disabled end.
    pub fn of(
        rules: &[AlertRuleRecord],
        current: Vec<Alert>,
        measured: &HashMap<String, Vec<Value>>,
        now_ms: u64,
        mut new_id: impl FnMut() -> String,
    ) -> Self {
        let mut round = Self::default();
        let mut by_rule: BTreeMap<String, BTreeMap<String, Alert>> = BTreeMap::new();
        for alert in current {
            by_rule.entry(alert.rule_id.clone()).or_default().insert(alert.instance.clone(), alert);
        }
        for rule in rules.iter().filter(|rule| rule.enabled) {
            let mut alerts = by_rule.remove(&rule.id).unwrap_or_default();
            let Some(values) = measured.get(&rule.id) else { continue };
            for (instance, value) in values {
                let alert = alerts.remove(instance);
                round.step(rule, instance, alert, Some(*value), now_ms, &mut new_id);
            }
            for (instance, alert) in alerts {
                round.step(rule, &instance, Some(alert), None, now_ms, &mut new_id);
            }
        }
        for alert in by_rule.into_values().flat_map(BTreeMap::into_values) {
            round.end(alert, None, now_ms);
        }
        round
    }

    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn step(
        &mut self,
        rule: &AlertRuleRecord,
        instance: &str,
        alert: Option<Alert>,
        value: Option<f64>,
        now_ms: u64,
        new_id: &mut impl FnMut() -> String,
    ) {
        let condition = condition_of(rule);
        let is_silenced = rule.silenced_until.is_some_and(|until_ms| now_ms < until_ms);
        let said = value.map_or(0, millionths);
        let step = condition.step(alert.as_ref().and_then(Alert::state), value, now_ms);
        match (step, alert) {
            (Step::Begin, _) => self.added.push(begun(rule, instance, said, now_ms, new_id())),
            (Step::Fire, old) => {
                let is_new = old.is_none();
                let mut alert = old.unwrap_or_else(|| begun(rule, instance, said, now_ms, new_id()));
                (alert.fired_at, alert.value, alert.rule) = (Some(now_ms), said, RuleSaid::of(rule));
                if !is_silenced {
                    alert.told_at = Some(now_ms);
                    self.firing.push(alert.clone());
                }
                if is_new { self.added.push(alert) } else { self.changed.push(alert) }
            }
            (Step::Stay, Some(mut alert)) => {
                if alert.fired_at.is_some() && alert.told_at.is_none() && !is_silenced {
                    alert.told_at = Some(now_ms);
                    self.firing.push(alert.clone());
                    self.changed.push(alert);
                }
            }
            (Step::Forget | Step::End, Some(alert)) => self.end(alert, value, now_ms),
            (Step::Stay | Step::Forget | Step::End, None) => {}
        }
    }

    fn end(&mut self, mut alert: Alert, value: Option<f64>, now_ms: u64) {
        if alert.fired_at.is_none() {
            return self.dropped.push(alert.id);
        }
        alert.ended_at = Some(now_ms);
        alert.value = value.map_or(alert.value, millionths);
        if alert.told_at.is_some() {
            self.resolved.push(alert.clone());
        }
        self.changed.push(alert);
    }
}

fn condition_of(rule: &AlertRuleRecord) -> Condition {
    Condition {
        comparison: rule.comparison,
        threshold: of_millionths(rule.threshold),
        clear_threshold: of_millionths(rule.clear_threshold.unwrap_or(rule.threshold)),
        for_ms: u64::from(rule.for_minutes) * 60_000,
    }
}

fn begun(rule: &AlertRuleRecord, instance: &str, value: u64, now_ms: u64, id: String) -> Alert {
    Alert {
        id,
        rule_id: rule.id.clone(),
        instance: instance.to_owned(),
        rule: RuleSaid::of(rule),
        value,
        began_at: now_ms,
        fired_at: None,
        told_at: None,
        acknowledged_at: None,
        ended_at: None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a cast from a float saturates; a negative balance is shown as 0"
)]
fn millionths(value: f64) -> u64 {
    ((value * MILLIONTHS as f64).round() as u64).min(1 << 53)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: u64 = 60_000;

    fn rule(for_minutes: u32) -> AlertRuleRecord {
        let threshold = MILLIONTHS / 2;
        AlertRuleRecord { threshold, for_minutes, ..AlertRuleRecord::new("R".into(), 1) }
    }

    /// A deployment with a virtual clock: what was written, minute by minute.
    #[derive(Default)]
    struct Kept {
        now_ms: u64,
        ids: u32,
        current: Vec<Alert>,
        ended: Vec<Alert>,
        writes: usize,
    }

    impl Kept {
        /// A minute passes. Told: firing and resolved instances.
        fn minute(
            &mut self,
            rules: &[AlertRuleRecord],
            values: Option<&[(&str, f64)]>,
        ) -> (Vec<String>, Vec<String>) {
            self.now_ms += MINUTE;
            let values = values
                .map(|values| values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect());
            let measured: HashMap<String, Vec<Value>> =
                values.map(|values| ("R".to_owned(), values)).into_iter().collect();
            let ids = &mut self.ids;
            let new_id = || {
                *ids += 1;
                format!("{ids}")
            };
            let round = Round::of(rules, self.current.clone(), &measured, self.now_ms, new_id);
            self.writes += round.added.len() + round.changed.len() + round.dropped.len();
            self.current.retain(|alert| !round.dropped.contains(&alert.id));
            for changed in round.changed {
                self.current.retain(|alert| alert.id != changed.id);
                if changed.ended_at.is_some() { self.ended.push(changed) } else { self.current.push(changed) }
            }
            self.current.extend(round.added);
            let names = |alerts: Vec<Alert>| alerts.into_iter().map(|alert| alert.instance).collect();
            (names(round.firing), names(round.resolved))
        }
    }

    fn told(firing: &[&str], resolved: &[&str]) -> (Vec<String>, Vec<String>) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        (owned(firing), owned(resolved))
    }

    #[test]
    fn an_alert_fires_and_ends_once_and_only_changes_are_written() {
        let (rules, mut kept) = ([rule(2)], Kept::default());
        for (value, expected) in [
            (0.1, told(&[], &[])),
            (0.9, told(&[], &[])),
            (0.9, told(&[], &[])),
            (0.9, told(&[""], &[])),
            (0.9, told(&[], &[])),
            (0.9, told(&[], &[])),
            (0.1, told(&[], &[""])),
            (0.1, told(&[], &[])),
        ] {
            assert_eq!(kept.minute(&rules, Some(&[("", value)])), expected);
        }
        assert_eq!(kept.writes, 3, "begun, fired, ended");
        let alert = &kept.ended[0];
        assert_eq!(
            (alert.began_at, alert.fired_at, alert.ended_at),
            (2 * MINUTE, Some(4 * MINUTE), Some(7 * MINUTE))
        );
        assert_eq!(alert.value, 100_000);
    }

    #[test]
    fn instances_are_apart_and_one_that_is_no_longer_measured_ends() {
        let (rules, mut kept) = ([rule(0)], Kept::default());
        assert_eq!(kept.minute(&rules, Some(&[("a", 0.9), ("b", 0.9)])), told(&["a", "b"], &[]));
        assert_eq!(kept.minute(&rules, Some(&[("a", 0.9)])), told(&[], &["b"]));
        assert_eq!(kept.minute(&rules, Some(&[("a", 0.9), ("b", 0.9)])), told(&["b"], &[]));
    }

    #[test]
    fn what_cannot_be_measured_stays_as_it_is() {
        let (rules, mut kept) = ([rule(0)], Kept::default());
        kept.minute(&rules, Some(&[("", 0.9)]));
        assert_eq!(kept.minute(&rules, None), told(&[], &[]));
        assert_eq!(kept.current.len(), 1);
    }

    #[test]
    fn a_rule_that_is_gone_or_disabled_ends_its_alerts() {
        let (rules, mut kept) = ([rule(0)], Kept::default());
        kept.minute(&rules, Some(&[("", 0.9)]));
        assert_eq!(kept.minute(&[], None), told(&[], &[""]));
        kept.minute(&rules, Some(&[("", 0.9)]));
        let disabled = AlertRuleRecord { enabled: false, ..rule(0) };
        assert_eq!(kept.minute(&[disabled], Some(&[("", 0.9)])), told(&[], &[""]));
    }

    #[test]
    fn a_silence_delays_what_is_told() {
        let silenced = AlertRuleRecord { silenced_until: Some(3 * MINUTE), ..rule(0) };
        let (rules, mut kept) = ([silenced], Kept::default());
        assert_eq!(kept.minute(&rules, Some(&[("a", 0.9), ("b", 0.9)])), told(&[], &[]));
        assert_eq!(kept.minute(&rules, Some(&[("a", 0.9), ("b", 0.1)])), told(&[], &[]));
        assert_eq!(kept.minute(&rules, Some(&[("a", 0.9)])), told(&["a"], &[]));
        assert_eq!(kept.minute(&rules, Some(&[("a", 0.1)])), told(&[], &["a"]));
    }

    proptest! {
        /// Whatever is measured, and whenever the gateway fails to measure: what is told of an instance alternates between
        /// firing and ended.
        #[test]
        fn what_is_told_alternates(minutes in prop::collection::vec(prop::option::of((0_u8..3, 0_u8..3)), 1..80), for_minutes in 0_u32..4, silenced in 0_u64..20) {
            let silenced = AlertRuleRecord { silenced_until: Some(silenced * MINUTE), ..rule(for_minutes) };
            let (rules, mut kept) = ([silenced], Kept::default());
            let mut open: BTreeMap<String, bool> = BTreeMap::new();
            for minute in minutes {
                let values = minute.map(|(a, b)| [("a", f64::from(a) / 2.5), ("b", f64::from(b) / 2.5)]);
                let (firing, resolved) = kept.minute(&rules, values.as_ref().map(|values| &values[..]));
                for name in firing {
                    prop_assert!(!open.insert(name, true).unwrap_or_default());
                }
                for name in resolved {
                    prop_assert!(open.insert(name, false).unwrap_or_default());
                }
                let current: Vec<_> = kept.current.iter().map(|alert| alert.instance.clone()).collect();
                prop_assert!(current.iter().collect::<std::collections::BTreeSet<_>>().len() == current.len());
            }
        }
    }
}
