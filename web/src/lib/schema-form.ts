// A form from a JSON Schema: which fields it has, and the value that they make. Fields are the members of an object; what has no
// simple type is written as JSON. A schema that is no object, or has too many members for a form, has no fields: then the whole
// value is written as JSON. The server checks the value; this only makes it.

import { fieldsOf, listOf, textOf } from "./tools.ts";

export type FieldKind = "text" | "number" | "boolean" | "choice" | "json";

export interface SchemaField {
  name: string;
  kind: FieldKind;
  label: string;
  hint: string;
  isRequired: boolean;
  /** The values of a choice, as they are. */
  options: unknown[];
  /** What the field holds before anything is typed. */
  initial: string;
}

/** What cannot be made of the text of a field. `field` is empty where it is about the whole. */
export class Unreadable extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

const MOST_FIELDS = 40;

export function fieldsOfSchema(schema: unknown): SchemaField[] {
  const { type, properties, required } = fieldsOf(schema);
  const members = Object.entries(fieldsOf(properties));
  if ((type !== undefined && type !== "object") || members.length > MOST_FIELDS) return [];
  const names = new Set(listOf(required));
  return members.map(([name, member]) => fieldOf(name, fieldsOf(member), names.has(name)));
}

function fieldOf(name: string, member: Record<string, unknown>, isRequired: boolean): SchemaField {
  const options = member.const === undefined ? listOf(member.enum) : [member.const];
  const kind = options.length > 0 ? "choice" : kindOf(member.type);
  return {
    name,
    kind,
    label: textOf(member.title) || name,
    hint: textOf(member.description),
    isRequired,
    options,
    initial: member.default === undefined ? "" : written(kind, member.default, options),
  };
}

/** A type may be a list, such as a string or nothing: then what is left of it counts. */
function kindOf(type: unknown): FieldKind {
  const types = (Array.isArray(type) ? type : [type]).filter((one) => one !== "null");
  if (types.length !== 1) return "json";
  const kinds: Record<string, FieldKind> = { string: "text", number: "number", integer: "number", boolean: "boolean" };
  return kinds[String(types[0])] ?? "json";
}

/** A value as the field of a kind holds it: of a choice, the place among its options. */
function written(kind: FieldKind, value: unknown, options: unknown[]): string {
  if (kind === "choice") {
    const at = options.findIndex((option) => JSON.stringify(option) === JSON.stringify(value));
    return at < 0 ? "" : String(at);
  }
  if (kind === "text" && typeof value === "string") return value;
  return JSON.stringify(value, null, 2);
}

/** The object that the fields make. An optional field that is empty is left out. */
export function objectFrom(fields: SchemaField[], texts: Record<string, string>): Record<string, unknown> {
  const read = fields.flatMap((field): [string, unknown][] => {
    const text = texts[field.name] ?? field.initial;
    const isText = field.kind === "text" && (text !== "" || field.isRequired);
    if (!isText && text.trim() === "") return [];
    return [[field.name, readField(field, text)]];
  });
  return Object.fromEntries(read);
}

function readField({ name, kind, options }: SchemaField, text: string): unknown {
  if (kind === "text") return text;
  if (kind === "choice") return options[Number(text)];
  if (kind === "boolean") return text === "true";
  if (kind === "number" && Number.isFinite(Number(text))) return Number(text);
  return parsed(name, text);
}

/** The object that a text of JSON is. */
export function objectOf(text: string): Record<string, unknown> {
  const value = text.trim() === "" ? {} : parsed("", text);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Unreadable("", "{ … }");
  return value as Record<string, unknown>;
}

function parsed(field: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Unreadable(field, error instanceof Error ? error.message : String(error));
  }
}

/** The texts of fields for an object, so that what was written as JSON is in the form. */
export const textsOf = (fields: SchemaField[], value: Record<string, unknown>): Record<string, string> =>
  Object.fromEntries(
    fields.map(({ name, kind, options }) => [
      name,
      value[name] === undefined ? "" : written(kind, value[name], options),
    ]),
  );
