// No gateway at all: the base line of added latency.
export const name = "direct";
export const about = "no gateway: the load generator asks the upstream itself";
/** It forwards everything, in any dialect. */
export const reference = true;

export async function start({ upstream }) {
  return { url: `${upstream.url}/v1/chat/completions`, headers: { authorization: "Bearer sk-bench" }, async stop() {} };
}
