// What the processor time of a small request is spent on, of the gateway and of plain JavaScript that makes the calls of the platform that
// a gateway with records needs: it says how much of the distance our own code could ever win.
import { canSample, profile } from "../native-profile.mjs";
import { scenarios } from "../scenarios.mjs";

export const name = "parts";
export const about = "what the processor time of a small request is spent on";

const SCENARIO = "chat-1k-c16";
const CONTESTANTS = ["nexus-edge", "javascript-recorder"];

export async function run({ upstream, load, database, upstreamAddress, quick, log, ...context }) {
  if (!canSample()) {
    log("perf is not there: nothing is sampled");
    return null;
  }
  const scenario = scenarios.find(({ name }) => name === SCENARIO);
  const found = {};
  for (const contestant of CONTESTANTS)
    found[contestant] = await profile(
      { upstream, load, database },
      { ...context, upstream: upstreamAddress },
      contestant,
      scenario,
      quick ? 1 : 6,
    );
  return { scenario: SCENARIO, found };
}
