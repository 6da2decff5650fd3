// Nexus Edge with everything on: keys, resolution, the usage tap, usage events, recognised and archived conversations. Queue,
// KV, D1 and R2 are outside the process, as they are outside the machine in production, so the queue's consumer is not measured
// here (see the contestant nexus-edge-one-process). The objects are inside.
import { configure, missing, startGateway } from "../../gateway.mjs";

export { missing };
export const name = "nexus-edge";
export const about =
  "Nexus Edge with everything on; its queue, KV, D1 and R2 are outside the process, as in production";

/** Work that it defers until after the answer must not run in the next contestant's turn. */
export const settleMs = 300;

export async function start(context, keyFields = {}) {
  const gateway = await startGateway(context, { name, ...(await context.openStores?.()) });
  try {
    return { ...gateway, ...(await configure(gateway, context.upstream, keyFields)) };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}
