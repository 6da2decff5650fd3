// The TypeScript types of the API, from docs/openapi.json: one interface a schema, and one entry an operation in `Operations`,
// which is what the client is typed by. What it writes is not in the repository, so it cannot be out of date: the build makes it.

const METHODS = ["get", "post", "put", "patch", "delete"];

/** The text of `schema.d.ts` for an OpenAPI 3.1 document. */
export function apiTypes(document) {
  const schemas = Object.entries(document.components.schemas).map(
    ([name, schema]) => `export type ${name} = ${typeOf(schema)};`,
  );
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) =>
      operationOf(document, `${method.toUpperCase()} ${path}`, item[method]),
    ),
  );
  return [
    "// Made from docs/openapi.json by web/tools/api-types.mjs.",
    ...schemas,
    `export type PermissionCode = ${permissionsOf(document)};`,
    `export interface Operations {\n${operations.join("\n")}\n}`,
    "",
  ].join("\n");
}

/** All codes of permissions that an operation needs. */
function permissionsOf(document) {
  const operations = Object.values(document.paths).flatMap((item) => METHODS.map((method) => item[method]));
  const codes = operations.flatMap((operation) => [operation?.["x-permission"], operation?.["x-permission-own"]]);
  return [...new Set(codes.filter(Boolean))]
    .sort()
    .map((code) => JSON.stringify(code))
    .join(" | ");
}

function operationOf(document, name, operation) {
  const parameters = (operation.parameters ?? []).map((parameter) => resolve(document, parameter));
  const body = schemaOf(operation.requestBody);
  const answer = Object.entries(operation.responses).find(([status]) => status.startsWith("2"))?.[1];
  return `  ${JSON.stringify(name)}: { path: ${bagOf(parameters, "path")}; query: ${bagOf(parameters, "query")}; body: ${
    body ? typeOf(body) : "undefined"
  }; answer: ${typeOf(schemaOf(answer) ?? {})} };`;
}

const resolve = (document, value) =>
  value.$ref
    ? value.$ref
        .split("/")
        .slice(1)
        .reduce((at, part) => at[part], document)
    : value;

const schemaOf = (holder) => holder?.content?.["application/json"]?.schema;

function bagOf(parameters, place) {
  const fields = parameters
    .filter((parameter) => parameter.in === place)
    .map(({ name, required, schema }) => `${JSON.stringify(name)}${required ? "" : "?"}: ${typeOf(schema)}`);
  return fields.length > 0 ? `{ ${fields.join("; ")} }` : "Record<never, never>";
}

function typeOf(schema) {
  if (schema === true || schema === undefined) return "unknown";
  if (schema === false) return "never";
  if (schema.$ref) return schema.$ref.split("/").at(-1);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const alternatives = schema.oneOf ?? schema.anyOf;
  const parts = [];
  if (alternatives) parts.push(`(${alternatives.map(typeOf).join(" | ")})`);
  if (schema.allOf) parts.push(`(${schema.allOf.map(typeOf).join(" & ")})`);
  if (schema.properties || parts.length === 0) parts.push(plain(schema));
  return parts.join(" & ");
}

function plain(schema) {
  const types = [schema.type ?? (schema.properties ? "object" : undefined)].flat();
  return types.map((type) => primitive(type, schema)).join(" | ");
}

function primitive(type, schema) {
  switch (type) {
    case "integer":
    case "number":
      return "number";
    case "string":
    case "boolean":
    case "null":
      return type;
    case "array":
      return `(${typeOf(schema.items)})[]`;
    case "object":
      return object(schema);
    default:
      return "unknown";
  }
}

function object({ properties = {}, required = [], additionalProperties }) {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const comment = schema.description
      ? `/** ${schema.description.replaceAll("*/", "* /").replaceAll("\n", " ")} */ `
      : "";
    return `${comment}${JSON.stringify(name)}${required.includes(name) ? "" : "?"}: ${typeOf(schema)}`;
  });
  if (fields.length > 0) return `{ ${fields.join("; ")} }`;
  return `Record<string, ${additionalProperties ? typeOf(additionalProperties) : "unknown"}>`;
}
