//! Sets of tools: which tools of which servers, under which names.

#[cfg(feature = "openapi")]
use nexus_edge_core::catalog::toolset::{ToolsetInput, ToolsetView};

use crate::declare::operations;

#[cfg(feature = "openapi")]
const NOT_FOUND: &[(u16, &str)] = &[(404, "toolset_not_found")];

operations! {
    "Tools";

    /// Ask for the tools of a set.
    ///
    /// The endpoint of an MCP client like `/mcp`, with the tools of a set under the names and with the descriptions that it gives them. The
    /// set of the key's owner comes before the one of that name that is open to all keys. What the key is not granted it does not get
    /// by a set.
    ENDPOINT: Post "/mcp/toolset/{name}" Caller, |it| it.free_body(&["jsonrpc"], "A message of JSON-RPC.")
        .free_answer("The response.").empty(202, "A notification was taken.")
        .errors(&[(403, "origin_not_allowed"), (404, "toolset_not_found")]);

    /// List the sets of tools.
    LIST: Get "/toolsets" ManageTools / ManageOwnApiKeys, |it| it.list::<ToolsetView<'_>>("toolsets", "The sets.");

    /// Create a set of tools.
    CREATE: Post "/toolsets" ManageTools / ManageOwnApiKeys, |it| it.creates::<ToolsetInput>()
        .answer::<ToolsetView<'_>>(201, "The set.").errors(&[(403, "owner_not_allowed"), (409, "name_taken, too_many_toolsets")]);

    /// Show a set of tools.
    GET: Get "/toolsets/{id}" ManageTools / ManageOwnApiKeys, |it| it.answer::<ToolsetView<'_>>(200, "The set.").errors(NOT_FOUND);

    /// Change a set of tools.
    ///
    /// What the body does not name stays as it is; `tools` are all of them.
    UPDATE: Put "/toolsets/{id}" ManageTools / ManageOwnApiKeys, |it| it.updates::<ToolsetInput>()
        .answer::<ToolsetView<'_>>(200, "The set as it is now.").errors(NOT_FOUND).errors(&[(503, "record_busy")]);

    /// Delete a set of tools.
    ///
    /// Keys whose default it is have none from then on.
    DELETE: Delete "/toolsets/{id}" ManageTools / ManageOwnApiKeys, |it| it.deleted("string").errors(NOT_FOUND);
}
