// A software authenticator: credentials of ES256 and EdDSA without attestation, as a browser would hand its answers on. Written from
// Web Authentication Level 3 and RFC 8949, not from the gateway's code.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";

const sha256 = (data) => createHash("sha256").update(data).digest();

/** As much of CBOR as authenticators write. */
function cbor(value) {
  const head = (major, n) => {
    if (n < 24) return Buffer.from([(major << 5) | n]);
    if (n < 256) return Buffer.from([(major << 5) | 24, n]);
    return Buffer.from([(major << 5) | 25, n >> 8, n & 255]);
  };
  if (typeof value === "number") return value >= 0 ? head(0, value) : head(1, -1 - value);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  const entries = [...value];
  return Buffer.concat([head(5, entries.length), ...entries.flatMap((pair) => pair.map(cbor))]);
}

const coseOf = {
  ES256: ({ x, y }) =>
    new Map([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, Buffer.from(x, "base64url")],
      [-3, Buffer.from(y, "base64url")],
    ]),
  EdDSA: ({ x }) =>
    new Map([
      [1, 1],
      [3, -8],
      [-1, 6],
      [-2, Buffer.from(x, "base64url")],
    ]),
};

export class Authenticator {
  /** `counts`: whether it counts its signatures; `verifies`: whether it makes sure that it is the user. */
  constructor({ alg = "ES256", counts = true, verifies = true } = {}) {
    const pair = alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("ed25519");
    Object.assign(this, { alg, counts, verifies, privateKey: pair.privateKey, id: randomBytes(32), counter: 0 });
    this.cose = cbor(coseOf[alg](pair.publicKey.export({ format: "jwk" })));
  }

  #data(rpId, flags) {
    if (this.counts) this.counter += 1;
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(this.counter);
    return Buffer.concat([sha256(rpId), Buffer.from([flags | 1 | (this.verifies ? 4 : 0)]), counter]);
  }

  /** The body of `POST /auth/passkeys` for the options of a creation. */
  create(options, { origin, type = "webauthn.create", rpId = options.rp.id, crossOrigin = false, challenge } = {}) {
    const client = { type, challenge: challenge ?? options.challenge, origin, crossOrigin };
    const length = Buffer.from([0, this.id.length]);
    const data = Buffer.concat([this.#data(rpId, 0x40), Buffer.alloc(16), length, this.id, this.cose]);
    const object = cbor(
      new Map([
        ["fmt", "none"],
        ["attStmt", new Map()],
        ["authData", data],
      ]),
    );
    return {
      client_data: Buffer.from(JSON.stringify(client)).toString("base64url"),
      attestation_object: object.toString("base64url"),
    };
  }

  /** The body of `POST /auth/passkeys/sign-in` for the options of a request. */
  get(options, { origin, type = "webauthn.get", rpId = options.rpId, crossOrigin = false, challenge, id } = {}) {
    const client = Buffer.from(
      JSON.stringify({ type, challenge: challenge ?? options.challenge, origin, crossOrigin }),
    );
    const data = this.#data(rpId, 0);
    const message = Buffer.concat([data, sha256(client)]);
    const signature = sign(this.alg === "ES256" ? "sha256" : null, message, this.privateKey);
    return {
      id: id ?? this.id.toString("base64url"),
      client_data: client.toString("base64url"),
      authenticator_data: data.toString("base64url"),
      signature: signature.toString("base64url"),
    };
  }
}
