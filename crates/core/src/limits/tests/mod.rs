//! What mutation testing found unnoticed by the tests of the files and by the simulation: the bounds of time in which an
//! isolate decides without asking, and what it tells the authority.

mod authority;
mod lease;
