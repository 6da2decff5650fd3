// Calls of the API, typed by its description. What fails is an `ApiFailure` with the code, the field and the id of the request.
// The credential is a cookie that scripts cannot read; the header `x-nexus-csrf` shows that the call comes from a page of this
// origin. A 401 is tried once more after the session was renewed, and is told to the page if that does not help.

import { preferences } from "../lib/preferences.ts";
import type { Operations } from "./schema.d.ts";

export type Operation = keyof Operations;
export type Answer<O extends Operation> = Operations[O]["answer"];

/** The parts of a call that its operation has. Values of queries that are empty or undefined are left out. */
export interface CallOptions<O extends Operation> {
  path?: Operations[O]["path"];
  query?: Operations[O]["query"];
  body?: Operations[O]["body"];
  /** A file as the body. */
  file?: Blob;
  /** The key that a call of a model is made as. */
  actAs?: string | undefined;
  signal?: AbortSignal;
}

export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;
  readonly param: string | null;
  readonly requestId: string | null;
  /** Seconds after which another try may succeed. */
  readonly retryAfter: number | null;

  constructor(status: number, code: string, message: string, rest: Partial<ApiFailure> = {}) {
    super(message);
    this.name = "ApiFailure";
    this.status = status;
    this.code = code;
    this.param = rest.param ?? null;
    this.requestId = rest.requestId ?? null;
    this.retryAfter = rest.retryAfter ?? null;
  }
}

const signedOut = new Set<() => void>();

/** Calls `listener` whenever a call was refused for want of a session. */
export function onSignedOut(listener: () => void): () => void {
  signedOut.add(listener);
  return () => signedOut.delete(listener);
}

let confirm: (() => Promise<boolean>) | undefined;

/** What asks the person to sign in once more before something that is not to be done by who merely finds the page open. */
export function onConfirmation(handler: () => Promise<boolean>): () => void {
  confirm = handler;
  return () => {
    if (confirm === handler) confirm = undefined;
  };
}

export async function call<O extends Operation>(operation: O, options: CallOptions<O> = {}): Promise<Answer<O>> {
  return (await request(operation, options)) as Answer<O>;
}

interface RequestOptions extends Omit<CallOptions<Operation>, "path" | "query" | "body"> {
  path?: object;
  query?: object;
  body?: unknown;
}

/** The same for operations that the description does not have: those of the session. */
export async function request(operation: string, options: RequestOptions = {}): Promise<unknown> {
  return read(await answerTo(operation, options));
}

/** The answer of an operation before it is read, for those that stream. */
export async function answerTo(operation: string, options: RequestOptions): Promise<Response> {
  const [method = "GET", template = ""] = operation.split(" ");
  const address = addressOf(template, options.path ?? {}, options.query ?? {});
  const init: RequestInit = { method, headers: headersOf(options), credentials: "same-origin", cache: "no-store" };
  if (options.file) init.body = options.file;
  else if (options.body !== undefined) init.body = JSON.stringify(options.body);
  if (options.signal) init.signal = options.signal;
  let response = await send(address, init);
  // A wrong password or token is answered with 401 as well, and is no session that ended.
  if (response.status === 401 && !isSignIn(template)) {
    if (preferences().renewable && (await renew())) response = await send(address, init);
    if (response.status === 401) for (const listener of signedOut) listener();
  }
  if (response.status === 403 && confirm && (await isUnconfirmed(response)) && (await confirm()))
    response = await send(address, init);
  return response;
}

const isUnconfirmed = async (response: Response) => (await response.clone().text()).includes('"confirmation_required"');

const isSignIn = (path: string) => path.startsWith("/auth/") || path === "/console/session";

function headersOf(options: { actAs?: string | undefined; body?: unknown; file?: Blob }): Record<string, string> {
  const { actAs, body, file } = options;
  const headers: Record<string, string> = { accept: "application/json", "x-nexus-csrf": "1" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (file) headers["content-type"] = file.type;
  if (actAs) headers["x-nexus-key-id"] = actAs;
  return headers;
}

export function addressOf(template: string, path: object, query: object): string {
  const filled = Object.entries(path).reduce(
    (address, [name, value]) => address.replace(`{${name}}`, encodeURIComponent(String(value))),
    template,
  );
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const search = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
  return search ? `${filled}?${search}` : filled;
}

async function send(address: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(address, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiFailure(0, "no_connection", "The gateway cannot be reached");
  }
}

let renewal: Promise<boolean> | undefined;

/** Makes the access cookie anew from the refresh cookie. One call for all that wait for it. */
export function renew(): Promise<boolean> {
  renewal ??= fetch("/auth/refresh", {
    method: "POST",
    headers: { "content-type": "application/json", "x-nexus-csrf": "1" },
    body: "{}",
  })
    .then((response) => response.ok)
    .catch(() => false)
    .finally(() => {
      renewal = undefined;
    });
  return renewal;
}

/** The JSON of an answer. One that is an error is thrown as an `ApiFailure`. */
export async function read(response: Response): Promise<unknown> {
  const text = await response.text();
  const json = text ? parse(text) : undefined;
  if (response.ok) return json;
  const error = (json as { error?: { code?: string; message?: string; param?: string } } | undefined)?.error;
  const retry = Number(response.headers.get("retry-after"));
  throw new ApiFailure(
    response.status,
    error?.code ?? `http_${response.status}`,
    error?.message ?? response.statusText,
    {
      param: error?.param ?? null,
      requestId: response.headers.get("x-request-id"),
      retryAfter: retry > 0 ? retry : null,
    },
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
