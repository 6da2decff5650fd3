// A reporter of `node --test` that writes the paths of the files with a failed test, one a line, each once.

export default async function* failedFiles(events) {
  const seen = new Set();
  for await (const { type, data } of events) {
    // A file whose process ends badly is a failed test with the path as its name.
    const file = data?.file ?? data?.name;
    if (type !== "test:fail" || !file || seen.has(file)) continue;
    seen.add(file);
    yield `${file}\n`;
  }
}
