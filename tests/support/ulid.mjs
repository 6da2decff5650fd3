// ULIDs of a given time, as the gateway makes them.
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The id of a time in milliseconds; `n` tells those of the same millisecond apart. */
export function ulid(ms, n = 0) {
  const encode = (value, length) => {
    let text = "";
    for (let rest = value; text.length < length; rest = Math.floor(rest / 32)) text = DIGITS[rest % 32] + text;
    return text;
  };
  return encode(ms, 10) + encode(n, 16);
}
