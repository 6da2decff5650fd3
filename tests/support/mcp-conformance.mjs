// A server with what the conformance suite of the Model Context Protocol asks a server for, at two addresses: `/modern` with the official
// package of the new line, `/legacy` with that of the old one, which gives sessions and asks its client.
import http from "node:http";
import {
  createMcpHandler,
  createRequestStateCodec,
  MissingRequiredClientCapabilityError,
  ResourceNotFoundError,
  Server,
} from "@modelcontextprotocol/server";
import { Server as OldServer } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import * as old from "@modelcontextprotocol/sdk/types.js";
import { ASKED, FORMS, ROUNDS, TOOLS } from "./mcp-conformance-tools.mjs";

const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
const WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=";
const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
const text = (words) => ({ type: "text", text: words });
const image = { type: "image", data: PNG, mimeType: "image/png" };
const resource = (uri, mimeType, words) => ({ type: "resource", resource: { uri, mimeType, text: words } });
const content = (...parts) => ({ content: parts });

const RESOURCES = [
  { uri: "test://static-text", name: "text", description: "A text.", mimeType: "text/plain" },
  { uri: "test://static-binary", name: "binary", description: "An image.", mimeType: "image/png" },
  { uri: "test://watched-resource", name: "watched", description: "A text that may change.", mimeType: "text/plain" },
];
const TEMPLATE = /^test:\/\/template\/([^/]+)\/data$/;
const argument = (name) => ({ name, description: `The ${name}.`, required: true });
const PROMPTS = [
  { name: "test_simple_prompt", description: "A text." },
  {
    name: "test_prompt_with_arguments",
    description: "A text with both.",
    arguments: [argument("arg1"), argument("arg2")],
  },
  { name: "test_prompt_with_embedded_resource", description: "A resource.", arguments: [argument("resourceUri")] },
  { name: "test_prompt_with_image", description: "An image." },
  { name: "test_input_required_result_prompt", description: "Asks first." },
];

