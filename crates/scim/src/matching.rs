//! Whether a filter holds for a resource.
//!
//! Text is compared without regard to case unless the schema says otherwise, times as times. Of an attribute with several values
//! one that fits is enough. An attribute without a value is not equal to anything but `null`.

use std::cmp::Ordering;

use nexus_edge_core::error::ApiError;
use nexus_edge_core::time::parse_rfc3339;
use serde_json::Value;

use crate::filter::{Filter, Literal, Operator, Path};
use crate::problem::invalid_filter;
use crate::resource::{Place, is_empty, place};
use crate::schema::{Attribute, Kind, Object, ResourceType};

impl Filter {
    /// Whether the filter holds for a resource of this type.
    #[must_use]
    pub fn matches(&self, resource: &Object, kind: &ResourceType) -> bool {
        self.holds(&|path| {
            let Some(place) = place(kind, path) else { return Vec::new() };
            let holder = match place.extension {
                Some(urn) => resource.get(urn).and_then(Value::as_object),
                None => Some(resource),
            };
            holder.map_or_else(Vec::new, |holder| selected(holder, path, &place))
        })
    }

    /// Whether the filter holds for a value of an attribute with several: `type eq "work"` in `emails[type eq "work"]`.
    #[must_use]
    pub fn matches_value(&self, value: &Value, of: &'static Attribute) -> bool {
        self.holds(&|path| {
            let Some(part) = of.part(&path.attribute) else { return Vec::new() };
            let found = value.get(part.name).filter(|value| !is_empty(value));
            found.map(|value| (value, part)).into_iter().collect()
        })
    }

    fn holds<'a>(&self, values: &impl Fn(&Path) -> Vec<(&'a Value, &'static Attribute)>) -> bool {
        match self {
            Self::And(a, b) => a.holds(values) && b.holds(values),
            Self::Or(a, b) => a.holds(values) || b.holds(values),
            Self::Not(a) => !a.holds(values),
            Self::Present(path) => !values(path).is_empty(),
            Self::Compare(path, operator, literal) => {
                let found = values(path);
                if found.is_empty() {
                    return match operator {
                        Operator::Equal => *literal == Literal::Null,
                        Operator::NotEqual => *literal != Literal::Null,
                        _ => false,
                    };
                }
                found.into_iter().any(|(value, attribute)| compares(value, attribute, *operator, literal))
            }
        }
    }

    /// Checks that every attribute that the filter names is one of the type.
    ///
    /// # Errors
    /// `invalid_filter` (400).
    pub fn check(&self, kind: &ResourceType) -> Result<(), ApiError> {
        match self {
            Self::And(a, b) | Self::Or(a, b) => a.check(kind).and_then(|()| b.check(kind)),
            Self::Not(a) => a.check(kind),
            Self::Present(path) | Self::Compare(path, ..) => match place(kind, path) {
                Some(place) => {
                    path.filter.as_ref().map_or(Ok(()), |filter| filter.check_parts(place.attribute))
                }
                None => Err(unknown(path)),
            },
        }
    }

    /// Checks that every attribute that the filter names is a part of this one.
    ///
    /// # Errors
    /// `invalid_filter` (400).
    pub fn check_parts(&self, of: Option<&'static Attribute>) -> Result<(), ApiError> {
        match self {
            Self::And(a, b) | Self::Or(a, b) => a.check_parts(of).and_then(|()| b.check_parts(of)),
            Self::Not(a) => a.check_parts(of),
            Self::Present(path) | Self::Compare(path, ..) => {
                let is_part = of.is_some_and(|of| of.part(&path.attribute).is_some());
                let is_plain = path.schema.is_none() && path.filter.is_none() && path.part.is_none();
                if is_part && is_plain { Ok(()) } else { Err(unknown(path)) }
            }
        }
    }
}

fn unknown(path: &Path) -> ApiError {
    let shown: String = path.to_string().chars().take(100).collect();
    invalid_filter(format!("There is no attribute `{shown}`."))
}

/// The values that a path selects, each with its attribute. A complex value stands for its part `value`.
fn selected<'a>(holder: &'a Object, path: &Path, place: &Place) -> Vec<(&'a Value, &'static Attribute)> {
    let Some(attribute) = place.attribute else { return Vec::new() };
    let Some(found) = holder.get(attribute.name).filter(|value| !is_empty(value)) else { return Vec::new() };
    let values: Vec<&Value> = match found {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let fits =
        |value: &&Value| path.filter.as_ref().is_none_or(|filter| filter.matches_value(value, attribute));
    let part = place.part.or_else(|| attribute.part("value").filter(|_| attribute.is_list));
    let values = values.into_iter().filter(fits);
    match part {
        Some(part) => values
            .filter_map(|value| value.get(part.name))
            .filter(|value| !is_empty(value))
            .map(|value| (value, part))
            .collect(),
        None => values.map(|value| (value, attribute)).collect(),
    }
}

fn compares(value: &Value, attribute: &Attribute, operator: Operator, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::Bool(value), Literal::Boolean(wanted)) => equality(operator, value == wanted),
        // Entra ID writes truth as text: `active eq "True"`.
        (Value::Bool(value), Literal::Text(wanted)) => {
            equality(operator, wanted.eq_ignore_ascii_case(if *value { "true" } else { "false" }))
        }
        (Value::Number(value), Literal::Number(wanted)) => {
            value.as_f64().is_some_and(|value| ordered(operator, value.partial_cmp(wanted)))
        }
        (Value::String(value), Literal::Text(wanted)) => text_compares(value, attribute, operator, wanted),
        _ => operator == Operator::NotEqual,
    }
}

fn equality(operator: Operator, is_equal: bool) -> bool {
    match operator {
        Operator::Equal => is_equal,
        Operator::NotEqual => !is_equal,
        _ => false,
    }
}

fn text_compares(value: &str, attribute: &Attribute, operator: Operator, wanted: &str) -> bool {
    let text_operators = [Operator::Contains, Operator::StartsWith, Operator::EndsWith];
    if attribute.kind == Kind::Time && !text_operators.contains(&operator) {
        return match (parse_rfc3339(value), parse_rfc3339(wanted)) {
            (Some(value), Some(wanted)) => ordered(operator, Some(value.cmp(&wanted))),
            _ => operator == Operator::NotEqual,
        };
    }
    let fold = |text: &str| if attribute.is_case_exact { text.to_owned() } else { text.to_lowercase() };
    let (value, wanted) = (fold(value), fold(wanted));
    match operator {
        Operator::Contains => value.contains(&wanted),
        Operator::StartsWith => value.starts_with(&wanted),
        Operator::EndsWith => value.ends_with(&wanted),
        _ => ordered(operator, Some(value.cmp(&wanted))),
    }
}

fn ordered(operator: Operator, order: Option<Ordering>) -> bool {
    let Some(order) = order else { return false };
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Contains | Operator::StartsWith | Operator::EndsWith => false,
    }
}
