// Prompts, resources, templates and completion of servers of the Model Context Protocol, for servers of both lines.
import {
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

export const CONTENT_CAPABILITIES = { prompts: {}, resources: {}, completions: {} };

/** What a server of this name offers: two resources, one of which all servers have, a template and two prompts. */
export function contentOf(name) {
  return {
    prompts: [
      {
        name: "greet",
        title: "Greet",
        arguments: [{ name: "who", required: true }],
        _meta: { "example.com/x": [1] },
      },
      { name: "hidden", description: "Nothing to see\u200b." },
    ],
    resources: [
      { uri: "memo:shared", name: "Shared", mimeType: "text/plain" },
      { uri: `memo:${name}/own`, name: "Own", _meta: { "example.com/y": { z: 1 } } },
    ],
    resourceTemplates: [{ uriTemplate: `memo:${name}/notes/{id}`, name: "Notes" }],
  };
}

/** The result of a request. */
export function contentAnswer(name, method, params = {}) {
  const content = contentOf(name);
  switch (method) {
    case "prompts/list":
      return { prompts: content.prompts };
    case "resources/list":
      return { resources: content.resources };
    case "resources/templates/list":
      return { resourceTemplates: content.resourceTemplates };
    case "prompts/get": {
      const link = { type: "resource_link", uri: `memo:${name}/own`, name: "Own" };
      const text = { type: "text", text: `${params.name}: hello ${params.arguments?.who} from ${name}` };
      return { messages: [text, link].map((one) => ({ role: "user", content: one })) };
    }
    case "resources/read":
      return { contents: [{ uri: params.uri, mimeType: "text/plain", text: `${params.uri} of ${name}` }] };
    case "completion/complete": {
      const of = params.ref.name ?? params.ref.uri;
      return { completion: { values: [`${of} ${params.argument.value}!`], total: 1, hasMore: false } };
    }
  }
}

const OLD_SCHEMAS = {
  "prompts/list": ListPromptsRequestSchema,
  "prompts/get": GetPromptRequestSchema,
  "resources/list": ListResourcesRequestSchema,
  "resources/templates/list": ListResourceTemplatesRequestSchema,
  "resources/read": ReadResourceRequestSchema,
  "completion/complete": CompleteRequestSchema,
};

/** Makes a server of the new line offer it. */
export function offerContent(server, name) {
  for (const method of Object.keys(OLD_SCHEMAS))
    server.setRequestHandler(method, ({ params }) => contentAnswer(name, method, params));
}

/** Makes a server of the old line offer it. */
export function offerOldContent(server, name) {
  for (const [method, schema] of Object.entries(OLD_SCHEMAS))
    server.setRequestHandler(schema, ({ params }) => contentAnswer(name, method, params));
}
