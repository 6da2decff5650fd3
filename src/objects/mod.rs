//! Durable Objects: state that exists once, globally.

pub mod account;
pub mod agent_hub;
pub mod chat_room;
pub mod circuits;
pub mod copy;
pub mod held_call;
pub mod ledger;
pub mod live;
pub mod login;
pub mod nonces;
pub mod quota;
