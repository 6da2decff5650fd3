// Patterns of names as a form has them: one a line.

/** No line is no list. */
export function patternsOf(text: string): string[] | null {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  return lines.length > 0 ? lines : null;
}

export const linesOfPatterns = (patterns: string[] | null) => (patterns ?? []).join("\n");
