//! Tools, prompts and resources of servers of the Model Context Protocol: what a key may see of them, and requests for them.
//!
//! [`Server`] is the one place that says who answers a tool: a server that the gateway asks over HTTP, or one of an agent of the
//! caller's. Callers of this module know nothing of transports. A [`Reach`] says who asks, a [`Selection`] which servers, or which tools of them, are meant;
//! [`tools`] lists what they offer under the names of `/mcp`, [`resolve`] finds the server behind such a name, [`Server::tool`] says
//! whether a tool may be called, and [`Server::call`] calls it. Those who write a server, a set or an agent say so with [`changed`]. Grants and pins are checked in the first and in the third. A [`Calling`]
//! is what a call leaves behind. A [`Person`] is asked what servers and agents ask in the middle of a call.
//! [`listed`] lists prompts, resources and templates, [`holder`] finds the server behind the address of a resource,
//! [`Server::may_use`] says whether one may be asked for, and [`Server::ask`] asks. Grants are checked in all but the last.

mod agent_call;
mod agents;
mod call;
mod catalogue;
mod configured;
mod event_stream;
mod link;
mod listing;
mod names;
mod others;
mod person;
mod reach;
mod record;
mod remote;
mod server;
mod toolsets;

pub use agents::{
    AgentServer, forget as forget_agent, offline as agent_offline, replace as replace_of_agent,
};
pub use call::{Call, Notes};
pub use catalogue::{ask_anew, forget, kept, replace};
pub use configured::changed;
pub use listing::{Holder, holder, listed, prompt};
pub use names::{resolve, tools};
pub use person::Person;
pub use reach::{Reach, Selection, Sought, agent, check_invoke, server_not_found, servers};
pub use record::{Calling, Origin};
pub use server::{Refusal, Server};
pub use toolsets::{toolset, toolset_not_found};
