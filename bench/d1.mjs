// D1 outside the Worker's process, as it is outside the machine in production: what the platform's client for D1 asks over
// HTTP, answered by Node's own SQLite, in memory. A process of its own, because SQLite blocks its thread; a
// port of its own for every database. Asked for `{ open: true }`, it opens one.
//
//   POST /query or /execute, ?resultsFormat=ROWS_AND_COLUMNS | ARRAY_OF_OBJECTS | NONE
//        { sql, params? }, or a list of these, which succeed or fail together
//
// It does not count the rows that are touched: the measure `operations` does, with the D1 of the simulator.
import { DatabaseSync } from "node:sqlite";
import { serveWhole } from "./http1.mjs";

/** Statements that stay prepared; more are forgotten all at once. */
const MOST_PREPARED = 500;

class Database {
  constructor() {
    this.database = new DatabaseSync(":memory:");
    this.prepared = new Map();
    this.state = this.database.prepare("SELECT total_changes() AS changes, last_insert_rowid() AS row");
  }

  /** Atomic, as in D1. */
  transaction(queries, format) {
    this.database.exec("BEGIN IMMEDIATE");
    try {
      const results = queries.map((query) => this.#query(query, format));
      this.database.exec("COMMIT");
      return results;
    } catch (error) {
      // Some errors have ended the transaction already.
      if (this.database.isTransaction) this.database.exec("ROLLBACK");
      throw error;
    }
  }

  #query({ sql, params }, format) {
    const statement = this.#prepare(sql);
    const before = this.state.get();
    const began = performance.now();
    // The client sends bytes as a list of numbers, and wants them back as one.
    const rows = statement.all(
      ...(params ?? []).map((value) => (Array.isArray(value) ? Uint8Array.from(value) : value)),
    );
    const duration = performance.now() - began;
    const after = this.state.get();
    for (const row of rows) row.forEach((value, i) => value instanceof Uint8Array && (row[i] = [...value]));
    const columns = statement.columns().map(({ name }) => name);
    const changes = after.changes - before.changes;
    const meta = {
      served_by: "bench",
      duration,
      changes,
      last_row_id: after.row,
      changed_db: changes > 0,
      size_after: 0,
      rows_read: 0,
      rows_written: 0,
    };
    return { success: true, results: shape(format, columns, rows), meta };
  }

  #prepare(sql) {
    let statement = this.prepared.get(sql);
    if (statement) return statement;
    statement = this.database.prepare(sql);
    // SQLite runs the first statement of a text and ignores the others.
    if (sql.slice(statement.sourceSQL.length).trim()) throw new Error("more than one statement in a query");
    statement.setReturnArrays(true);
    if (this.prepared.size >= MOST_PREPARED) this.prepared.clear();
    this.prepared.set(sql, statement);
    return statement;
  }
}

function shape(format, columns, rows) {
  if (format === "ROWS_AND_COLUMNS") return { columns, rows };
  return format === "NONE" ? [] : rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
}

function answer(database, head, body) {
  const [, method, path, format] = /^(\S+) (\/\w*)(?:\?resultsFormat=(\w+))?/.exec(head) ?? [];
  if (method !== "POST" || (path !== "/query" && path !== "/execute"))
    return reply("501 Not Implemented", { success: false, error: "not D1" });
  try {
    return reply("200 OK", database.transaction([JSON.parse(body)].flat(), format));
  } catch ({ message }) {
    return reply("500 Internal Server Error", { success: false, error: message });
  }
}

function reply(status, value) {
  const json = JSON.stringify(value);
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
}

function openDatabase() {
  const database = new Database();
  return serveWhole((head, body) => answer(database, head, body.toString()));
}

process.on("message", async ({ id, open }) =>
  process.send({ id, result: { port: open ? await openDatabase() : null } }),
);
process.on("disconnect", () => process.exit(0));
process.send({ ready: true });
