// An authority and certificates of it, made by the test that needs them: nothing here is trusted by anything else.

import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

const DAY_MS = 86_400_000;

/** A value in DER: tag, length, content. */
function der(tag, ...content) {
  const bytes = Buffer.concat(content);
  const head = [tag];
  if (bytes.length < 0x80) head.push(bytes.length);
  else if (bytes.length < 0x100) head.push(0x81, bytes.length);
  else head.push(0x82, bytes.length >> 8, bytes.length & 0xff);
  return Buffer.concat([Buffer.from(head), bytes]);
}

const sequence = (...content) => der(0x30, ...content);
const oid = (...bytes) => der(0x06, Buffer.from(bytes));
const bitString = (bytes) => der(0x03, Buffer.from([0]), bytes);
const ECDSA_WITH_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
const name = (common) => sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(common)))));
const time = (ms) => der(0x17, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, "")}Z`));
/** An extension of X.509 (id-ce), which clients must understand. */
const extension = (id, value) => sequence(oid(0x55, 0x1d, id), der(0x01, Buffer.from([0xff])), der(0x04, value));
const pem = (bytes) =>
  `-----BEGIN CERTIFICATE-----\n${bytes
    .toString("base64")
    .match(/.{1,64}/g)
    .join("\n")}\n-----END CERTIFICATE-----\n`;

function certificate({ subject, issuer, keys, signer, from, to, extensions }) {
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    name(issuer),
    sequence(time(from), time(to)),
    name(subject),
    keys.publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(...extensions)),
  );
  return pem(sequence(body, ECDSA_WITH_SHA256, bitString(sign("sha256", body, signer))));
}

/** A new authority: its certificate, and `issue`, which answers the key and the certificate of a server on this machine. */
export function authority() {
  const keys = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = "An authority of a test";
  const now = Date.now();
  const isAuthority = extension(0x13, sequence(der(0x01, Buffer.from([0xff]))));
  const common = { issuer: subject, signer: keys.privateKey };
  return {
    cert: certificate({
      ...common,
      subject,
      keys,
      from: now - 2 * DAY_MS,
      to: now + DAY_MS,
      extensions: [isAuthority],
    }),
    issue({ from = now - DAY_MS, to = now + DAY_MS, names = ["localhost"] } = {}) {
      const own = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const known = [...names.map((host) => der(0x82, Buffer.from(host))), der(0x87, Buffer.from([127, 0, 0, 1]))];
      const extensions = [extension(0x11, sequence(...known))];
      const cert = certificate({ ...common, subject: "localhost", keys: own, from, to, extensions });
      return { cert, key: own.privateKey.export({ type: "pkcs8", format: "pem" }) };
    },
  };
}
