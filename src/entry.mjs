// What the platform loads: the handlers of the Worker and its Durable Objects. `worker-bindings` is what wasm-bindgen wrote
// around the compiled module; scripts/lib/bundle.mjs makes one file of both.

import { WorkerEntrypoint } from "cloudflare:workers";
import * as bindings from "worker-bindings";

import { recovery } from "./recovery.mjs";

// The stack of a panic is deeper than the ten frames that are usual.
Error.stackTraceLimit = 100;

const { call, recovering } = recovery(bindings.__worker_init_state(), bindings.__wbg_reset_state);

export default class extends WorkerEntrypoint {
  fetch(request) {
    return call(() => bindings.fetch(request, this.env, this.ctx));
  }

  queue(batch) {
    return call(() => bindings.queue(batch, this.env, this.ctx));
  }

  scheduled(controller) {
    return call(() => bindings.scheduled(controller, this.env, this.ctx));
  }
}

export const Account = recovering(bindings.Account);
export const AgentHub = recovering(bindings.AgentHub);
export const ChatRoom = recovering(bindings.ChatRoom);
export const Circuits = recovering(bindings.Circuits);
export const HeldCall = recovering(bindings.HeldCall);
export const Live = recovering(bindings.Live);
export const Login = recovering(bindings.Login);
export const Nonces = recovering(bindings.Nonces);
export const Quota = recovering(bindings.Quota);
