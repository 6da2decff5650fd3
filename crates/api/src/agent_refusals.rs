//! Why the hub of an agent refuses a request, as an error for the caller.
//!
//! A hub answers the code in a header. It knows no sentence: the Worker makes the error.

use nexus_edge_core::error::{ApiError, ErrorKind};

/// The status of a refusal.
#[must_use]
pub fn status_of(code: &str) -> u16 {
    match code {
        "tool_not_found" | "agent_offline" | "call_not_found" => 404,
        "req_id_reused" | "call_canceled" => 409,
        "arguments_too_large" => 413,
        "agent_busy" => 429,
        "tool_timeout" | "agent_unresponsive" => 504,
        _ => 502,
    }
}

/// The error of a refusal. A call that may have been executed must not be repeated by a program on its own.
#[must_use]
pub fn refused(code: &str, executed: Option<&str>) -> ApiError {
    let executed = match executed {
        None => "",
        Some("no") => " The call was not executed.",
        Some("yes") => " The call was executed.",
        Some(_) => " The call may have been executed.",
    };
    let upstream = |code, message: &str| ApiError::bad_gateway(code, format!("{message}{executed}"));
    let late =
        |code, message: &str| ApiError::new(504, ErrorKind::Server, code, format!("{message}{executed}"));
    match code {
        "agent_offline" => {
            ApiError::not_found("agent_offline", format!("The agent is not connected.{executed}"))
        }
        "tool_not_found" => ApiError::not_found("tool_not_found", "The agent has no tool of this name.")
            .with_param("tool_name"),
        "call_not_found" => ApiError::not_found("call_not_found", "There is no call with this id."),
        "approval_not_found" => {
            ApiError::not_found("approval_not_found", "No call of a connected agent waits for this answer.")
        }
        "req_id_reused" => ApiError::conflict(
            "req_id_reused",
            "req_id",
            "The id was used for another call in the last 24 hours.",
        ),
        "call_canceled" => ApiError::new(
            409,
            ErrorKind::InvalidRequest,
            "call_canceled",
            format!("The call was cancelled.{executed}"),
        ),
        "arguments_too_large" => {
            let message = "The arguments are longer than 4 MiB.";
            ApiError::new(413, ErrorKind::InvalidRequest, "arguments_too_large", message)
                .with_param("arguments")
        }
        "agent_busy" => {
            let message = format!("The agent has too many calls at once.{executed}");
            ApiError::new(429, ErrorKind::RateLimit, "agent_busy", message).with_retry_after(1)
        }
        "tool_timeout" => late("tool_timeout", "The tool did not answer by the deadline."),
        "agent_unresponsive" => late("agent_unresponsive", "The agent did not acknowledge the call."),
        "agent_lost" => upstream("agent_lost", "The connection to the agent was lost."),
        "tool_result_invalid" => upstream("tool_result_invalid", "The result did not arrive whole."),
        "tool_result_too_large" => upstream("tool_result_too_large", "The result is longer than 16 MiB."),
        "call_rejected" => upstream("call_rejected", "The agent did not take the call."),
        "ticket_used" => ApiError::unauthorized("ticket_used", "The ticket has been used already."),
        "agent_token_revoked" => ApiError::unauthorized(
            "agent_token_revoked",
            "The token that the ticket was made with was revoked.",
        ),
        "too_many_connections" => {
            let message = "The agent has too many connections.";
            ApiError::new(429, ErrorKind::RateLimit, "too_many_connections", message).with_retry_after(5)
        }
        _ => ApiError::internal(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES: [&str; 13] = [
        "agent_offline",
        "tool_not_found",
        "call_not_found",
        "req_id_reused",
        "call_canceled",
        "arguments_too_large",
        "agent_busy",
        "tool_timeout",
        "agent_unresponsive",
        "agent_lost",
        "tool_result_invalid",
        "tool_result_too_large",
        "call_rejected",
    ];

    #[test]
    fn a_code_has_one_status_at_the_hub_and_in_the_error() {
        for code in CODES {
            let error = refused(code, None);
            assert_eq!((error.code, error.status), (code, status_of(code)), "{code}");
        }
    }

    #[test]
    fn the_error_says_whether_a_call_was_executed() {
        assert!(
            refused("tool_timeout", Some("unknown")).message.ends_with(" The call may have been executed.")
        );
        assert!(refused("agent_lost", Some("no")).message.ends_with(" The call was not executed."));
        assert_eq!(refused("agent_busy", None).retry_after_s, Some(1));
    }

    #[test]
    fn a_code_that_is_not_known_is_an_internal_error() {
        assert_eq!(refused("other", None).status, 500);
    }
}
