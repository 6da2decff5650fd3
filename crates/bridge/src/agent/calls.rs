//! A call on its way to its server: the server must be ready, the tool must be the one that was accepted, and the policy must
//! allow it, or a person.

use std::time::Duration;

use nexus_edge_mcp::catalogue::Item;
use nexus_edge_mcp::json::Members;
use nexus_edge_mcp::method::Method;
use nexus_edge_mcp::trust::Decision;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{Agent, gate};
use crate::config::schema::{Confirm, Server};
use crate::server::ServerHandle;
use crate::server::call::{Answer, Approval, Ask, Call, CallError, CallFault, CallResult};

/// How long a call waits for its approval.
const APPROVAL: Duration = Duration::from_mins(2);

impl Agent {
    /// Calls a server. A call whose future is dropped is cancelled.
    pub async fn call(&self, mut call: Call) -> CallResult {
        let Ok(_permit) = self.inner.calls.try_acquire() else {
            return Err(CallError::new(
                CallFault::Busy,
                "the agent has as many calls in flight as it may have",
            ));
        };
        let Some(handle) = self.server(&call.server) else {
            let said = format!("there is no server `{}`", call.server);
            return Err(CallError::new(CallFault::NotFound, said));
        };
        if Method::parse(&call.method) == Some(Method::CallTool) {
            let ends_at = Instant::now() + call.deadline;
            self.admit(&handle, &call, ends_at).await?;
            call.deadline = ends_at.saturating_duration_since(Instant::now());
        }
        let (id, server, method) = (call.id.clone(), call.server.clone(), call.method.clone());
        let began = Instant::now();
        let result = handle.call(call).await;
        let took = began.elapsed().as_millis().to_string();
        let (outcome, bytes) = match &result {
            Ok(result) => ("ok", result.get().len().to_string()),
            Err(error) => (error.kind.as_str(), "0".to_owned()),
        };
        let fields = [
            ("call", id.as_str()),
            ("server", &server),
            ("method", &method),
            ("ms", &took),
            ("bytes", &bytes),
            ("outcome", outcome),
        ];
        self.inner.log.debug("a call ended", &fields);
        result
    }

    /// Whether a tool may be called now.
    async fn admit(&self, handle: &ServerHandle, call: &Call, ends_at: Instant) -> Result<(), CallError> {
        let params = Members::of(call.params.as_deref())
            .map_err(|fault| CallError::new(CallFault::Invalid, format!("`params` {fault}")))?;
        let name = params.text("name").unwrap_or_default();
        handle.ready(ends_at.saturating_duration_since(Instant::now())).await?;
        let known = handle.view().borrow().known.clone();
        let Some(tool) = known.as_ref().and_then(|known| known.catalogue.tool(&name)) else {
            let said = format!("the server `{}` has no tool `{name}`", call.server);
            return Err(CallError::new(CallFault::NotFound, said));
        };
        let config = self.config();
        let Some(server) = config.servers.iter().find(|server| server.name == call.server) else {
            return Err(CallError::new(CallFault::NotFound, "the server is not configured any more"));
        };
        self.is_accepted(server, tool)?;
        match gate::policy(server, &config.policy, call.origin).decide(tool) {
            Decision::Allow => Ok(()),
            Decision::Deny => {
                let said = format!("the configuration of this machine forbids the tool `{name}`");
                Err(CallError::new(CallFault::NotAllowed, said))
            }
            Decision::Ask if self.is_remembered(server, tool) => Ok(()),
            Decision::Ask => {
                let approval = Approval {
                    id: call.id.clone(),
                    server: call.server.clone(),
                    tool: name,
                    arguments: params.get("arguments").map(ToOwned::to_owned),
                    why: "the configuration of this machine asks before this tool runs".to_owned(),
                };
                let asks = call.asks.as_ref();
                let answer = self.approved(approval, config.policy.confirm, asks, ends_at).await;
                self.remember(server, tool, answer)
            }
        }
    }

    fn is_accepted(&self, server: &Server, tool: &Item) -> Result<(), CallError> {
        let gate = self.inner.shelf.look(|book| book.gate(&server.name, tool));
        let gate = gate.map_err(|damaged| CallError::new(CallFault::Changed, damaged.0))?;
        if gate.is_open(server.pins) {
            return Ok(());
        }
        let said = format!(
            "the tool `{}` is not the one that was accepted: see `nexus-bridge tools pins`, then \
             `nexus-bridge tools accept {} {}`",
            tool.name, server.name, tool.name
        );
        Err(CallError::new(CallFault::Changed, said))
    }

    fn is_remembered(&self, server: &Server, tool: &Item) -> bool {
        self.inner.desk.is_allowed(&server.name, tool)
            || self.inner.shelf.look(|book| book.is_allowed_always(&server.name, tool)).unwrap_or(false)
    }

    fn remember(&self, server: &Server, tool: &Item, answer: Option<Answer>) -> Result<(), CallError> {
        match answer {
            Some(Answer::Once) => {}
            Some(Answer::Session) => self.inner.desk.allow(&server.name, tool),
            Some(Answer::Always) => {
                let kept = self.inner.shelf.change(|book| {
                    book.allow_always(&server.name, tool);
                    true
                });
                kept.map_err(|damaged| CallError::new(CallFault::NotAllowed, damaged.0))?;
            }
            Some(Answer::Deny) => {
                return Err(CallError::new(CallFault::NotAllowed, "the call was refused"));
            }
            None => {
                let said = "the call needs an approval, and there was none in time: `nexus-bridge approvals`";
                return Err(CallError::new(CallFault::NotAllowed, said));
            }
        }
        Ok(())
    }

    /// Asks those who may answer. The first answer counts; `None`: no answer came in time.
    async fn approved(
        &self,
        approval: Approval,
        confirm: Confirm,
        asks: Option<&mpsc::Sender<Ask>>,
        ends_at: Instant,
    ) -> Option<Answer> {
        let fields = [("server", approval.server.as_str()), ("tool", &approval.tool), ("call", &approval.id)];
        self.inner.log.info("a call waits for an approval", &fields);
        let until = ends_at.min(Instant::now() + APPROVAL);
        let local = async {
            match confirm {
                Confirm::Remote => None,
                _ => self.inner.desk.lay(approval.clone()).await.ok(),
            }
        };
        let remote = async {
            let asks = asks.filter(|_| confirm != Confirm::Local)?;
            let (answer, answered) = oneshot::channel();
            asks.send(Ask::Approval { approval: approval.clone(), answer }).await.ok()?;
            answered.await.ok()
        };
        timeout_at(until, first(local, remote)).await.ok().flatten()
    }
}

/// The first of two answers; none only if neither answers.
async fn first<T>(one: impl Future<Output = Option<T>>, other: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::pin!(one, other);
    tokio::select! {
        answer = &mut one => if answer.is_some() { answer } else { other.await },
        answer = &mut other => if answer.is_some() { answer } else { one.await },
    }
}
