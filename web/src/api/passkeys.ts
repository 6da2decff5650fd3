// Passkeys: what the API says of a ceremony as the browser takes it, and what the authenticator answers as the API takes it.

import { call } from "./client.ts";

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function text(buffer: ArrayBuffer): string {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Whether there can be passkeys here: they belong to a host with a name, and need TLS or a page of this machine. */
export const hasPasskeys = () => typeof PublicKeyCredential !== "undefined" && !/^(\[|[\d.]+$)/.test(location.hostname);

/**
 * Makes a passkey for who is signed in. `declined`: the person did not want to. `unsupported`: the authenticator makes no key of an
 * algorithm that the gateway takes (ES256 and EdDSA), such as one that has RS256 only.
 */
export async function addPasskey(name: string): Promise<"added" | "declined" | "unsupported"> {
  const { challenge, excludeCredentials, user, ...rest } = await call("POST /auth/passkeys/options");
  const publicKey = {
    ...rest,
    challenge: bytes(challenge),
    user: { ...user, id: bytes(user.id) },
    excludeCredentials: excludeCredentials.map((known) => ({ ...known, id: bytes(known.id) })),
  } as PublicKeyCredentialCreationOptions;
  const made = await asked(() => navigator.credentials.create({ publicKey })).catch((error) => {
    if (error instanceof DOMException && error.name === "NotSupportedError") return "unsupported" as const;
    throw error;
  });
  if (made === null) return "declined";
  if (made === "unsupported") return made;
  const response = made.response as AuthenticatorAttestationResponse;
  await call("POST /auth/passkeys", {
    body: {
      client_data: text(response.clientDataJSON),
      attestation_object: text(response.attestationObject),
      ...(name ? { name } : {}),
    },
  });
  return "added";
}

/** Signs in with a passkey of this device. `false`: the person did not want to, or has none for this gateway. */
export async function signInByPasskey(): Promise<boolean> {
  const { challenge, ...rest } = await call("POST /auth/passkeys/sign-in/options");
  const publicKey = { ...rest, challenge: bytes(challenge) } as PublicKeyCredentialRequestOptions;
  const shown = await asked(() => navigator.credentials.get({ publicKey }));
  if (!shown) return false;
  const response = shown.response as AuthenticatorAssertionResponse;
  await call("POST /auth/passkeys/sign-in", {
    body: {
      id: shown.id,
      client_data: text(response.clientDataJSON),
      authenticator_data: text(response.authenticatorData),
      signature: text(response.signature),
      cookies: true,
    },
  });
  return true;
}

/** A person who closes the browser's dialog, or lets it time out, is told by the same error. */
async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential | null> {
  try {
    return (await ask()) as PublicKeyCredential | null;
  } catch (error) {
    if (error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError")) return null;
    throw error;
  }
}
