import assert from "node:assert/strict";
import { test } from "node:test";
import { lexer } from "marked";
import { tailStart } from "./mdtail.ts";

const TEXT = `# A title

First *paragraph*, on
two lines.

- one

- two

  more of two

Then text.

\`\`\`rust
fn main() {

    println!("no end of the block here");
}
\`\`\`

| a | b |
|---|---|
| 1 | 2 |

> a quote

The last.
`;

/** What blocks look like, without the spaces between them. */
const shape = (text: string) =>
  lexer(text)
    .filter(({ type }) => type !== "space")
    .map(({ type, raw }) => `${type}:${raw.trim()}`);

test("read in parts while it grows, a text has the blocks that it has as a whole", () => {
  let done: string[] = [];
  let length = 0;
  for (let end = 1; end <= TEXT.length; end++) {
    const text = TEXT.slice(0, end);
    const at = tailStart(text, length);
    assert.ok(at >= length);
    if (at > length) {
      done = [...done, ...shape(text.slice(length, at))];
      length = at;
    }
    assert.deepEqual([...done, ...shape(text.slice(length))], shape(text), `after ${end} characters`);
  }
  assert.ok(length > TEXT.length / 2, "most of it is finished");
});

test("nothing is divided inside of a fenced block, and a longer fence contains a shorter one", () => {
  const text = "````md\n\n```js\n\nx\n```\n\ny\n````\n\nend";
  assert.equal(tailStart(text), text.indexOf("end"));
  assert.equal(tailStart("```\na\n\nb\n\nc"), 0);
});
