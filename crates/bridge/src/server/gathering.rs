//! Asks a server for everything that it has, one list after the other.

use nexus_edge_mcp::catalogue::{Catalogue, Collector, Kind};
use nexus_edge_mcp::client::Peer;
use nexus_edge_mcp::method::Method;
use serde_json::value::RawValue;

/// The lists that were read, and the one that is being read.
#[derive(Debug)]
pub struct Gathering {
    left: Vec<Kind>,
    collector: Option<Collector>,
    params: Option<Box<RawValue>>,
    catalogue: Catalogue,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Ask this, with these parameters.
    Ask(Method, Option<Box<RawValue>>),
    /// All lists are read.
    Done(Catalogue),
}

impl Gathering {
    /// The lists that a server says it has.
    #[must_use]
    pub fn begin(peer: &Peer) -> Self {
        let left = Kind::ALL.into_iter().rev().filter(|kind| peer.can(kind.capability())).collect();
        Self { left, collector: None, params: None, catalogue: Catalogue::default() }
    }

    /// The next request.
    #[must_use]
    pub fn next(&mut self) -> Next {
        match self.left.last() {
            Some(kind) => Next::Ask(kind.method(), self.params.take()),
            None => Next::Done(std::mem::take(&mut self.catalogue)),
        }
    }

    /// Takes a page. An error, or a page that cannot be used, ends its list: a server whose prompts cannot be listed still
    /// has tools.
    pub fn hear(&mut self, page: Option<&RawValue>) {
        let Some(kind) = self.left.last().copied() else { return };
        let mut collector = self.collector.take().unwrap_or_else(|| Collector::new(kind));
        let next = page.and_then(|page| collector.take(page).ok().flatten());
        if next.is_some() {
            self.params = next;
            self.collector = Some(collector);
            return;
        }
        self.catalogue.set(kind, collector.finish().items);
        self.left.pop();
    }
}

#[cfg(test)]
mod tests {
    use nexus_edge_mcp::client::Transport;
    use nexus_edge_mcp::json::raw;
    use nexus_edge_mcp::version::Version;

    use super::*;

    fn asked(gathering: &mut Gathering) -> (Method, String) {
        match gathering.next() {
            Next::Ask(method, params) => {
                (method, params.map(|params| params.get().to_owned()).unwrap_or_default())
            }
            Next::Done(_) => panic!("done"),
        }
    }

    fn hear(gathering: &mut Gathering, page: &str) {
        gathering.hear(Some(&raw(page.to_owned()).unwrap()));
    }

    #[test]
    fn lists_follow_each_other_page_by_page_and_one_that_fails_is_passed_over() {
        let capabilities = raw(r#"{"tools":{},"resources":{}}"#.to_owned()).unwrap();
        let peer = Peer {
            version: Version::NEWEST,
            transport: Transport::Stdio,
            info: None,
            capabilities,
            instructions: None,
        };
        let mut gathering = Gathering::begin(&peer);
        assert_eq!(asked(&mut gathering), (Method::ListTools, String::new()));
        hear(&mut gathering, r#"{"tools":[{"name":"a"}],"nextCursor":"2"}"#);
        assert_eq!(asked(&mut gathering), (Method::ListTools, r#"{"cursor":"2"}"#.to_owned()));
        hear(&mut gathering, r#"{"tools":[{"name":"b"}]}"#);
        assert_eq!(asked(&mut gathering).0, Method::ListResources);
        gathering.hear(None);
        assert_eq!(asked(&mut gathering), (Method::ListTemplates, String::new()));
        hear(&mut gathering, r#"{"resourceTemplates":[{"uriTemplate":"x:{y}"}]}"#);
        let Next::Done(catalogue) = gathering.next() else { panic!("not done") };
        assert_eq!((catalogue.tools.len(), catalogue.resources.len(), catalogue.templates.len()), (2, 0, 1));
    }
}
