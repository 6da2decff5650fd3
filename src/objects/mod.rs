//! Durable Objects: state that exists once in the world.

pub mod account;
pub mod chat_room;
pub mod circuits;
pub mod quota;
