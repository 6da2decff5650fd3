// What docs/openapi.json promises, checked against every JSON answer that a test receives: the status is declared, and the
// body fits the schema of that status. A field that the gateway adds without saying so is found here, too.
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";

const document = JSON.parse(readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8"));

// Formats and OpenAPI's own keywords say nothing about validity here.
const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: false });
ajv.addSchema(document, "openapi");

// A literal path stands before one with a parameter, and a parameter takes slashes only where nothing else matches.
const paths = Object.entries(document.paths).sort(
  ([a], [b]) => parametersOf(a) - parametersOf(b) || b.length - a.length,
);
const operations = ["([^/]+)", "(.+)"].flatMap((parameter) =>
  paths.map(([path, methods]) => ({ methods, pattern: patternOf(path, parameter) })),
);
const validators = new Map();

/** An answer that the document says once for many operations. */
const resolved = (answer) => (answer?.$ref ? document.components.responses[answer.$ref.split("/").at(-1)] : answer);

/** Throws if the answer to `method target` is not one that the document promises. Paths that it does not know pass. */
export function checkAnswer(method, target, { status, headers, text }) {
  if (method === "HEAD" || !headers["content-type"]?.startsWith("application/json")) return;
  const path = decode(target.split("?")[0]);
  const found = path && operations.find(({ methods, pattern }) => methods[method.toLowerCase()] && pattern.test(path));
  if (!found) return;
  const { responses, operationId } = found.methods[method.toLowerCase()];
  const declared = resolved(responses[status] ?? (status >= 400 ? responses.default : undefined));
  if (!declared)
    throw new Error(
      `${operationId} answered ${status}, which docs/openapi.json does not declare: ${text.slice(0, 300)}`,
    );
  const schema = declared.content?.["application/json"]?.schema;
  if (!schema) throw new Error(`${operationId} answered ${status} with JSON, which docs/openapi.json does not declare`);
  const body = parse(text);
  // An upstream's answer that passes as it is may be anything, whatever its content type says.
  if (body === undefined && isFree(schema)) return;
  const validate = validatorOf(schema);
  if (!validate(body)) {
    const [{ instancePath, message, params }] = validate.errors;
    const place = instancePath || "the body";
    throw new Error(`${operationId} ${status}: ${place} ${message} ${JSON.stringify(params)}: ${text.slice(0, 600)}`);
  }
}

const isFree = ({ type, anyOf }) =>
  Array.isArray(type) || anyOf?.some((one) => Object.keys(one).join() === "description");

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function validatorOf(schema) {
  const key = JSON.stringify(schema);
  if (!validators.has(key)) validators.set(key, ajv.compile(withAbsoluteReferences(schema)));
  return validators.get(key);
}

const withAbsoluteReferences = (schema) =>
  JSON.parse(JSON.stringify(schema), (name, value) => (name === "$ref" ? `openapi${value}` : value));

function parametersOf(path) {
  return path.split("{").length;
}

function patternOf(path, parameter) {
  const escaped = path.replace(/[.*+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replace(/\{[^}]+\}/g, parameter)}$`);
}

function decode(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
