//! The link to the gateway.
//!
//! It is built on [`crate::agent::Agent`], which is its whole view of this machine: `servers` and `changes` for what is
//! announced (each server's state, era, and catalogue with its hash), `call` for a call (raw parameters in, raw result out,
//! with a deadline, a channel for progress and one for questions), and `cancel` by the id of a call.
