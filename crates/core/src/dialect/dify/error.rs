//! Errors (<https://docs.dify.ai/en/api-reference/guides/errors>): `{"code","message","status"}`, as a body or as an event.

use super::wire::{Data, Reply};
use crate::dialect::canonical::{ErrorInfo, ErrorKind};
use crate::dialect::upstream::{told, unreadable_error};
use crate::json::lenient::{self, Spare};

/// Decodes the body of an error response.
pub fn decode(status: u16, body: &[u8]) -> ErrorInfo {
    lenient::read::<Reply>(body, &Spare::default())
        .ok()
        .and_then(|reply| of_reply(Some(status), reply))
        .unwrap_or_else(|| ErrorInfo::of_status(status, unreadable_error(status, body)))
}

/// The error in a reply, if it is one. An event contains its status itself.
pub fn of_reply(status: Option<u16>, reply: Reply) -> Option<ErrorInfo> {
    let code = reply.code.filter(|code| !code.is_empty());
    let message = reply.message.filter(|message| !message.is_empty());
    if code.is_none() && message.is_none() {
        return None;
    }
    let stated = || reply.status.as_ref().and_then(serde_json::Value::as_u64);
    let status = status
        .or_else(|| stated().and_then(|status| u16::try_from(status).ok()))
        .filter(|status| *status >= 400)
        .unwrap_or(502);
    let kind = code.as_deref().and_then(kind_of).unwrap_or_else(|| ErrorKind::of_status(status));
    let message = message.unwrap_or_else(|| code.clone().unwrap_or_default());
    Some(ErrorInfo { status, kind, message, code, param: None, fault: None })
}

/// The error in an answer with a success status: Dify's own, or that of a service in front of it in a form of its own.
pub fn in_answer(reply: Reply, body: &[u8]) -> Option<ErrorInfo> {
    let is_own = reply.status.is_some() || reply.code.as_deref().is_some_and(|code| kind_of(code).is_some());
    let own = of_reply(None, reply);
    if is_own && own.is_some() {
        return own;
    }
    told::error_in(body).or(own)
}

/// The failure of a workflow, by the status in the data of its end: one that failed, or that was stopped from outside.
pub fn of_workflow(data: &Data) -> Option<ErrorInfo> {
    let status = data.status.as_deref().filter(|status| matches!(*status, "failed" | "stopped"))?;
    let message = data.error.clone().filter(|error| !error.is_empty());
    let message = message.unwrap_or_else(|| {
        format!("The workflow {}.", if status == "failed" { "failed" } else { "was stopped" })
    });
    Some(ErrorInfo::in_stream(
        if status == "failed" { "workflow_failed" } else { "workflow_stopped" },
        message,
    ))
}

fn kind_of(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "unauthorized" => ErrorKind::Authentication,
        "forbidden" => ErrorKind::Permission,
        "not_found" => ErrorKind::NotFound,
        "file_too_large" => ErrorKind::RequestTooLarge,
        "too_many_requests" => ErrorKind::RateLimit,
        // A quota of the plan, despite its name, or of the model's provider.
        "rate_limit_error" | "provider_quota_exceeded" => ErrorKind::InsufficientQuota,
        "internal_server_error" | "completion_request_error" => ErrorKind::Server,
        _ => return None,
    })
}
