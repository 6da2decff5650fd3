"""A foreign client of RFC 9421, `http-message-signatures`: it checks what the gateway sends to a webhook, and what it signs is in
crates/signatures/tests/foreign.json, where the gateway's own code checks it. `python webhook_signatures.py` writes that file anew.
"""

import datetime
import http.server
import json
import pathlib
import threading
import types
import unittest

import httpx
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from http_message_signatures.exceptions import InvalidSignature

import place

FOREIGN = pathlib.Path(__file__).resolve().parents[3] / "crates" / "signatures" / "tests" / "foreign.json"
SECRET = "a-shared-secret-of-some-length"
CREATED = datetime.datetime.fromtimestamp(1_795_200_203, tz=datetime.timezone.utc)
REQUESTS = (
    ("POST", "https://example.com/hook?to=me", ("@method", "@authority", "@path", "@query", "content-digest")),
    ("PUT", "http://Example.com:80", ("@query", "@path", "@authority", "x-list")),
    ("GET", "https://[2001:db8::1]:8443/a%2Fb?", ("@method", "@authority", "@path", "@query")),
)


class Keys(HTTPSignatureKeyResolver):
    def __init__(self, secrets):
        self.secrets = secrets

    def resolve_public_key(self, key_id):
        return self.secrets[key_id].encode()

    resolve_private_key = resolve_public_key


def signed():
    """Requests that the foreign client has signed: the same each time."""
    signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys({"foreign": SECRET}))
    made = []
    for method, url, components in REQUESTS:
        body = b'{"hello": "world"}' if "content-digest" in components else None
        headers = {"x-list": "a,  b"} if "x-list" in components else {}
        request = types.SimpleNamespace(method=method, url=url, headers=headers)
        signer.sign(
            request,
            key_id="foreign",
            created=CREATED,
            expires=CREATED + datetime.timedelta(minutes=5),
            nonce="n-1",
            label="sig1",
            tag="app",
            covered_component_ids=components,
            body=body,
        )
        made.append({"method": method, "url": url, "headers": dict(headers), "body": (body or b"").decode()})
    return {"secret": SECRET, "created_s": int(CREATED.timestamp()), "requests": made}


class WebhookSignatures(unittest.TestCase):
    def test_what_it_signs_is_what_our_code_checks(self):
        self.assertEqual(json.loads(FOREIGN.read_text("utf-8")), signed())

    def test_it_accepts_what_the_gateway_sends_and_nothing_else(self):
        received = []

        class Receiver(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                url = f"http://{self.headers['host']}{self.path}"
                received.append((types.SimpleNamespace(method="POST", url=url, headers=dict(self.headers)), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        api = httpx.Client(base_url=place.root(), headers={"authorization": f"Bearer {place.place['admin_token']}"})
        hook = f"http://127.0.0.1:{server.server_port}/hook?a=b%20c"
        webhook = api.post("/webhooks", json={"name": "foreign client", "url": hook}).json()
        tested = api.post(f"/webhooks/{webhook['id']}/test").json()
        self.assertEqual(tested["state"], "delivered", tested)

        request, body = received[0]
        needed = ("@method", "@authority", "@path", "@query", "content-digest", "webhook-id")
        verifier = HTTPMessageVerifier(
            signature_algorithm=algorithms.HMAC_SHA256, key_resolver=Keys({webhook["id"]: webhook["secret"]})
        )

        def verify(body):
            return verifier.verify(request, expect_tag="nexus-edge-webhook", require_components=needed, body=body)

        self.assertEqual(verify(body)[0].body, body)
        with self.assertRaises(InvalidSignature):
            verify(body + b" ")
        request.headers = {**request.headers, "webhook-id": "evt_other"}
        with self.assertRaises(InvalidSignature):
            verify(body)


if __name__ == "__main__":
    FOREIGN.write_text(json.dumps(signed(), indent=2) + "\n", "utf-8")
