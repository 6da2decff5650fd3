// The texts that are counted: real ones, from packages that a registry has. Nothing of them is kept in this repository.
//
// English is the prose in the documentation of the crates that take part; code is their source and TypeScript's; the
// other languages are the translations of TypeScript's messages.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const TYPESCRIPT = "5.9.3";
const MEGABYTE = 1_000_000;

/** Writes one file per corpus into `directory` and returns their paths by name. */
export function prepareCorpora(directory, manifest) {
  mkdirSync(directory, { recursive: true });
  const typescript = unpackTypescript(directory);
  const crates = crateDirectories(manifest);
  const messages = (language) => {
    const file = path.join(typescript, "lib", language, "diagnosticMessages.generated.json");
    return Object.values(JSON.parse(readFileSync(file, "utf8"))).join("\n");
  };
  const english = prose(crates);
  const code = [
    readFileSync(path.join(typescript, "lib", "typescript.js"), "utf8").slice(2 * MEGABYTE, 3 * MEGABYTE),
    ...filesWith(crates, "src", ".rs"),
  ].join("\n");
  const chinese = [messages("zh-cn"), messages("zh-tw")].join("\n");
  const cjk = [chinese, messages("ja"), messages("ko")].join("\n");
  const european = ["de", "fr", "es", "pl", "ru", "tr"].map(messages).join("\n");
  const corpora = {
    english,
    code,
    chinese,
    cjk,
    european,
    mixed: interleave([english, code.slice(0, 2 * MEGABYTE), cjk, european]),
    "one letter": "a".repeat(MEGABYTE),
    "one space": " ".repeat(MEGABYTE),
    "one ideograph": "中".repeat(MEGABYTE / 3),
    "no spaces": [...cjk]
      .filter((character) => /\p{L}/u.test(character))
      .join("")
      .slice(0, 300_000),
  };
  return Object.fromEntries(
    Object.entries(corpora).map(([name, text]) => {
      const file = path.join(directory, `${name.replaceAll(" ", "-")}.txt`);
      writeFileSync(file, cut(text, MEGABYTE));
      return [name, file];
    }),
  );
}

function unpackTypescript(directory) {
  const target = path.join(directory, `typescript-${TYPESCRIPT}`);
  if (!existsSync(path.join(target, "package", "package.json"))) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
    const pack = ["pack", `typescript@${TYPESCRIPT}`, "--silent", "--pack-destination", target];
    const archive = execFileSync("npm", pack, { encoding: "utf8" }).trim();
    execFileSync("tar", ["-xzf", path.join(target, archive), "-C", target]);
  }
  return path.join(target, "package");
}

function crateDirectories(manifest) {
  const metadata = execFileSync("cargo", ["metadata", "--format-version", "1", "--manifest-path", manifest], {
    encoding: "utf8",
    maxBuffer: 64 * MEGABYTE,
  });
  return JSON.parse(metadata)
    .packages.filter((entry) => entry.source)
    .map((entry) => path.dirname(entry.manifest_path))
    .sort();
}

function prose(crates) {
  const isProse = (line) => line.length > 60 && /^[A-Za-z"'(*-]/.test(line) && !/[|{}<>]|https?:|\[#/.test(line);
  const documents = crates.flatMap((directory) =>
    ["README.md", "CHANGELOG.md"].map((name) => path.join(directory, name)).filter(existsSync),
  );
  const comments = filesWith(crates, "src", ".rs").flatMap((source) =>
    source.split("\n").flatMap((line) => /^\s*\/\/[/!] (.*)/.exec(line)?.[1] ?? []),
  );
  const lines = [...documents.flatMap((file) => readFileSync(file, "utf8").split("\n")), ...comments];
  return lines.filter((line) => isProse(line) && !/[^\x20-\x7e]/.test(line)).join("\n");
}

function filesWith(crates, folder, extension) {
  return crates.flatMap((directory) => {
    const root = path.join(directory, folder);
    if (!existsSync(root)) return [];
    return readdirSync(root)
      .filter((name) => name.endsWith(extension))
      .sort()
      .map((name) => readFileSync(path.join(root, name), "utf8"));
  });
}

function interleave(texts) {
  const parts = [];
  for (let at = 0; at < 250_000; at += 2500) for (const text of texts) parts.push(text.slice(at, at + 2500));
  return parts.join("\n");
}

/** The first `bytes` bytes of whole characters. */
function cut(text, bytes) {
  const buffer = Buffer.from(text.toWellFormed(), "utf8");
  let end = Math.min(bytes, buffer.length);
  while (end < buffer.length && (buffer[end] & 0xc0) === 0x80) end--;
  return buffer.subarray(0, end);
}