/** Starts it. */
export async function startConformanceServer() {
  const codec = createRequestStateCodec({ key: crypto.randomUUID() });
  const capabilities = { tools: {}, resources: {}, prompts: {}, completions: {}, logging: {} };
  const modern = createMcpHandler(
    () => {
      const info = { name: "conformance", version: "1" };
      const server = new Server(info, { capabilities, requestState: { verify: codec.verify } });
      const handle = (method, run) => server.setRequestHandler(method, (request, context) => run(request, context));
      for (const [method, run] of Object.entries(METHODS))
        handle(method, ({ params = {} }, { mcpReq }) => run(params, ofModern(mcpReq, codec)));
      return server;
    },
    { legacy: "reject" },
  );
  const sessions = new Map();
  async function legacy(req, res, body) {
    let transport = sessions.get(req.headers["mcp-session-id"]);
    if (!transport && body?.method !== "initialize") return res.writeHead(404).end();
    if (!transport) {
      transport = new StreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (id) => sessions.set(id, transport),
      });
      const offered = { ...capabilities, resources: { subscribe: true } };
      const server = new OldServer({ name: "conformance", version: "1" }, { capabilities: offered });
      for (const [method, run] of Object.entries(METHODS))
        server.setRequestHandler(OLD_SCHEMAS[method], ({ params = {} }, extra) => run(params, ofLegacy(server, extra)));
      for (const schema of [old.SubscribeRequestSchema, old.UnsubscribeRequestSchema])
        server.setRequestHandler(schema, () => ({}));
      await server.connect(transport);
    }
    await transport.handleRequest(req, res, body);
  }
  const server = http.createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (req.url === "/legacy") return legacy(req, res, bytes.length ? JSON.parse(bytes) : undefined);
    const init = { method: req.method, headers: req.headers, body: bytes.length ? bytes : undefined };
    const response = await modern.fetch(new Request(`http://${req.headers.host}/`, init));
    res.writeHead(response.status, Object.fromEntries(response.headers));
    for await (const chunk of response.body ?? []) res.write(chunk);
    res.end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async stop() {
      await modern.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A request of the modern era, as the methods below see it. */
function ofModern(request, codec) {
  const meta = (name) => request.envelope?.[`io.modelcontextprotocol/${name}`];
  return {
    isModern: true,
    token: request._meta?.progressToken,
    mayLog: meta("logLevel") !== undefined,
    client: meta("clientCapabilities") ?? {},
    answers: request.inputResponses ?? {},
    state: request.requestState(),
    sealed: (state) => codec.mint(state),
    notify: (method, params) => request.notify({ method, params }),
    notFound: (uri) => new ResourceNotFoundError(uri),
  };
}

/** A request of the legacy era. */
function ofLegacy(server, extra) {
  return {
    isModern: false,
    token: extra._meta?.progressToken,
    mayLog: true,
    answers: {},
    notify: (method, params) => extra.sendNotification({ method, params }),
    sample: (params) => server.createMessage(params, { relatedRequestId: extra.requestId }),
    elicit: (params) => server.elicitInput(params, { relatedRequestId: extra.requestId }),
    notFound: (uri) => new old.McpError(-32002, "Resource not found", { uri }),
  };
}

const OLD_SCHEMAS = {
  "tools/list": old.ListToolsRequestSchema,
  "tools/call": old.CallToolRequestSchema,
  "resources/list": old.ListResourcesRequestSchema,
  "resources/templates/list": old.ListResourceTemplatesRequestSchema,
  "resources/read": old.ReadResourceRequestSchema,
  "prompts/list": old.ListPromptsRequestSchema,
  "prompts/get": old.GetPromptRequestSchema,
  "completion/complete": old.CompleteRequestSchema,
};

const METHODS = {
  "tools/list": (_, { isModern }) => ({
    tools: TOOLS.filter((tool) => isModern || !tool.isModern).map(({ isModern: _, ...tool }) => tool),
  }),
  "tools/call": call,
  "resources/list": () => ({ resources: RESOURCES }),
  "resources/templates/list": () => ({
    resourceTemplates: [{ uriTemplate: "test://template/{id}/data", name: "template", description: "Data of an id." }],
  }),
  "resources/read": ({ uri }, request) => {
    const id = TEMPLATE.exec(uri)?.[1];
    const data = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
    const one =
      (uri === "test://static-text" && {
        mimeType: "text/plain",
        text: "This is the content of the static text resource.",
      }) ||
      (uri === "test://static-binary" && { mimeType: "image/png", blob: PNG }) ||
      (uri === "test://watched-resource" && { mimeType: "text/plain", text: "Watched." }) ||
      (id && { mimeType: "application/json", text: data });
    if (!one) throw request.notFound(uri);
    return { contents: [{ uri, ...one }] };
  },
  "prompts/list": (_, { isModern }) => ({
    prompts: PROMPTS.filter(({ name }) => isModern || !(name in ROUNDS)),
  }),
  "prompts/get": async ({ name, arguments: given = {} }, request) => {
    const said = (...parts) => ({ messages: parts.map((part) => ({ role: "user", content: part })) });
    if (name === "test_prompt_with_arguments")
      return said(text(`Prompt with arguments: arg1='${given.arg1}', arg2='${given.arg2}'`));
    if (name === "test_prompt_with_embedded_resource")
      return said(
        resource(given.resourceUri, "text/plain", "Embedded resource content for testing."),
        text("Please process the embedded resource above."),
      );
    if (name === "test_prompt_with_image") return said(image, text("Please analyze the image above."));
    if (name in ROUNDS) return (await asked(name, request)) ?? said(text("Prompt with what was asked for."));
    return said(text("This is a simple prompt for testing."));
  },
  "completion/complete": () => ({ completion: { values: ["paris", "park"], total: 2, hasMore: false } }),
};

async function call({ name, arguments: given = {} }, request) {
  if (name in ROUNDS) return (await asked(name, request)) ?? content(text("state-ok: what was asked for is there"));
  if (name in FORMS) return elicited(request, { mode: "form", ...FORMS[name](given) });
  switch (name) {
    case "test_simple_text":
      return content(text("This is a simple text response for testing."));
    case "test_image_content":
      return content(image);
    case "test_audio_content":
      return content({ type: "audio", data: WAV, mimeType: "audio/wav" });
    case "test_embedded_resource":
      return content(resource("test://embedded-resource", "text/plain", "This is an embedded resource content."));
    case "test_multiple_content_types":
      return content(
        text("Multiple content types test:"),
        image,
        resource("test://mixed-content-resource", "application/json", JSON.stringify({ test: "data", value: 123 })),
      );
    case "test_error_handling":
      return { ...content(text("This tool intentionally returns an error for testing")), isError: true };
    case "test_tool_with_logging":
    case "test_logging_tool":
      for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
        if (request.mayLog) await request.notify("notifications/message", { level: "info", data });
        await pause();
      }
      return content(text("Tool with logging executed successfully"));
    case "test_tool_with_progress":
    case "test_streaming_elicitation":
      for (const progress of [0, 50, 100]) {
        const params = { progressToken: request.token, progress, total: 100 };
        if (request.token !== undefined) await request.notify("notifications/progress", params);
        await pause();
      }
      return content(text("Tool with progress executed successfully"));
    case "test_missing_capability":
      if (!request.client.sampling)
        throw new MissingRequiredClientCapabilityError({ requiredCapabilities: { sampling: {} } });
      return content(text("The client has the capability."));
    case "test_sampling": {
      const params = { messages: [{ role: "user", content: text(given.prompt) }], maxTokens: 100 };
      if (request.isModern) return needs("sampling/createMessage", params);
      const { content: said } = await request.sample(params);
      return content(text(`LLM response: ${said.text}`));
    }
    case "test_custom_header":
      return content(text(`region: ${given.region}`));
    default:
      return { ...content(text(`Unknown tool: ${name}`)), isError: true };
  }
}

const needs = (method, params) => ({ resultType: "input_required", inputRequests: { asked: { method, params } } });

/** What a client answers to a form. One of the modern era is asked, and is no part of the suite. */
async function elicited(request, form) {
  if (request.isModern) return needs("elicitation/create", form);
  const { action, content: said } = await request.elicit(form);
  return content(text(`Elicitation completed: action=${action}, content=${JSON.stringify(said ?? {})}`));
}

/** What is still to be asked for, by the rounds of a name; nothing when all is there. */
async function asked(name, request) {
  const { rounds, withState, ofCapabilities } = ROUNDS[name];
  const round = request.state?.name === name ? request.state.round : 0;
  const wanted = rounds[round].filter((key) => !ofCapabilities || request.client[ASKED[key].capability]);
  const isThere = wanted.every((key) => ASKED[key].isAnswer(request.answers[key] ?? {}));
  const next = isThere ? round + 1 : round;
  if (next === rounds.length) return undefined;
  const keys = isThere ? rounds[next] : wanted;
  const inputRequests = Object.fromEntries(keys.map((key) => [key, ASKED[key].request]));
  const state = withState && { requestState: await request.sealed({ name, round: next }) };
  return { resultType: "input_required", inputRequests, ...state };
}
