// Splitting a growing Markdown text into what is finished and the block that may still change, so that each piece of a streamed
// answer costs the parsing of its last block only.

/**
 * Where the last block begins: after the last blank line that is followed by a line at the left margin and lies outside of a
 * fenced block. Lists, quotes and indented lines go on over blank lines and are not divided.
 */
export function tailStart(text: string, from = 0): number {
  let start = from;
  let fence: string | undefined;
  let at = from;
  let isAfterBlank = false;
  while (at < text.length) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end < 0 ? text.length : end);
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined && isAfterBlank && isNewBlock(line)) start = at;
    if (fence === undefined && mark) fence = mark;
    else if (fence !== undefined && mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
    isAfterBlank = line.trim() === "";
    if (end < 0) break;
    at = end + 1;
  }
  return start;
}

// A line of which only the beginning has come may still become the next item of a list.
const isNewBlock = (line: string) => /^[^\s>*+\-0-9[|<]/.test(line);
