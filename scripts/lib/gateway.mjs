// The gateway that `npm start` runs, and the token that opens its admin API.

import { ensureSecrets } from "./local-state.mjs";

export const localUrl = () => `http://127.0.0.1:${process.env.PORT || 8787}`;

/** The token of the environment, or that of the local gateway. */
export const adminToken = () => process.env.ADMIN_TOKEN || ensureSecrets().ADMIN_TOKEN;
