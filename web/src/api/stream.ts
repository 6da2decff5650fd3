// Answers that come as events while what was asked for goes on.

import { type ServerEvent, eventReader } from "../lib/sse.ts";
import { type CallOptions, type Operation, answerTo, read } from "./client.ts";

/** Reads the events of a body until it ends. */
export async function readEvents(body: ReadableStream<Uint8Array>, onEvent: (event: ServerEvent) => void) {
  const events = eventReader();
  const reader = body.pipeThrough(new TextDecoderStream() as never).getReader() as ReadableStreamDefaultReader<string>;
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    for (const event of events(piece.value)) onEvent(event);
  }
}

/** Asks an operation that streams, and is done when its answer ends. A refusal is an `ApiFailure`, as of every call. */
export async function stream<O extends Operation>(
  operation: O,
  options: CallOptions<O>,
  onEvent: (event: ServerEvent) => void,
): Promise<void> {
  const response = await answerTo(operation, options);
  if (!response.ok || !response.body) await read(response);
  else await readEvents(response.body, onEvent);
}
