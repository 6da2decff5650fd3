// A conversation as the page shows it: turns, and what each frame of an answer changes. Pure: frames and times go in, turns come out.
// The frames are those of docs/websocket.md; answers over HTTP are read into the same ones.

export type Part = { type: "text"; text: string } | { type: "image_url"; image_url: { url: string } };
export type Content = string | Part[];

export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

/** What a tool answered, as the person says it. */
export interface ToolResult {
  id: string;
  content: string;
}

export interface Message {
  role: string;
  content: Content | null;
  tool_calls?: { id: string; type: "function"; function: { name: string; arguments: string } }[];
  tool_call_id?: string;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
}

export interface Turn {
  /** Made by the page. */
  id: string;
  /** Made by the gateway: the id of the turn's event in the log, or the id of its request. */
  turnId?: string;
  asked: Content;
  /** In place of a question: the answers to what the turn before called. */
  results?: ToolResult[];
  answer: string;
  thinking: string;
  tools: ToolCall[];
  state: "waiting" | "streaming" | "done" | "stopped" | "failed";
  error?: { code: string; message: string };
  usage?: Usage;
  finish?: string;
  model?: string;
  provider?: string;
  sentAt: number;
  firstAt?: number;
  endedAt?: number;
}

export interface Frame {
  type: string;
  seq?: number;
  ref?: number;
  turn_id?: string;
  content?: unknown;
  id?: string;
  name?: string;
  arguments?: string;
  finish_reason?: string;
  usage?: Usage | null;
  model?: string;
  provider?: string;
  code?: string;
  message?: string;
}

export const newTurn = (id: string, asked: Content, now: number, results?: ToolResult[]): Turn => ({
  id,
  asked,
  ...(results ? { results } : {}),
  answer: "",
  thinking: "",
  tools: [],
  state: "waiting",
  sentAt: now,
});

export const isOver = ({ state }: Turn) => state === "done" || state === "stopped" || state === "failed";

/** The turns after a frame. One that is about no turn of the page, such as another connection's, changes nothing. */
export function apply(turns: Turn[], frame: Frame, now: number): Turn[] {
  const at = turns.findLastIndex(
    (turn) => !isOver(turn) && (!frame.turn_id || !turn.turnId || turn.turnId === frame.turn_id),
  );
  const turn = turns[at];
  if (!turn) return turns;
  const change = changeOf(turn, frame, now);
  return change ? turns.with(at, { ...turn, ...change }) : turns;
}

function changeOf(turn: Turn, frame: Frame, now: number): Partial<Turn> | null {
  const first = { state: "streaming" as const, firstAt: turn.firstAt ?? now };
  switch (frame.type) {
    case "ack":
      return frame.turn_id ? { turnId: frame.turn_id } : null;
    case "delta":
      return { ...first, answer: turn.answer + text(frame.content) };
    case "thinking":
      return { ...first, thinking: turn.thinking + text(frame.content) };
    case "tool_call":
      return {
        ...first,
        tools: [...turn.tools, { id: frame.id ?? "", name: frame.name ?? "", arguments: frame.arguments ?? "" }],
      };
    case "done":
      return { ...ended(frame, now), state: frame.finish_reason === "stopped" ? "stopped" : "done" };
    case "error":
      return {
        ...ended(frame, now),
        state: "failed",
        error: { code: frame.code ?? "error", message: frame.message ?? "" },
      };
    default:
      return null;
  }
}

const text = (content: unknown) => (typeof content === "string" ? content : "");

const ended = (frame: Frame, now: number): Partial<Turn> => ({
  endedAt: now,
  ...(frame.turn_id ? { turnId: frame.turn_id } : {}),
  ...(frame.usage ? { usage: frame.usage } : {}),
  ...(frame.finish_reason ? { finish: frame.finish_reason } : {}),
  ...(frame.model ? { model: frame.model } : {}),
  ...(frame.provider ? { provider: frame.provider } : {}),
});

/** What was said, as the messages of a request: turns without an answer are left out, but for the last. */
export function messagesOf(turns: Turn[], system: string): Message[] {
  const said = turns.flatMap((turn, index) => {
    const asked: Message[] = turn.results
      ? turn.results.map(({ id, content }) => ({ role: "tool", content, tool_call_id: id }))
      : [{ role: "user", content: turn.asked }];
    const called = turns[index + 1]?.results ? turn.tools : [];
    if (turn.answer || called.length > 0) return [...asked, answerOf(turn, called)];
    return index === turns.length - 1 ? asked : [];
  });
  return system.trim() ? [{ role: "system", content: system.trim() }, ...said] : said;
}

function answerOf({ answer }: Turn, called: ToolCall[]): Message {
  const tool_calls = called.map(({ id, name, arguments: given }) => ({
    id,
    type: "function" as const,
    function: { name, arguments: given },
  }));
  return { role: "assistant", content: answer || null, ...(called.length > 0 ? { tool_calls } : {}) };
}

/** The text of a question, without its pictures. */
export const textOf = (content: Content | null) =>
  typeof content === "string"
    ? content
    : (content ?? []).flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");

/** Milliseconds to the first token, and tokens a second from there to the end. */
export function speedOf(turn: Turn): { first: number | null; perSecond: number | null } {
  const first = turn.firstAt === undefined ? null : turn.firstAt - turn.sentAt;
  const seconds = turn.firstAt !== undefined && turn.endedAt !== undefined ? (turn.endedAt - turn.firstAt) / 1000 : 0;
  const tokens = turn.usage?.completion_tokens ?? 0;
  return { first, perSecond: seconds > 0.05 && tokens > 1 ? (tokens - 1) / seconds : null };
}

interface Chunk {
  model?: string;
  error?: { code?: string; message?: string };
  usage?: Usage | null;
  choices?: {
    delta?: { content?: string | null; reasoning_content?: string | null; tool_calls?: ToolDelta[] };
    finish_reason?: string | null;
  }[];
}
interface ToolDelta {
  index?: number;
  id?: string;
  function?: { name?: string; arguments?: string };
}

/** Chunks of a streamed chat completion as frames. `end` answers the last ones. */
export function chunkReader(): { read: (data: string) => Frame[]; end: () => Frame[] } {
  const calls: ToolCall[] = [];
  const last: Frame = { type: "done", finish_reason: "stop" };
  let failed: Frame | undefined;
  return {
    read: (data) => {
      if (data === "[DONE]") return [];
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error)
        failed = { type: "error", code: chunk.error.code ?? "error", message: chunk.error.message ?? "" };
      if (chunk.usage) last.usage = chunk.usage;
      if (chunk.model) last.model = chunk.model;
      const choice = chunk.choices?.[0];
      if (choice?.finish_reason) last.finish_reason = choice.finish_reason;
      for (const call of choice?.delta?.tool_calls ?? []) addCall(calls, call);
      const frames: Frame[] = [];
      if (choice?.delta?.reasoning_content) frames.push({ type: "thinking", content: choice.delta.reasoning_content });
      if (choice?.delta?.content) frames.push({ type: "delta", content: choice.delta.content });
      return frames;
    },
    end: () => [...calls.map((call) => ({ type: "tool_call", ...call })), failed ?? last],
  };
}

function addCall(calls: ToolCall[], delta: ToolDelta) {
  const at = delta.index ?? Math.max(0, calls.length - 1);
  const call = (calls[at] ??= { id: "", name: "", arguments: "" });
  call.id ||= delta.id ?? "";
  call.name += delta.function?.name ?? "";
  call.arguments += delta.function?.arguments ?? "";
}
