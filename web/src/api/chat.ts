// The two ways in which the playground asks a model, as a key of the person: a WebSocket to a session, which survives a dropped line,
// and a streamed request with the whole history. Both answer the same frames. The key itself is never in the browser: the session
// cookie and the key's id stand for it.

import { type Frame, type Message, chunkReader } from "../lib/chat.ts";
import { ApiFailure, call } from "./client.ts";
import { readEvents } from "./stream.ts";

export interface Settings {
  system: string;
  temperature: string;
  maxTokens: string;
  /** JSON, as OpenAI has it. */
  tools: string;
}

const RETRIES = 6;

/** The settings as the API takes them; what is empty is left out. */
export function configOf({ system, temperature, maxTokens, tools }: Settings): Record<string, unknown> {
  return {
    ...(system.trim() ? { system_prompt: system.trim() } : {}),
    ...(temperature.trim() ? { temperature: Number(temperature) } : {}),
    ...(maxTokens.trim() ? { max_tokens: Number(maxTokens) } : {}),
    ...(tools.trim() ? { tools: JSON.parse(tools) } : {}),
  };
}

export interface Listener {
  onFrame: (frame: Frame) => void;
  /** Whether the line is down and being opened anew. */
  onLine: (state: "open" | "lost" | "resumed") => void;
  onFailure: (failure: ApiFailure) => void;
}

/** A session over a WebSocket. A line that drops is opened anew, and every frame after the last one that came is sent again. */
export class ChatLine {
  session: string | undefined;
  readonly #actAs: string;
  readonly #listener: Listener;
  #socket: WebSocket | undefined;
  #lastSeq = 0;
  #tries = 0;
  #isClosed = false;
  #waiting: string[] = [];
  #number = 0;

  constructor(actAs: string, listener: Listener) {
    this.#actAs = actAs;
    this.#listener = listener;
  }

  send(frame: Record<string, unknown>) {
    const text = JSON.stringify({ ...frame, seq: ++this.#number });
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(text);
    else this.#waiting.push(text);
    if (!this.#socket) void this.#open();
  }

  close() {
    this.#isClosed = true;
    this.#socket?.close();
  }

  async #open() {
    try {
      const body = this.session ? { session_id: this.session } : {};
      const ticket = await call("POST /ws/ticket", { body, actAs: this.#actAs });
      if (this.#isClosed) return;
      this.session = ticket.session_id;
      this.#connect(ticket.ticket);
    } catch (error) {
      if (!(error instanceof ApiFailure)) throw error;
      if (error.status === 0) this.#again();
      else this.#listener.onFailure(error);
    }
  }

  #connect(ticket: string) {
    const query = new URLSearchParams({
      v: "2",
      ticket,
      session_id: this.session ?? "",
      last_seq: String(this.#lastSeq),
    });
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/chat?${query}`, ["nexus.chat.v2"]);
    this.#socket = socket;
    socket.onmessage = (event) => this.#take(JSON.parse(String(event.data)) as Frame);
    socket.onclose = () => {
      if (!this.#isClosed && this.#socket === socket) this.#again();
    };
  }

  #take(frame: Frame) {
    if (frame.seq) {
      // Sent again after the line was opened anew.
      if (frame.seq <= this.#lastSeq) return;
      this.#lastSeq = frame.seq;
    }
    if (frame.type === "hello") {
      this.#listener.onLine(this.#tries > 0 ? "resumed" : "open");
      this.#tries = 0;
      for (const text of this.#waiting.splice(0)) this.#socket?.send(text);
    }
    this.#listener.onFrame(frame);
  }

  #again() {
    this.#listener.onLine("lost");
    if (this.#tries >= RETRIES) {
      this.#listener.onFailure(new ApiFailure(0, "no_connection", "The line to the gateway was lost"));
      return;
    }
    const wait = Math.min(8000, 250 * 2 ** this.#tries++);
    setTimeout(() => {
      if (!this.#isClosed) void this.#open();
    }, wait);
  }
}

interface Ask {
  actAs: string;
  model: string;
  messages: Message[];
  settings: Settings;
  signal: AbortSignal;
}

/** One streamed request. Frames end with `done` or `error`; the id of the request is in the `ack`. */
export async function askOverHttp(
  { actAs, model, messages, settings, signal }: Ask,
  onFrame: (frame: Frame) => void,
): Promise<void> {
  const { system_prompt: _, ...config } = configOf(settings);
  const response = await fetch("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json", "x-nexus-csrf": "1", "x-nexus-key-id": actAs },
    body: JSON.stringify({ model, messages, stream: true, stream_options: { include_usage: true }, ...config }),
    signal,
  });
  const requestId = response.headers.get("x-request-id");
  if (requestId) onFrame({ type: "ack", turn_id: requestId });
  if (!response.ok || !response.body) {
    const { error } = (await response.json().catch(() => ({}))) as { error?: { code?: string; message?: string } };
    onFrame({
      type: "error",
      code: error?.code ?? `http_${response.status}`,
      message: error?.message ?? response.statusText,
    });
    return;
  }
  const chunks = chunkReader();
  await readEvents(response.body, ({ data }) => chunks.read(data).forEach(onFrame));
  for (const frame of chunks.end()) onFrame(frame);
}
