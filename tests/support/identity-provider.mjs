// An identity provider on loopback: discovery, authorization with PKCE, tokens with real signatures, keys that change, an API of
// OAuth 2.0 alone, and assertions of Cloudflare Access. It misbehaves as it is told.
import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import http from "node:http";

export const CLIENT = { id: "the-client", secret: "the-secret-of-the-client" };
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

const ALGORITHMS = {
  RS256: { type: "rsa", options: { modulusLength: 2048 }, digest: "sha256" },
  ES256: { type: "ec", options: { namedCurve: "P-256" }, digest: "sha256" },
  EdDSA: { type: "ed25519", options: {}, digest: null },
};

/** A key with its JSON Web Key: RS256, ES256 or EdDSA. */
export function makeKey(alg, kid = randomBytes(6).toString("hex")) {
  const { type, options } = ALGORITHMS[alg];
  const pair = generateKeyPairSync(type, options);
  const jwk = { ...pair.publicKey.export({ format: "jwk" }), kid, alg, use: "sig" };
  return { alg, kid, jwk, privateKey: pair.privateKey };
}

/** A token; `header` overrides fields of it. */
export function signed(key, claims, header = {}) {
  const input = `${encoded({ alg: key.alg, kid: key.kid, typ: "JWT", ...header })}.${encoded(claims)}`;
  const { digest } = ALGORITHMS[key.alg];
  const signature = sign(digest, Buffer.from(input), { key: key.privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** Starts it. */
export async function startIdentityProvider({ alg = "RS256", saysIssuer = true } = {}) {
  const flows = new Map();
  const asked = [];
  const provider = {
    keys: [makeKey(alg)],
    asked,
    /** Claims that an ID token has besides, or instead; a function of the claims. */
    claims: {},
    /** Makes the ID token of a flow. */
    token: (claims) => signed(provider.keys[0], claims),
    /** What the API answers. */
    user: {},
    emails: [],
    /** What discovery says besides, or instead. */
    discovery: {},
  };
  const server = http.createServer((req, res) => {
    const chunks = [];
    req.on("data", (chunk) => chunks.push(chunk));
    req.on("end", () => {
      const url = new URL(req.url, provider.issuer);
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      asked.push({ path: url.pathname, headers: req.headers, form });
      const answer = (status, body) =>
        res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      const route = {
        "/.well-known/openid-configuration": () =>
          answer(200, {
            issuer: provider.issuer,
            authorization_endpoint: `${provider.issuer}/authorize`,
            token_endpoint: `${provider.issuer}/token`,
            jwks_uri: `${provider.issuer}/keys`,
            authorization_response_iss_parameter_supported: saysIssuer,
            ...provider.discovery,
          }),
        "/keys": () => answer(200, { keys: provider.keys.map(({ jwk }) => jwk) }),
        "/cdn-cgi/access/certs": () => answer(200, { keys: provider.keys.map(({ jwk }) => jwk) }),
        // For a browser: its user has signed in there already.
        "/authorize": () => {
          const back = `${url.searchParams.get("redirect_uri")}?${provider.authorize(url)}`;
          res.writeHead(303, { location: back }).end();
        },
        "/token": () => redeem(form, req.headers, answer),
        "/user": () => answer(200, provider.user),
        "/emails": () => answer(200, provider.emails),
        "/redirect": () => res.writeHead(302, { location: `${provider.issuer}/keys` }).end(),
      }[url.pathname];
      if (route) route();
      else answer(404, {});
    });
  });

  function redeem(form, headers, answer) {
    const flow = flows.get(form.get("code"));
    flows.delete(form.get("code"));
    const [id, secret] = headers.authorization
      ? Buffer.from(headers.authorization.replace("Basic ", ""), "base64").toString().split(":").map(decodeURIComponent)
      : [form.get("client_id"), form.get("client_secret")];
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    if (!flow || id !== CLIENT.id || secret !== CLIENT.secret || flow.get("code_challenge") !== challenge)
      return answer(400, { error: "invalid_grant" });
    if (form.get("redirect_uri") !== flow.get("redirect_uri")) return answer(400, { error: "invalid_grant" });
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: provider.issuer,
      aud: CLIENT.id,
      sub: flow.subject,
      nonce: flow.get("nonce"),
      iat: now,
      exp: now + 300,
      ...provider.claims,
    };
    return answer(200, { access_token: "an-access-token", token_type: "Bearer", id_token: provider.token(claims) });
  }

  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  provider.issuer = `http://127.0.0.1:${server.address().port}`;
  /** The user signs in there: the query with which their browser is sent back. */
  provider.authorize = (location, subject = "subject-1") => {
    const request = new URL(location).searchParams;
    request.subject = subject;
    const code = randomBytes(12).toString("hex");
    flows.set(code, request);
    const back = new URLSearchParams({ code, state: request.get("state") });
    if (saysIssuer) back.set("iss", provider.issuer);
    return back;
  };
  provider.stop = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return provider;
}
