// The tools that the conformance suite of the Model Context Protocol calls by their names, and what some of them ask for.

const OBJECT = { type: "object", properties: {} };
const form = (message, name, type) => ({
  method: "elicitation/create",
  params: {
    mode: "form",
    message,
    requestedSchema: { type: "object", properties: { [name]: { type } }, required: [name] },
  },
});
const isForm = (name) => (answer) => answer.action !== undefined && answer.content?.[name] !== undefined;
const elicitation = (message, name, type = "string") => ({
  capability: "elicitation",
  request: form(message, name, type),
  isAnswer: isForm(name),
});
const sampling = (question) => ({
  capability: "sampling",
  request: {
    method: "sampling/createMessage",
    params: { messages: [{ role: "user", content: { type: "text", text: question } }], maxTokens: 100 },
  },
  isAnswer: (answer) => answer.content !== undefined,
});

/** What is asked for, by its key in `inputRequests`. */
export const ASKED = {
  user_name: elicitation("What is your name?", "name"),
  user_context: elicitation("What context should the prompt use?", "context"),
  confirm: elicitation("Please confirm", "ok", "boolean"),
  step1: elicitation("Step 1: What is your name?", "name"),
  step2: elicitation("Step 2: What is your favorite color?", "color"),
  capital_question: sampling("What is the capital of France?"),
  greeting: sampling("Generate a greeting"),
  client_roots: {
    capability: "roots",
    request: { method: "roots/list", params: {} },
    isAnswer: ({ roots }) => Array.isArray(roots),
  },
};

/** The rounds in which tools, and a prompt, of the modern era ask. */
export const ROUNDS = {
  test_input_required_result_elicitation: { rounds: [["user_name"]] },
  test_input_required_result_sampling: { rounds: [["capital_question"]] },
  test_input_required_result_list_roots: { rounds: [["client_roots"]] },
  test_input_required_result_request_state: { rounds: [["confirm"]], withState: true },
  test_input_required_result_multiple_inputs: { rounds: [["user_name", "greeting", "client_roots"]], withState: true },
  test_input_required_result_multi_round: { rounds: [["step1"], ["step2"]], withState: true },
  test_input_required_result_tampered_state: { rounds: [["confirm"]], withState: true },
  test_input_required_result_capabilities: { rounds: [["user_name", "greeting"]], ofCapabilities: true },
  test_input_required_result_prompt: { rounds: [["user_context"]] },
};

const choices = ["option1", "option2", "option3"];
const titled = ["First", "Second", "Third"].map((title, i) => ({ const: `value${i + 1}`, title: `${title} Option` }));
const ofProperties = (message, properties, required = []) => ({
  message,
  requestedSchema: { type: "object", properties, required },
});

/** The forms that tools of the legacy era show the user. */
export const FORMS = {
  test_elicitation: ({ message }) =>
    ofProperties(
      message,
      {
        username: { type: "string", description: "User's response" },
        email: { type: "string", description: "User's email address" },
      },
      ["username", "email"],
    ),
  test_elicitation_sep1034_defaults: () =>
    ofProperties("Check what is there.", {
      name: { type: "string", default: "John Doe" },
      age: { type: "integer", default: 30 },
      score: { type: "number", default: 95.5 },
      status: { type: "string", enum: ["active", "inactive", "pending"], default: "active" },
      verified: { type: "boolean", default: true },
    }),
  test_elicitation_sep1330_enums: () =>
    ofProperties("Choose.", {
      untitledSingle: { type: "string", enum: choices },
      titledSingle: { type: "string", oneOf: titled },
      legacyEnum: {
        type: "string",
        enum: ["opt1", "opt2", "opt3"],
        enumNames: ["Option One", "Option Two", "Option Three"],
      },
      untitledMulti: { type: "array", items: { type: "string", enum: choices } },
      titledMulti: { type: "array", items: { anyOf: titled } },
    }),
};

/** A schema with words that servers in between tend to lose. */
const RICH = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  $defs: {
    address: {
      $anchor: "addressDef",
      type: "object",
      properties: { street: { type: "string" }, city: { type: "string" } },
    },
  },
  properties: {
    name: { type: "string" },
    address: { $ref: "#/$defs/address" },
    contactMethod: { type: "string", enum: ["phone", "email"] },
    phone: { type: "string" },
    email: { type: "string" },
  },
  allOf: [{ anyOf: [{ required: ["phone"] }, { required: ["email"] }] }],
  if: { properties: { contactMethod: { const: "phone" } }, required: ["contactMethod"] },
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema
  then: { required: ["phone"] },
  else: { required: ["email"] },
  additionalProperties: false,
};

const text = (name) => ({ type: "object", properties: { [name]: { type: "string" } }, required: [name] });
const tool = (name, inputSchema = OBJECT, isModern = false) => ({
  name,
  description: `${name}.`,
  inputSchema,
  isModern,
});

/** The tools; some are only at the server of the modern era. */
export const TOOLS = [
  ...["simple_text", "image_content", "audio_content", "embedded_resource", "multiple_content_types"].map((name) =>
    tool(`test_${name}`),
  ),
  ...["tool_with_logging", "error_handling", "tool_with_progress"].map((name) => tool(`test_${name}`)),
  tool("json_schema_2020_12_tool", RICH),
  ...["logging_tool", "streaming_elicitation", "missing_capability"].map((name) => tool(`test_${name}`, OBJECT, true)),
  tool(
    "test_custom_header",
    {
      type: "object",
      properties: { region: { type: "string", "x-mcp-header": "Region" } },
      required: ["region"],
    },
    true,
  ),
  ...Object.keys(ROUNDS)
    .filter((name) => !name.endsWith("_prompt"))
    .map((name) => tool(name, OBJECT, true)),
  tool("test_sampling", text("prompt")),
  tool("test_elicitation", text("message")),
  tool("test_elicitation_sep1034_defaults"),
  tool("test_elicitation_sep1330_enums"),
];
