// No gateway at all: the floor that added latency is measured from.
export const name = "direct";
export const about = "no gateway: the load generator asks the upstream itself";
/** It forwards whatever it is asked, in whatever dialect the answer is. */
export const reference = true;

export async function start({ upstream }) {
  return { url: `${upstream.url}/v1/chat/completions`, headers: { authorization: "Bearer sk-bench" }, async stop() {} };
}
