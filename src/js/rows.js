// Rows of tables as JSON, without a call across the border for each value; called by src/platform/rows.rs.

/** The list of columns, then the list of values of each row. Nothing for no rows. */
function asTexts(rows) {
  if (rows.length === 0) return [];
  return [JSON.stringify(Object.keys(rows[0])), ...rows.map((row) => JSON.stringify(Object.values(row)))];
}

/** The rows of each of some statements, which D1 runs in one transaction. */
export async function nexus_batch_rows(env, statements) {
  const results = await env.DB.batch(statements);
  return results.map(({ results: rows }) => asTexts(rows));
}

/** The rows of a query on the SQLite of a Durable Object. */
export function nexus_cursor_rows(sql, query, values) {
  return asTexts(sql.exec(query, ...values).toArray());
}
