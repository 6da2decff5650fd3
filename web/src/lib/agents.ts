// What the API says of agents and of calls of their tools. It is JSON without a fixed form, because parts of it are written by the
// agents: what does not have the expected form is left out.

import { fieldsOf, json, listOf, textOf } from "./tools.ts";

/** A question to a person that a call waits for. */
export interface Question {
  id: string;
  /** The call. */
  requestId: string;
  tool: string;
  kind: "approval" | "input_required";
  /** Of an approval: why it is asked for, and the arguments as JSON. */
  why: string;
  arguments: string;
  /** Of an input: what is asked, and the JSON Schema of the answer; the whole question as JSON. */
  message: string;
  schema: unknown;
  whole: string;
}

export interface AgentServer {
  name: string;
  state: string;
  era: string;
}

export interface Hub {
  connectedAt: number | null;
  lostAt: number | null;
  version: string;
  os: string;
  running: number;
  servers: AgentServer[];
  questions: Question[];
}

export interface AgentTool {
  /** The name by which it is called. */
  name: string;
  server: string;
  tool: string;
  definition: unknown;
}

/** An event of an agent or of a call. */
export interface AgentEvent {
  /** Counts the events on the page. */
  id: number;
  at: number;
  name: string;
  requestId: string;
  /** What it says, in a line. */
  text: string;
}

/** How a call ended. */
export interface CallResult {
  requestId: string;
  ok: boolean;
  /** `done`, or the code of what kept it from an answer. */
  status: string;
  executed: string;
  tookMs: number | null;
  /** The texts of the result, or the error. */
  text: string;
  /** The result or the error, as JSON. */
  whole: string;
  /** Whether the tool itself says that it failed. */
  isToolError: boolean;
}

export interface Progress {
  /** From 0 to 1; nothing where its end is not known. */
  share: number | undefined;
  message: string;
}

const numberOf = (value: unknown): number | null => (typeof value === "number" ? value : null);

/** `null` for an agent whose hub could not be asked. */
export function hubOf(hub: unknown): Hub | null {
  if (typeof hub !== "object" || hub === null) return null;
  const fields = fieldsOf(hub);
  return {
    connectedAt: numberOf(fields.connected_at) || null,
    lostAt: numberOf(fields.lost_at),
    version: textOf(fields.version),
    os: textOf(fields.os),
    running: numberOf(fields.running) ?? 0,
    servers: listOf(fields.servers)
      .map(fieldsOf)
      .map(({ name, state, era }) => ({ name: textOf(name), state: textOf(state), era: textOf(era) })),
    questions: listOf(fields.questions).map(fieldsOf).map(questionOf),
  };
}

function questionOf(fields: Record<string, unknown>): Question {
  const body = fieldsOf(fields.body);
  const params = fieldsOf(body.params);
  return {
    id: textOf(fields.ask),
    requestId: textOf(fields.id),
    tool: textOf(fields.tool_name) || textOf(body.tool),
    kind: fields.kind === "input_required" ? "input_required" : "approval",
    why: textOf(body.why),
    arguments: body.arguments === undefined || body.arguments === null ? "" : json(body.arguments),
    message: textOf(params.message),
    schema: params.requestedSchema,
    whole: json(fields.body ?? {}),
  };
}

export const toolsOf = (answer: unknown): AgentTool[] =>
  listOf(fieldsOf(answer).tools)
    .map(fieldsOf)
    .map(({ name, server, tool, definition }) => ({
      name: textOf(name),
      server: textOf(server),
      tool: textOf(tool),
      definition,
    }));

/** The data of an event; nothing where it is no JSON object. */
export function dataOf(data: string): Record<string, unknown> {
  try {
    return fieldsOf(JSON.parse(data));
  } catch {
    return {};
  }
}

/** An event in a line: its status or state, the tool, and what was logged. */
export function lineOf(data: Record<string, unknown>): string {
  const parts = [data.status, data.tool_name, data.kind, data.code].map(textOf).filter(Boolean);
  const said = data.data ?? fieldsOf(data.body).tool;
  return [...parts, said === undefined ? "" : typeof said === "string" ? said : JSON.stringify(said)]
    .filter(Boolean)
    .join(" · ");
}

export function resultOf(data: Record<string, unknown>): CallResult {
  const said = data.result ?? data.error;
  const result = fieldsOf(data.result);
  const texts = listOf(result.content)
    .map(fieldsOf)
    .map(({ type, text }) => (type === "text" ? textOf(text) : `[${textOf(type)}]`));
  const { message, reason, code } = fieldsOf(data.error);
  return {
    requestId: textOf(data.req_id),
    ok: data.ok === true,
    status: textOf(data.status),
    executed: textOf(data.executed),
    tookMs: numberOf(data.duration_ms),
    text: texts.join("\n") || textOf(message) || textOf(reason) || textOf(code),
    whole: said === undefined ? "" : json(said),
    isToolError: result.isError === true,
  };
}

/** The progress that a note of a call tells; nothing for one that tells none. */
export function progressOf(data: Record<string, unknown>): Progress | null {
  if (data.kind !== "progress") return null;
  const { progress, total, message } = fieldsOf(data.data);
  const [done, all] = [numberOf(progress), numberOf(total)];
  return { share: done !== null && all ? done / all : undefined, message: textOf(message) };
}
