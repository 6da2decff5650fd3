//! The link to the gateway: the tunnel of `nexus-edge-tunnel`, with a real clock, a real socket, and the calls of
//! [`crate::agent::Agent`].
//!
//! It connects to the gateway, never the other way round, and connects again after every end that is not final. What was
//! given to this agent is executed at most once, over all connections: the machine of `nexus-edge-tunnel` sees to that. The
//! token is sent in one header of one request and is part of no log line and no error.

mod address;
mod asking;
mod calls;
mod dial;
pub mod gateway;
mod offers;
mod session;
mod state;
mod ticket;

use std::time::Duration;

use nexus_edge_tunnel::agent::reconnect::{Next, Reconnect, Stop};
use nexus_edge_tunnel::agent::{Agent as Machine, Identity};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::WebSocketStream;

use self::address::Address;
use self::session::Session;
pub use self::state::LinkState;
use self::state::{Ended, whole_ms};
use crate::agent::{Agent, new_instance};
use crate::config::schema::Gateway;
use crate::http::connect::Wire;
use crate::log::Log;

/// How long one try to connect may take.
const CONNECT: Duration = Duration::from_secs(20);

/// A link that is to be run.
pub struct Link {
    address: Address,
    token: String,
    reconnect: Reconnect,
    show: watch::Sender<LinkState>,
    log: Log,
    session: Session,
}

impl Link {
    /// The link of an agent. `token` is the gateway's with its references replaced. With `takeover` another instance of the agent
    /// loses the gateway to this one.
    ///
    /// # Errors
    /// The address cannot be used, for people.
    pub fn new(
        agent: Agent,
        gateway: &Gateway,
        token: String,
        takeover: bool,
        show: watch::Sender<LinkState>,
        log: Log,
    ) -> Result<Self, String> {
        let address = Address::parse(&gateway.url)?;
        let identity = Identity {
            agent_id: agent.config().agent.id,
            instance: new_instance(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            os: std::env::consts::OS.to_owned(),
        };
        let reconnect = Reconnect::new(whole_ms(gateway.reconnect_initial), whole_ms(gateway.reconnect_max));
        let session = Session::new(agent, Machine::new(identity, takeover), show.clone(), log);
        Ok(Self { address, token, reconnect, show, log, session })
    }

    /// Connects, and connects again, until an end that is final or `stopped` is true. Then `None`.
    pub async fn run(mut self, mut stopped: watch::Receiver<bool>) -> Option<(Stop, String)> {
        loop {
            self.show.send_replace(LinkState::Connecting);
            let dialled = {
                let Self { address, token, session, .. } = &mut self;
                let dialling = timeout(CONNECT, connect(address, token));
                tokio::select! {
                    dialled = session.rest(dialling) => dialled,
                    _ = stopped.wait_for(|stop| *stop) => return None,
                }
            };
            let began = tokio::time::Instant::now();
            let ended = match dialled {
                Ok(Ok(socket)) => match self.session.serve(socket, &mut stopped).await {
                    Some(ended) => ended,
                    None => return None,
                },
                Ok(Err(ended)) => ended,
                Err(_) => Ended::unreachable("no connection in 20 s"),
            };
            let lasted_ms = whole_ms(began.elapsed());
            let random = getrandom::u64().unwrap_or(u64::MAX / 2);
            let wait = match self.reconnect.after(ended.failure, lasted_ms, ended.retry_after_ms, random) {
                Next::Stop(stop) => return Some((stop, ended.said)),
                Next::In(ms) => ms,
            };
            let fields = [("why", ended.said.as_str()), ("retry_ms", &wait.to_string())];
            self.log.warn("no connection to the gateway", &fields);
            self.show.send_replace(LinkState::Waiting(ended.said));
            tokio::select! {
                () = self.session.rest(sleep(Duration::from_millis(wait))) => {}
                _ = stopped.wait_for(|stop| *stop) => return None,
            }
        }
    }
}

async fn connect(address: &Address, token: &str) -> Result<WebSocketStream<Wire>, Ended> {
    let ticket = ticket::get(address, token).await?;
    dial::open(address, &ticket).await
}
