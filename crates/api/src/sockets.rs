//! The way to the WebSocket chat.

use nexus_edge_core::input;
use nexus_edge_core::input::text;
use serde::Serialize;

use crate::declare::operations;

operations! {
    "WebSocket chat";

    /// Open a chat connection.
    ///
    /// A WebSocket; its frames are described in `docs/websocket.md`. The key goes into a header, a subprotocol, or a ticket.
    CHAT: Get "/ws/chat" Caller, |it| it.text("session_id", "The session; without it a new one is made.")
        .text("v", "The version of the protocol: `1` or `2`.").text("ticket", "A ticket instead of a key.")
        .number("last_seq", 0..=1 << 53, "The last frame that the client has seen; what came after it is sent again.")
        .empty(101, "The connection is open.")
        .errors(&[
            (400, "key_in_address, unsupported_subprotocol"),
            (401, "invalid_ticket, ticket_expired, ticket_used"),
            (404, "session_not_found"),
            (426, "upgrade_required"),
            (503, "session_unavailable"),
        ]);

    /// Get a ticket for a chat connection.
    ///
    /// For clients that cannot send headers. It is good for a minute, and once.
    TICKET: Post "/ws/ticket" Caller, |it| it.optional_body::<TicketInput>().answer::<TicketView<'_>>(201, "The ticket.")
        .errors(&[(404, "session_not_found")]);
}

input! {
    /// What a ticket is for.
    pub struct TicketInput {
        /// The session; without it a new one is made when the ticket is used.
        pub session_id: String = text(0..=1000),
    }
}

/// A ticket.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "Ticket"))]
pub struct TicketView<'a> {
    /// The ticket.
    pub ticket: String,
    /// The session.
    pub session_id: &'a str,
    /// Seconds for which it is good.
    pub expires_in: u64,
}
