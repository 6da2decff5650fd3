// Reads the literals of TypeScript declaration files, as far as the official packages use the language.

const NAME = /^[A-Za-z_$][\w$]*/;

/** The declarations of one file. */
export class Declarations {
  #text;
  #commented;

  constructor(text) {
    this.#commented = text;
    this.#text = text.replace(/\/\*[\s\S]*?\*\//g, "");
  }

  /**
   * The words of a type:
   * - `Name`, `Space.Name`: the literals of an alias or the values of an enumeration;
   * - `Name.field`: the literals of a member;
   * - `Name#field`, `Name.member#field`: the literals of a member of every type in a union;
   * - `Name.*`: the names of the members.
   */
  words(path) {
    const [place, field] = path.split("#");
    if (place.endsWith(".*")) return new Set(this.#members(this.#body(place.slice(0, -2))).keys());
    const type = this.#typeOf(place);
    if (!field) return this.#literals(type, place);
    const found = new Set();
    for (const member of this.#union(type, place)) {
      const body = member.startsWith("{") ? member.slice(1, -1) : this.#body(member);
      const of = this.#members(body).get(field);
      for (const word of of ? this.#literals(of, member) : []) found.add(word);
    }
    return found;
  }

  /** What is said about a member of an interface of the file, in one line. */
  comment(place) {
    const [name, field] = place.split(".");
    const start = this.#commented.indexOf(`interface ${name} {`);
    const match = new RegExp(`/\\*\\*((?:(?!\\*/)[\\s\\S])*)\\*/\\s*${field}\\??:`).exec(this.#commented.slice(start));
    if (start < 0 || !match) throw new Error(`Nothing is said about ${place}`);
    return match[1].replace(/\s*\n\s*\*\s?/g, " ").trim();
  }

  /** The text of the type at this place. */
  #typeOf(place) {
    const named = this.#enumeration(place) ?? this.#alias(place);
    if (named !== undefined) return named;
    const names = place.split(".");
    const field = names.pop();
    const type = names.length > 0 ? this.#members(this.#body(names.join("."))).get(field) : undefined;
    if (type === undefined) throw new Error(`${place} is not declared`);
    return type;
  }

  #enumeration(place) {
    const match = new RegExp(`enum ${place} \\{([^}]*)\\}`).exec(this.#text);
    return match?.[1].match(/"[^"]*"/g)?.join(" | ");
  }

  /** The text in which names of this space are declared. */
  #space(names) {
    return names.reduce((text, name) => {
      const match = new RegExp(`namespace ${name} \\{`).exec(text);
      if (!match) throw new Error(`The namespace ${name} is not declared`);
      return text.slice(match.index + match[0].length, closing(text, match.index + match[0].length - 1));
    }, this.#text);
  }

  #alias(place) {
    const names = place.split(".");
    const name = names.pop();
    let text;
    try {
      text = this.#space(names);
    } catch {
      return undefined;
    }
    const match = new RegExp(`type ${name} =`).exec(text);
    if (!match) return undefined;
    const start = match.index + match[0].length;
    return text.slice(start, endOfType(text, start)).trim();
  }

  /** What an interface declares, with what it inherits. */
  #body(place) {
    const names = place.split(".");
    const name = names.pop();
    const text = this.#space(names);
    const match = new RegExp(`(?:interface|class) ${name}(?: extends ([\\w$. ,]+))? \\{`).exec(text);
    if (!match) throw new Error(`${place} is not declared`);
    const open = match.index + match[0].length - 1;
    const inherited = match[1]?.split(",").map((base) => this.#body(base.trim())) ?? [];
    return [...inherited, text.slice(open + 1, closing(text, open))].join("\n");
  }

  /** Members and their types. */
  #members(body) {
    const members = new Map();
    let at = 0;
    while (at < body.length) {
      const start = body.slice(at).search(/\S/);
      if (start < 0) break;
      at += start;
      const end = endOfType(body, at);
      const match = /^(?:readonly )?'?([\w$]+)'?\??:([\s\S]*)$/.exec(body.slice(at, end).trim());
      if (match) members.set(match[1], match[2].trim());
      at = end + 1;
    }
    return members;
  }

  /** The types of a union, with those of aliases resolved. */
  #union(type, place) {
    return split(type).flatMap((part) => {
      const element = /^(?:Array<([\s\S]*)>|([\s\S]*)\[\])$/.exec(part);
      if (element) return this.#union((element[1] ?? element[2]).replace(/^\(([\s\S]*)\)$/, "$1"), place);
      const name = this.#resolved(part, place);
      const alias = name && this.#alias(name);
      return alias === undefined ? [name ?? part] : this.#union(alias, name);
    });
  }

  /** The literals of a type. Names without literals count for nothing. */
  #literals(type, place) {
    const found = new Set();
    for (const part of this.#union(type, place)) {
      const literal = /^(['"])(.*)\1$/.exec(part);
      if (literal) found.add(literal[2]);
    }
    return found;
  }

  /** The full name of a type that is named at this place; nothing for what is no declared name. */
  #resolved(name, place) {
    if (!NAME.test(name) || /[^\w$.]/.test(name)) return undefined;
    const names = [name.replace(/^[A-Z]\w*(?:API|Shared)\./, "")];
    const spaces = place.split(".");
    for (let depth = spaces.length; depth > 0; depth -= 1)
      names.unshift([...spaces.slice(0, depth), names.at(-1)].join("."));
    return names.find((candidate) => this.#isDeclared(candidate));
  }

  #isDeclared(place) {
    if (this.#alias(place) !== undefined) return true;
    try {
      this.#body(place);
      return true;
    } catch {
      return false;
    }
  }
}

/** The index of the brace that closes the one at `open`. */
function closing(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === "{") depth += 1;
    if (text[at] === "}" && --depth === 0) return at;
  }
  throw new Error("A brace is not closed");
}

/** Where the type that begins here ends: at a semicolon, or at the end of a line outside of brackets. */
function endOfType(text, start) {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    if ("{[(<".includes(text[at])) depth += 1;
    if ("}])>".includes(text[at]) && text[at - 1] !== "=") depth -= 1;
    if (depth <= 0 && text[at] === ";") return at;
  }
  return text.length;
}

/** The types of a union as they are written. */
function split(type) {
  const parts = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at <= type.length; at += 1) {
    if ("{[(<".includes(type[at] ?? " ")) depth += 1;
    if ("}])>".includes(type[at] ?? " ")) depth -= 1;
    if (at === type.length || (depth === 0 && type[at] === "|")) {
      parts.push(type.slice(start, at).trim());
      start = at + 1;
    }
  }
  return parts.filter(Boolean);
}
