"""Sends generated requests to every operation of docs/openapi.json with schemathesis, and holds the gateway to the document.

Every answer must have a declared status, content type, headers and body. An answer of 5xx is a fault, except where an upstream
is asked: there 502, 503 and 504 are answers like others. The number of requests is bounded and the same in every run.
"""

import pathlib
import subprocess
import sys

import place

ROOT = pathlib.Path(__file__).resolve().parents[3]
CHECKS = "no_fault_of_the_gateway,status_code_conformance,content_type_conformance,response_schema_conformance"
# Requests of each operation.
EXAMPLES = 12


def main():
    place.start("serve-demo.mjs")
    try:
        base = place.place["base_url"].removesuffix("/v1")
        command = [
            str(pathlib.Path(sys.executable).parent / "st"),
            "--config-file",
            str(place.HERE / "schemathesis.toml"),
            "run",
            str(ROOT / "docs" / "openapi.json"),
            "--url",
            base,
            "--header",
            f"Authorization: Bearer {place.place['api_key']}",
            "--header",
            f"X-Admin-Token: {place.place['admin_token']}",
            "--checks",
            CHECKS,
            "--phases",
            "fuzzing",
            "--max-examples",
            str(EXAMPLES),
            "--seed",
            "14",
            "--generation-deterministic",
            # Live events: their answers do not end.
            "--exclude-path-regex",
            "/live$",
            "--suppress-health-check",
            "all",
            "--continue-on-failure",
            "--no-color",
        ]
        return subprocess.run(command, cwd=place.HERE, check=False).returncode
    finally:
        place.stop()


if __name__ == "__main__":
    sys.exit(main())
