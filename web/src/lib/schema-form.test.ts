import assert from "node:assert/strict";
import { test } from "node:test";
import { Unreadable, fieldsOfSchema, objectOf, textsOf, objectFrom } from "./schema-form.ts";

const SCHEMA = {
  type: "object",
  properties: {
    path: { type: "string", title: "Path", description: "Of the file" },
    limit: { type: "integer", default: 10 },
    deep: { type: ["boolean", "null"] },
    order: { enum: ["up", 2, null], default: 2 },
    filter: { type: "object" },
    any: {},
  },
  required: ["path"],
};
const FIELDS = fieldsOfSchema(SCHEMA);

test("members of an object are fields by their type", () => {
  assert.deepEqual(
    FIELDS.map(({ name, kind, label, isRequired, initial }) => [name, kind, label, isRequired, initial]),
    [
      ["path", "text", "Path", true, ""],
      ["limit", "number", "limit", false, "10"],
      ["deep", "boolean", "deep", false, ""],
      ["order", "choice", "order", false, "1"],
      ["filter", "json", "filter", false, ""],
      ["any", "json", "any", false, ""],
    ],
  );
});

test("what is not an object of a few members has no fields", () => {
  const many = Object.fromEntries(Array.from({ length: 41 }, (_, at) => [`m${at}`, {}]));
  for (const schema of [null, "x", { type: "array" }, { type: "object" }, { properties: many }])
    assert.deepEqual(fieldsOfSchema(schema), []);
});

test("fields make the value, empty ones are left out, and a required text may be empty", () => {
  assert.deepEqual(objectFrom(FIELDS, {}), { path: "", limit: 10, order: 2 });
  assert.deepEqual(
    objectFrom(FIELDS, { path: "a", limit: "", deep: "false", order: "2", filter: '{"x":[1]}', any: "null" }),
    { path: "a", deep: false, order: null, filter: { x: [1] }, any: null },
  );
});

test("what cannot be read names its field", () => {
  for (const [texts, field] of [
    [{ limit: "many" }, "limit"],
    [{ filter: "{" }, "filter"],
  ] as const)
    assert.throws(
      () => objectFrom(FIELDS, texts),
      (error) => error instanceof Unreadable && error.field === field,
    );
  for (const text of ["[]", "1", "{"])
    assert.throws(
      () => objectOf(text),
      (error) => error instanceof Unreadable && error.field === "",
    );
  assert.deepEqual(objectOf(" "), {});
});

test("a value goes into the fields and comes out of them as it was", () => {
  const value = { path: "a", limit: 3, deep: true, order: "up", filter: { x: 1 }, any: "text" };
  assert.deepEqual(objectFrom(FIELDS, textsOf(FIELDS, value)), value);
});
