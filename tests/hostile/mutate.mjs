// Seeded damage: the same seed gives the same requests, answers and frames on every run and machine.
//
// Values are damaged inside valid JSON (another type, an absurd size, a name that languages treat specially, a member left
// out or said twice), or the bytes of a text are damaged (cut off, flipped, repeated).
import { prng } from "../support/util.mjs";

/** Values that have broken parsers, databases, number types and templates. */
const VALUES = [
  null,
  true,
  "",
  " ",
  0,
  -1,
  0.5,
  -0,
  1e308,
  Number.MAX_SAFE_INTEGER + 2,
  [],
  {},
  [[]],
  [null],
  "null",
  "0",
  "../../etc/passwd",
  "' OR 1=1 --",
  "%s%n%00",
  "\u0000",
  "\u202e\ufeff",
  "\ud800",
  "𝒳".repeat(64),
  "a".repeat(5_000),
  { __proto__: null, constructor: 1, toString: "x" },
];

/** Numbers that JSON allows and JavaScript cannot write. */
const RAW_NUMBERS = ["1e999", "-1e999", "123456789012345678901234567890", "9007199254740993", "1e-400", "-0.0"];
const RAW = "\u0001raw number\u0001";

/** A source of damage, the same for the same `seed`. */
export function damage(seed) {
  const random = prng(seed);
  const below = (n) => Math.floor(random() * n);
  const one = (list) => list[below(list.length)];

  /** `value` as JSON text, with one to three members damaged. */
  function json(value) {
    const copy = structuredClone(value);
    for (let times = 1 + below(3); times > 0; times--) spoil(copy);
    const text = JSON.stringify(copy).replaceAll(JSON.stringify(RAW), () => one(RAW_NUMBERS));
    // Members that are said twice.
    return below(10) === 0 ? text.replace(/^\{"(\w+)":/, '{"$1":null,"$1":') : text;
  }

  function spoil(root) {
    const places = placesOf(root);
    if (places.length === 0) return;
    const { holder, name } = one(places);
    switch (below(8)) {
      case 0:
        if (Array.isArray(holder)) holder.splice(name, 1);
        else delete holder[name];
        break;
      case 1:
        if (Array.isArray(holder)) holder.push(holder[name]);
        else holder[`${name} `] = holder[name];
        break;
      case 2:
        holder[name] = RAW;
        break;
      case 3:
        holder[name] = [holder[name]];
        break;
      case 4:
        holder[name] = { [one(["type", "text", "id", "value", "$ref"])]: holder[name] };
        break;
      default:
        holder[name] = one(VALUES);
    }
  }

  /** The bytes of `text`, cut off, with bytes changed, or with a stretch repeated. */
  function bytes(text) {
    const whole = Buffer.from(text);
    const at = below(whole.length);
    switch (below(4)) {
      case 0:
        return whole.subarray(0, at);
      case 1:
        return Buffer.concat([whole.subarray(0, at), whole.subarray(Math.max(0, at - below(40))), whole.subarray(at)]);
      default: {
        const changed = Buffer.from(whole);
        for (let times = 1 + below(4); times > 0; times--) changed[below(changed.length)] = below(256);
        return changed;
      }
    }
  }

  return { random, below, one, json, bytes };
}

function placesOf(root) {
  const places = [];
  const walk = (holder) => {
    for (const name of Object.keys(holder)) {
      places.push({ holder, name: Array.isArray(holder) ? Number(name) : name });
      const value = holder[name];
      if (value !== null && typeof value === "object") walk(value);
    }
  };
  walk(root);
  return places;
}
