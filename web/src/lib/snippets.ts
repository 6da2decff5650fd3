// Calls of the gateway in the languages of its callers: what the playground would send, and what a client is set to. The key is
// taken from the environment and is never part of the text.

export interface Chat {
  origin: string;
  model: string;
  messages: { role: string; content: string }[];
  stream?: boolean;
}

const json = (value: unknown) => JSON.stringify(value, null, 2);
/** Text between single quotes of a shell. */
const quoted = (text: string) => text.replaceAll("'", "'\\''");

export function curl({ origin, model, messages, stream = true }: Chat): string {
  return `curl -N ${origin}/v1/chat/completions \\
  -H "Authorization: Bearer $NEXUS_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '${quoted(json({ model, stream, messages }))}'`;
}

export function python({ origin, model, messages }: Chat): string {
  return `# pip install openai
import json, os
from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(`${origin}/v1`)}, api_key=os.environ["NEXUS_API_KEY"])
messages = json.loads(${JSON.stringify(JSON.stringify(messages))})
for chunk in client.chat.completions.create(model=${JSON.stringify(model)}, messages=messages, stream=True):
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`;
}

export function node({ origin, model, messages }: Chat): string {
  return `// npm install openai
import OpenAI from "openai";

const client = new OpenAI({ baseURL: ${JSON.stringify(`${origin}/v1`)}, apiKey: process.env.NEXUS_API_KEY });
const stream = await client.chat.completions.create({
  model: ${JSON.stringify(model)},
  messages: ${json(messages)},
  stream: true,
});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta?.content ?? "");`;
}

export function anthropic({ origin, model, messages }: Chat): string {
  const system = messages.filter(({ role }) => role === "system").map(({ content }) => content);
  const rest = messages.filter(({ role }) => role !== "system");
  const body = {
    model,
    max_tokens: 1024,
    ...(system.length > 0 ? { system: system.join("\n\n") } : {}),
    messages: rest,
  };
  return `curl ${origin}/v1/messages \\
  -H "x-api-key: $NEXUS_API_KEY" \\
  -H "anthropic-version: 2023-06-01" \\
  -H "Content-Type: application/json" \\
  -d '${quoted(json(body))}'`;
}

export function gemini({ origin, model, messages }: Chat): string {
  const system = messages.filter(({ role }) => role === "system").map(({ content }) => ({ text: content }));
  const contents = messages
    .filter(({ role }) => role !== "system")
    .map(({ role, content }) => ({ role: role === "assistant" ? "model" : "user", parts: [{ text: content }] }));
  const body = { ...(system.length > 0 ? { systemInstruction: { parts: system } } : {}), contents };
  return `curl "${origin}/v1beta/models/${encodeURIComponent(model)}:generateContent" \\
  -H "x-goog-api-key: $NEXUS_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '${quoted(json(body))}'`;
}

export const SNIPPETS = { curl, python, node, anthropic, gemini };
