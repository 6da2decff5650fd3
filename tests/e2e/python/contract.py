"""Sends generated requests to every operation of docs/openapi.json with schemathesis, as each kind of principal, and holds the
gateway to the document. Names of principals run those alone.

Every answer must have a declared status, content type, headers and body. An answer of 5xx is a fault, except where an upstream
is asked: there 502, 503 and 504 are answers like others. The number of requests is bounded and the same in every run.
"""

import pathlib
import subprocess
import sys

import httpx

import place

ROOT = pathlib.Path(__file__).resolve().parents[3]
CHECKS = "no_fault_of_the_gateway,status_code_conformance,content_type_conformance,response_schema_conformance"


def bearer(name):
    return {"Authorization": f"Bearer {place.place[name]}"}


def admin(path, body):
    headers = bearer("admin_token")
    return httpx.post(place.root() + path, json=body, headers=headers, timeout=60).raise_for_status().json()


def user():
    """A user who is signed in, with the role `user`."""
    account = {"email": "contract@example.org", "password": "Tr4vel-Lamp"}
    admin("/users", {**account, "roles": ["user"]})
    return {"Authorization": f"Bearer {admin('/auth/login', account)['access_token']}"}


def directory():
    """A directory that keeps users by SCIM."""
    return {"Authorization": f"Bearer {admin('/scim-clients', {'name': 'contract'})['token']}"}


# Those who ask: how, requests of each operation, and of which operations. Those without permissions are answered with refusals, which
# take few requests to see.
EVERYTHING = "."
PRINCIPALS = {
    "administrator and key": (lambda: {**bearer("api_key"), "X-Admin-Token": place.place["admin_token"]}, 12, EVERYTHING),
    "no credential": (dict, 1, EVERYTHING),
    "key": (lambda: bearer("api_key"), 1, EVERYTHING),
    "user": (user, 2, EVERYTHING),
    "directory": (directory, 10, "^/scim/v2"),
}
# Live events, whose answers do not end, and what ends the session of the one who asks.
LEFT_OUT = "(/live|^/v1/bridge/(tool-)?events|^/auth/logout|^/auth/logout-all|^/auth/sessions/.*)$"


def main():
    place.start("serve-demo.mjs")
    try:
        wanted = sys.argv[1:] or PRINCIPALS
        codes = [ask_as(name, *PRINCIPALS[name]) for name in wanted]
        return max(codes)
    finally:
        place.stop()


def ask_as(name, headers, examples, paths):
    print(f"As {name}, {examples} requests of each operation", flush=True)
    command = [
        str(pathlib.Path(sys.executable).parent / "st"),
        "--config-file",
        str(place.HERE / "schemathesis.toml"),
        "run",
        str(ROOT / "docs" / "openapi.json"),
        "--url",
        place.root(),
        *(part for header in headers().items() for part in ("--header", ": ".join(header))),
        "--checks",
        CHECKS,
        "--phases",
        "fuzzing",
        "--max-examples",
        str(examples),
        "--seed",
        "14",
        "--generation-deterministic",
        "--include-path-regex",
        paths,
        "--exclude-path-regex",
        LEFT_OUT,
        "--suppress-health-check",
        "all",
        "--continue-on-failure",
        "--no-color",
    ]
    return subprocess.run(command, cwd=place.HERE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
