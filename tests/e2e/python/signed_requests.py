"""A foreign client of RFC 9421, `http-message-signatures`, signs requests to the gateway with both algorithms: they are accepted once,
for what was signed, in their time.
"""

import base64
import datetime
import json
import secrets
import types
import unittest

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

import place

COMPONENTS = ("@method", "@authority", "@path", "@query")


class Key(HTTPSignatureKeyResolver):
    def __init__(self, key):
        self.key = key

    def resolve_private_key(self, key_id):
        return self.key

    resolve_public_key = resolve_private_key


def now(seconds=0):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


class SignedRequests(unittest.TestCase):
    def setUp(self):
        headers = {"authorization": f"Bearer {place.place['admin_token']}"}
        self.admin = httpx.Client(base_url=place.root(), headers=headers, timeout=30)

    def key(self, **fields):
        made = self.admin.post("/keys", json={"name": "signed", **fields})
        self.assertEqual(made.status_code, 201, made.text)
        return made.json()["id"]

    def with_secret(self):
        key_id = self.key()
        secret = self.admin.post(f"/keys/{key_id}/signing-secret").json()["signing_secret"]
        self.assertEqual(self.admin.put(f"/keys/{key_id}", json={"signature": "required"}).status_code, 200)
        return key_id, secret.encode(), algorithms.HMAC_SHA256

    def with_key_pair(self):
        private = Ed25519PrivateKey.generate()
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        key_id = self.key(signature="required", signing_public_key=base64.b64encode(public).decode())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return key_id, pem, algorithms.ED25519

    def signed(self, of, path="/v1/chat/completions", text="Hello", **changes):
        """A request that the foreign client has signed."""
        key_id, key, algorithm = of
        question = {"model": "demo/echo", "messages": place.user(text)}
        body = json.dumps(question).encode()
        request = types.SimpleNamespace(method="POST", url=place.root() + path, headers={})
        given = {"created": now(), "nonce": secrets.token_urlsafe(18), "tag": "nexus", **changes}
        components = given.pop("components", (*COMPONENTS, "content-digest"))
        # With a body, the client covers its digest by itself.
        covers_body = "content-digest" in components
        HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=Key(key)).sign(
            request,
            key_id=key_id,
            include_alg=False,
            body=body if covers_body else None,
            covered_component_ids=components,
            **given,
        )
        headers = {"content-type": "application/json", **request.headers}
        return httpx.Request("POST", request.url, content=body, headers=headers)

    def send(self, request):
        with httpx.Client(timeout=30) as client:
            return client.send(request)

    def code(self, request):
        answer = self.send(request)
        return answer.status_code, answer.json()["error"]["code"]

    def test_it_is_accepted_once(self):
        for of in (self.with_secret(), self.with_key_pair()):
            request = self.signed(of, path="/v1/chat/completions?a=b%20c")
            answer = self.send(request)
            self.assertEqual(answer.status_code, 200, answer.text)
            self.assertIn("Hello", answer.json()["choices"][0]["message"]["content"])
            self.assertEqual(self.code(request), (401, "nonce_used"))

    def test_it_holds_for_what_was_signed(self):
        for of in (self.with_secret(), self.with_key_pair()):
            signed = self.signed(of)
            others = [
                httpx.Request("POST", signed.url, content=signed.content + b" ", headers=signed.headers),
                httpx.Request("POST", f"{signed.url}?x=y", content=signed.content, headers=signed.headers),
                httpx.Request("POST", str(signed.url).replace("/chat", ""), content=signed.content, headers=signed.headers),
            ]
            for request in others:
                request.headers["content-length"] = str(len(request.content))
                self.assertEqual(self.code(request), (401, "invalid_signature"))
            self.assertEqual(self.send(signed).status_code, 200, "what was refused has not used the nonce")

    def test_what_is_missing_or_late_is_refused(self):
        of = self.with_secret()
        for changes in (
            {"created": now(-400)},
            {"created": now(300)},
            {"nonce": "short"},
            {"components": COMPONENTS},
            {"components": ("@method", "@path", "@query", "content-digest")},
        ):
            self.assertEqual(self.code(self.signed(of, **changes)), (401, "invalid_signature"), changes)
        # A signature for another purpose is none here.
        self.assertEqual(self.code(self.signed(of, tag="other")), (401, "missing_api_key"))
        stranger = (of[0], b"another secret of some length", of[2])
        self.assertEqual(self.code(self.signed(stranger)), (401, "invalid_signature"))
        unsigned = httpx.Request("POST", f"{place.root()}/v1/chat/completions", json={"model": "demo/echo"})
        self.assertEqual(self.code(unsigned)[0], 401)


if __name__ == "__main__":
    place.start()
    try:
        unittest.main()
    finally:
        place.stop()
