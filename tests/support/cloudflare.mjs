// As much of Cloudflare's API as wrangler uses for a deployment: an account in memory. Wrangler is pointed at it with
// CLOUDFLARE_API_BASE_URL.
import { createServer } from "node:http";

const ACCOUNT = "account-of-test";

export class Account {
  d1 = new Map();
  kv = new Map();
  r2 = new Set();
  queues = new Map();
  secrets = new Set();
  /** The Worker's metadata as it was uploaded last. */
  worker = undefined;
  /** The paths of the static files that were named last. */
  files = [];
  migrations = [];
  uploads = 0;
  /** What was asked, a line each. */
  asked = [];
  #server;

  async start() {
    this.#server = createServer((request, response) => this.#serve(request, response));
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Under which wrangler talks to this account only. */
  environment() {
    return {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${this.#server.address().port}/client/v4`,
      CLOUDFLARE_API_TOKEN: "token-of-test",
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
    };
  }

  async #serve(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const url = new URL(request.url, "http://localhost");
    const path = url.pathname.replace(`/client/v4/accounts/${ACCOUNT}`, "").replace("/client/v4", "");
    this.asked.push(`${request.method} ${path}`);
    const answer = await this.#answer(request, path, url.searchParams, body);
    const [status, envelope] = answer?.error
      ? [
          answer.status ?? 404,
          { success: false, errors: [{ code: answer.error, message: answer.message }], messages: [], result: null },
        ]
      : [
          200,
          {
            success: true,
            errors: [],
            messages: [],
            result: answer ?? null,
            result_info: { page: 1, per_page: 100, total_pages: 1, count: 1, total_count: 1 },
          },
        ];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(envelope));
  }

  async #answer({ method, headers }, path, query, body) {
    const json = () => JSON.parse(body.toString());
    const [, first, second, third, fourth] = path.split("/");
    const route = `${method} /${[first, second === "database" || second === "kv" ? second : undefined].filter(Boolean).join("/")}`;
    // Lists end with their first page.
    if (method === "GET" && Number(query.get("page") ?? 1) > 1) return [];
    if (path === "/accounts" || path === "/memberships")
      return [{ id: ACCOUNT, name: "Test", account: { id: ACCOUNT, name: "Test" } }];
    if (path.startsWith("/user")) return { id: "user", email: "test@example.com", status: "active" };
    switch (route) {
      case "GET /d1/database":
        if (!third) return [...this.d1].map(([name, uuid]) => ({ name, uuid, version: "production" }));
        return { name: [...this.d1].find(([name, uuid]) => third === uuid || third === name)?.[0], uuid: third };
      case "POST /d1/database":
        if (third) return this.#query(json());
        this.d1.set(json().name, `uuid-of-${json().name}`);
        return { name: json().name, uuid: `uuid-of-${json().name}` };
      case "GET /storage/kv":
        return [...this.kv].map(([title, id]) => ({ title, id }));
      case "POST /storage/kv":
        this.kv.set(json().title, `id-of-${json().title}`);
        return { id: `id-of-${json().title}`, title: json().title };
      default:
        return this.#answerMore(`${method} /${first}`, { second, third, fourth, headers, query, body, json });
    }
  }

  async #answerMore(route, { second, third, fourth, headers, query, body, json }) {
    const queue = ([queue_name, queue_id]) => ({
      queue_name,
      queue_id,
      producers: [],
      consumers: [],
      producers_total_count: 0,
      consumers_total_count: 0,
    });
    switch (route) {
      case "GET /r2":
        if (!this.r2.has(third)) return { error: 10006, message: "The specified bucket does not exist." };
        return { name: third, creation_date: "2026-01-01" };
      case "POST /r2":
        this.r2.add(json().name);
        return {};
      case "POST /graphql":
        return {};
      case "GET /queues": {
        const names = query.getAll("name");
        return [...this.queues].filter(([name]) => names.length === 0 || names.includes(name)).map(queue);
      }
      case "POST /queues":
        if (second) return {};
        this.queues.set(json().queue_name, `id-of-${json().queue_name}`);
        return queue([json().queue_name, `id-of-${json().queue_name}`]);
      case "GET /workers":
        return this.#readWorker(second, third, fourth);
      case "PUT /workers":
      case "POST /workers":
        if (fourth === "assets-upload-session") {
          this.files = Object.keys(json().manifest).sort();
          // No bucket: every file is there already.
          return { jwt: "jwt-of-the-files", buckets: [] };
        }
        if (second === "scripts" && (fourth === undefined || fourth === "versions")) return this.#upload(headers, body);
        return {};
      default:
        return {};
    }
  }

  #query({ sql, batch }) {
    const statements = (batch ?? [{ sql }]).map((one) => one.sql);
    for (const statement of statements) {
      const name = /INSERT INTO\s+"?d1_migrations\b[^']*'([^']+\.sql)'/i.exec(statement)?.[1];
      if (name) this.migrations.push(name);
    }
    const results = /FROM\s+"?d1_migrations/i.test(sql ?? "")
      ? this.migrations.map((name, index) => ({ id: index + 1, name, applied_at: "2026-01-01" }))
      : [];
    return [{ results, success: true, meta: { duration: 1 } }];
  }

  #readWorker(second, third, fourth) {
    const absent = { error: 10007, message: "This Worker does not exist on your account." };
    if (second === "subdomain") return { subdomain: "test" };
    if (second === "services" || second === "scripts" || second === "workers") {
      if (!this.worker) return absent;
      if (fourth === "secrets") return [...this.secrets].map((name) => ({ name, type: "secret_text" }));
      if (fourth === "settings") return { bindings: this.worker.bindings };
      if (fourth === "deployments" || fourth === "versions") return { deployments: [], items: [] };
      if (second === "workers") return { id: third, subdomain: { enabled: true, previews_enabled: false } };
      return { default_environment: { script: { id: third, tag: "tag", tags: [], migration_tag: "v4-chat-room" } } };
    }
    return {};
  }

  async #upload(headers, body) {
    const form = await new Response(body, { headers: { "content-type": headers["content-type"] } }).formData();
    const metadata = form.get("metadata");
    this.worker = JSON.parse(typeof metadata === "string" ? metadata : await metadata.text());
    this.uploads += 1;
    for (const { type, name } of this.worker.bindings) if (type === "secret_text") this.secrets.add(name);
    const resources = { script: { etag: "etag" }, script_runtime: {}, bindings: [] };
    return {
      id: "nexus-edge",
      tag: "tag",
      resources,
      deployment_id: "deployment",
      startup_time_ms: 1,
      available_on_subdomain: true,
      has_preview: false,
    };
  }
}
