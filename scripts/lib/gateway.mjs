// The gateway that `npm start` runs, and the token that opens its admin API.

import { ensureSecrets, readCredentials } from "./local-state.mjs";

/** Its address. `PORT` names another than that of the last start. */
export const localUrl = () =>
  process.env.PORT
    ? `http://127.0.0.1:${process.env.PORT}`
    : new URL(readCredentials()?.base_url ?? "http://127.0.0.1:8787").origin;

/** The token of the environment, or that of the local gateway. */
export const adminToken = () => process.env.ADMIN_TOKEN || ensureSecrets().ADMIN_TOKEN;
