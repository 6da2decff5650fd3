//! How other processes of the same user speak with a running agent: over a socket in `~/.ai-bridge/run`.

pub mod ask;
pub mod protocol;
pub mod serve;
