// Nexus Edge with everything on: keys, resolution, the usage tap and one queue message a request. The queue itself is
// outside the process, as it is outside the machine in production, so its consumer is not measured here (see the
// contestant nexus-edge-one-process).
import { configure, missing, startGateway } from "../../gateway.mjs";

export { missing };
export const name = "nexus-edge";
export const about = "Nexus Edge with keys and usage records on, its queue outside the process as in production";

/** What it puts off until after the answer must not be done in the next contestant's turn. */
export const settleMs = 300;

export async function start(context, { queue } = context) {
  const gateway = await startGateway(context, { name, queue });
  try {
    return { ...gateway, ...(await configure(gateway, context.upstream)) };
  } catch (error) {
    await gateway.stop();
    throw error;
  }
}
