// What DashScope sends in its native protocol: https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope.
import { inPieces } from "./upstream.mjs";

const REQUEST_ID = "902fee3b-f7f0-9a8c-96a1-6b4ea25af114";

export const tokens = (input, output, extra = {}) => ({
  input_tokens: input,
  output_tokens: output,
  total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: 0 },
  ...extra,
});

/** A whole answer; `message` is a text or the message's fields. */
export const generated = (message, { finish = "stop", usage = tokens(9, 4) } = {}) => ({
  output: {
    choices: [
      {
        finish_reason: finish,
        message: {
          role: "assistant",
          ...(typeof message === "string" ? { content: message } : { content: "", ...message }),
        },
      },
    ],
  },
  usage,
  request_id: REQUEST_ID,
});

/** No space after the colons, a comment with the status, the word "null" where nothing is finished. */
export const event = (id, value, { name = "result", status = 200 } = {}) =>
  `id:${id}\nevent:${name}\n:HTTP_STATUS/${status}\ndata:${JSON.stringify(value)}\n\n`;

/**
 * The events of a complete answer as a stream. Each has the usage so far. Without `incremental` each repeats all
 * earlier text, as the service does by default.
 */
export function eventsOf(whole, { size = 3, incremental = true } = {}) {
  const { finish_reason, message } = whole.output.choices[0];
  const steps = [];
  for (const name of ["reasoning_content", "content"]) {
    for (const piece of inPieces(message[name] ?? "", size)) steps.push({ [name]: piece });
  }
  for (const [
    index,
    {
      id,
      type,
      function: { name, arguments: args },
    },
  ] of (message.tool_calls ?? []).entries()) {
    const [first = "", ...more] = inPieces(args, size);
    steps.push({ tool_calls: [{ index, id, type, function: { name, arguments: first } }] });
    for (const piece of more) steps.push({ tool_calls: [{ index, id: "", type, function: { arguments: piece } }] });
  }
  steps.push({});
  const sum = { content: "" };
  return steps.map((step, i) => {
    const last = i === steps.length - 1;
    add(sum, step);
    const said = incremental ? { content: "", ...step } : structuredClone(sum);
    const usage = {
      ...whole.usage,
      output_tokens: last ? whole.usage.output_tokens : Math.min(i + 1, whole.usage.output_tokens),
    };
    return event(i + 1, {
      output: { choices: [{ message: { role: "assistant", ...said }, finish_reason: last ? finish_reason : "null" }] },
      usage: { ...usage, total_tokens: usage.input_tokens + usage.output_tokens },
      request_id: whole.request_id,
    });
  });
}

function add(sum, { tool_calls: calls = [], ...texts }) {
  for (const [name, text] of Object.entries(texts)) sum[name] = (sum[name] ?? "") + text;
  for (const call of calls) {
    sum.tool_calls ??= [];
    const known = sum.tool_calls[call.index];
    if (known) known.function.arguments += call.function.arguments;
    else sum.tool_calls[call.index] = structuredClone(call);
  }
}

/** Answers like DashScope, streamed or not as the headers say. */
export const answersWith =
  (whole, headers = {}) =>
  (x) => {
    if (!x.wantsStream) return x.reply(200, whole, headers);
    return x.stream(eventsOf(whole, { incremental: x.json().parameters?.incremental_output === true }), {
      "content-type": "text/event-stream;charset=UTF-8",
      ...headers,
    });
  };

export const errorBody = (code, message) => ({ code, message, request_id: REQUEST_ID });
