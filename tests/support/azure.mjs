// What Azure adds to OpenAI's answers: https://learn.microsoft.com/azure/ai-foundry/openai/reference.
import { completion, event, eventsOf } from "./upstream.mjs";

const SAFE = Object.fromEntries(
  ["hate", "self_harm", "sexual", "violence"].map((name) => [name, { filtered: false, severity: "safe" }]),
);
const PROMPT_FILTER = { prompt_filter_results: [{ prompt_index: 0, content_filter_results: SAFE }] };

/** A whole answer with the filter's results in it. */
export function filtered(model, message, options) {
  const whole = { ...completion(model, message, options), ...PROMPT_FILTER };
  return { ...whole, choices: whole.choices.map((choice) => ({ ...choice, content_filter_results: SAFE })) };
}

/** The same as a stream: before the first chunk comes one about the prompt, without choices. */
export function filteredEvents(whole, options) {
  const { choices, prompt_filter_results, ...rest } = whole;
  const plain = { ...rest, choices: choices.map(({ content_filter_results: _, ...choice }) => choice) };
  return [
    event({ choices: [], created: 0, id: "", model: "", object: "", prompt_filter_results }),
    ...eventsOf(plain, options),
  ];
}

export const errorBody = (code, message) => ({ error: { code, message } });

/** The error by which the content filter refuses a prompt. */
export const FILTERED = {
  error: {
    message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
    type: null,
    param: "prompt",
    code: "content_filter",
    status: 400,
    innererror: {
      code: "ResponsibleAIPolicyViolation",
      content_filter_result: { violence: { filtered: true, severity: "high" } },
    },
  },
};
