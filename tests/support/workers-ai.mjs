// A stand-in for the platform's AI binding: a Worker whose `run` answers by the model's name, in the forms that Workers AI
// has. It is reached over RPC, where the real binding is an object in the Worker itself: it shows how answers are read, not that
// Workers AI gives them.

const SCRIPT = `
import { WorkerEntrypoint } from 'cloudflare:workers';

const USAGE = { prompt_tokens: 9, completion_tokens: 4, total_tokens: 13 };
const CALLS = [{ name: 'weather', arguments: { city: 'Bern' } }, { name: 'weather', arguments: { city: 'Chur' } }];
const events = (list) => new Response([...list.map((item) => JSON.stringify(item)), '[DONE]'].map((data) => 'data: ' + data + '\\n\\n').join('')).body;
const chunk = (delta, finish_reason = null) => ({ id: 'chatcmpl-ai', object: 'chat.completion.chunk', created: 1, model: '@cf/newer', choices: [{ index: 0, delta, finish_reason }] });

const MODELS = {
  older: () => ({
    whole: { response: 'Grüezi 😀', tool_calls: [], usage: USAGE },
    streamed: [{ response: 'Grü', p: 'abcdef' }, { response: 'ezi ' }, { response: '😀' }, { response: '', usage: USAGE }],
  }),
  newer: () => ({
    whole: { id: 'chatcmpl-ai', object: 'chat.completion', created: 1, model: '@cf/newer', choices: [{ index: 0, message: { role: 'assistant', content: 'Grüezi 😀' }, finish_reason: 'stop' }], usage: USAGE },
    streamed: [chunk({ role: 'assistant', content: 'Grüezi' }), chunk({ content: ' 😀' }), chunk({}, 'stop'), { ...chunk({}), choices: [], usage: USAGE }],
  }),
  tools: () => ({ whole: { response: null, tool_calls: CALLS, usage: USAGE }, streamed: [{ response: '' }, { response: '', tool_calls: CALLS }, { response: '', usage: USAGE }] }),
  json: () => ({ whole: { response: { name: 'Bern', people: 7 }, usage: USAGE } }),
  mirror: (model, inputs) => ({ whole: { response: JSON.stringify({ model, inputs }) } }),
  full: () => { throw new Error('3040: Capacity temporarily exceeded, please try again.'); },
  unknown: () => { throw new Error('5007: No such model @cf/unknown or task'); },
  odd: () => ({ whole: { nothing: true } }),
  never: async () => { await new Promise((resolve) => setTimeout(resolve, 5_000)); return { whole: {} }; },
};

export default class extends WorkerEntrypoint {
  async run(model, inputs) {
    const { whole, streamed } = await MODELS[model.replace('@cf/', '')](model, inputs);
    return inputs.stream && streamed ? events(streamed) : whole;
  }
}
`;

/** The Worker that is bound as `AI`. */
export const aiWorker = (compatibilityDate) => ({
  name: "workers-ai",
  compatibilityDate,
  modules: true,
  script: SCRIPT,
});
