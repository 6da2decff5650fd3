// Tools of the Model Context Protocol as the pages show them: what the API says of them is JSON without a fixed form, and is read here.
// What does not have the expected form is left out, so a server cannot break a page by its definitions.

export type Gate = "accepted" | "new" | "changed" | "unusable";

export interface Finding {
  /** Whether it hides the tool until it is accepted. */
  hides: boolean;
  rule: string;
  path: string;
  detail: string;
}

/** A member of a definition that is not as it was accepted. A text is JSON; `undefined` where there is none. */
export interface MemberChange {
  member: string;
  before: string | undefined;
  after: string | undefined;
}

export interface Changes {
  /** By the name of the tool. */
  members: Map<string, MemberChange[]>;
  /** Tools that were accepted and are gone. */
  removed: string[];
}

export interface Definition {
  title: string;
  description: string;
  /** The JSON Schema of its arguments. */
  schema: unknown;
}

type Fields = Record<string, unknown>;
export const fieldsOf = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
export const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

const GATES: Gate[] = ["accepted", "new", "changed", "unusable"];

/** A state that is not known is one that cannot be used. */
export const gateOf = (state: unknown): Gate => GATES.find((gate) => gate === state) ?? "unusable";

export const findingsOf = (findings: unknown[]): Finding[] =>
  findings.map(fieldsOf).map((found) => ({
    hides: found.severity === "quarantine",
    rule: textOf(found.rule),
    path: textOf(found.path),
    detail: textOf(found.detail),
  }));

export function changesOf(changes: unknown[]): Changes {
  const read: Changes = { members: new Map(), removed: [] };
  for (const change of changes.map(fieldsOf)) {
    const tool = textOf(change.tool);
    if (change.change === "removed") read.removed.push(tool);
    if (change.change === "changed") read.members.set(tool, listOf(change.members).map(fieldsOf).map(memberOf));
  }
  return read;
}

const memberOf = ({ member, before, after }: Fields): MemberChange => ({
  member: textOf(member),
  before: before === undefined ? undefined : json(before),
  after: after === undefined ? undefined : json(after),
});

export function definitionOf(definition: unknown): Definition {
  const fields = fieldsOf(definition);
  return {
    title: textOf(fields.title) || textOf(fieldsOf(fields.annotations).title),
    description: textOf(fields.description),
    schema: fields.inputSchema,
  };
}

export const json = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value, null, 2));
