//! Durable Objects: state that exists once in the world.

pub mod circuits;
pub mod quota;
