//! What a call of a tool leaves behind: a line of the log and a record, however it ends. A call that is dropped was left by its caller.

use nexus_edge_core::access::Principal;
use nexus_edge_stats::call_end::CallEnd;
use nexus_edge_stats::tool_calls::ToolCall;

use crate::host::Host;
use crate::platform::{log_info, new_ulid, now_ms};
use crate::store::tool_calls;

/// Longest name of a server or a tool in a record, in characters.
const MAX_NAME: usize = 200;

/// Who calls.
pub struct Origin<'a> {
    /// What calls: `mcp`, `chat` or `bridge`.
    pub caller: &'static str,
    /// With which key.
    pub principal: &'a Principal,
    /// The `x-request-id` of the answer.
    pub request_id: &'a str,
    /// The conversation, in a chat.
    pub conversation_id: Option<String>,
}

/// A call whose end is not known.
pub struct Calling {
    host: Host,
    call: ToolCall,
}

impl Calling {
    /// A call that begins, with so many bytes of arguments.
    pub fn begin(host: &Host, origin: Origin<'_>, server: &str, tool: &str, bytes_in: usize) -> Self {
        let now = now_ms();
        let short = |name: &str| name.chars().take(MAX_NAME).collect();
        let call = ToolCall {
            id: new_ulid(now),
            ts: now,
            key_id: origin.principal.key_id.clone(),
            owner: origin.principal.owner.clone(),
            caller: origin.caller.to_owned(),
            server: short(server),
            tool: short(tool),
            request_id: origin.request_id.to_owned(),
            conversation_id: origin.conversation_id,
            bytes_in: bytes_in as u64,
            ..ToolCall::default()
        };
        Self { host: host.clone(), call }
    }

    /// The call has ended.
    pub fn end(mut self, end: CallEnd) {
        end.write_to(&mut self.call);
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        let mut call = std::mem::take(&mut self.call);
        call.duration_ms = now_ms().saturating_sub(call.ts);
        let ToolCall { key_id, server, tool, duration_ms, caller, .. } = &call;
        let status = call.status.name();
        log_info(
            "tool call",
            &format_args!("key {key_id}: {server}/{tool} {status}, {duration_ms} ms, {caller}"),
        );
        let env = self.host.env.clone();
        self.host.tasks.wait_until(async move { tool_calls::record(&env, call).await });
    }
}
