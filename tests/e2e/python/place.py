"""Where the gateway of these suites is, and what they look up there."""

import json
import os
import pathlib
import subprocess
import time
import urllib.request

import httpx

HERE = pathlib.Path(__file__).resolve().parent
NAMES = ("base_url", "api_key", "tools_key", "admin_token", "upstream_url")
place = {}
server = None


def start(script="serve.mjs"):
    """Starts this script, or takes the one that the environment names. The second call does nothing."""
    global server
    if place:
        return
    given = {name: os.environ.get(f"NEXUS_{name.upper()}") for name in NAMES}
    if all(given.values()):
        place.update(given)
        return
    server = subprocess.Popen(
        [os.environ.get("NODE", "node"), str(HERE / script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for line in server.stdout:
        if line.startswith("{"):
            place.update(json.loads(line))
            return
    raise RuntimeError(f"{script} ended with {server.wait()} before it printed its addresses")


def stop():
    if server is not None:
        server.stdin.close()
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
        server.stdout.close()


def root():
    """The gateway's address without a version."""
    return place["base_url"].removesuffix("/v1")


def user(content):
    return [{"role": "user", "content": content}]


def admin(path):
    request = urllib.request.Request(root() + path, headers={"authorization": f"Bearer {place['admin_token']}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def eventually(probe, what, within=15.0):
    deadline = time.monotonic() + within
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {within} s")
        time.sleep(0.05)


def closed_early(model):
    """How many upstream requests for `model` were given up from our side."""
    answer = httpx.post(place["upstream_url"], json={"model": "closed-early", "of": model}, timeout=10)
    return answer.json()["closed"]


def log_row(request_id):
    def look():
        rows = admin("/stats/requests?limit=500")["requests"]
        return next((row for row in rows if row["request_id"] == request_id), None)

    return eventually(look, f"the log row of {request_id}")


def sent_to(model):
    """The body of the last request for `model` that arrived at the upstream."""
    answer = httpx.post(place["upstream_url"], json={"model": "what-was-sent", "of": model}, timeout=10)
    return answer.json()
