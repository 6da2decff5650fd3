// What the form of a set holds, and the body of the API that it becomes: pure.

import type { PickInput, ToolsetCreate, ToolsetView } from "../../api/schema.d.ts";

/** A tool of a set, or those that a pattern fits. */
export interface Line {
  /** Tells lines apart on the page. */
  id: number;
  server: string;
  tool: string;
  name: string;
  description: string;
}

export interface Draft {
  name: string;
  description: string;
  /** Empty: for all keys. */
  owner: string;
  lines: Line[];
}

export const lineOf = (id: number): Line => ({ id, server: "", tool: "*", name: "", description: "" });

export const newOf = (owner: string): Draft => ({ name: "", description: "", owner, lines: [lineOf(0)] });

export const draftOf = (view: ToolsetView): Draft => ({
  name: view.name,
  description: view.description ?? "",
  owner: view.owner ?? "",
  lines: view.tools.map(({ server, tool, name, description }, id) => ({
    id,
    server,
    tool,
    name: name ?? "",
    description: description ?? "",
  })),
});

/** Name and owner, which cannot be changed, are those of a new set only. */
export const bodyOf = (draft: Draft): ToolsetCreate => ({
  name: draft.name.trim(),
  owner: draft.owner.trim() || null,
  ...changeOf(draft),
});

export const changeOf = (draft: Draft) => ({
  description: draft.description.trim() || null,
  tools: draft.lines.filter(({ server }) => server.trim() !== "").map(pickOf),
});

const pickOf = ({ server, tool, name, description }: Line): PickInput => ({
  server: server.trim(),
  tool: tool.trim(),
  name: name.trim() || null,
  description: description.trim() || null,
});
