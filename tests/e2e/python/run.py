"""Runs the official SDKs for Python against the gateway: `openai`, `anthropic` and `google-genai`; and compares the words that
these, `cohere` and `botocore` know with ours; and checks and makes signatures with `http-message-signatures`; keeps users with `scim2-tester`; and uses
tools of `/mcp` with LangChain's adapter.

Run it with the packages of requirements.txt installed and Node 22 in PATH (or in the variable NODE). It starts the gateway and
a loopback upstream itself through serve.mjs. With NEXUS_BASE_URL, NEXUS_API_KEY, NEXUS_TOOLS_KEY, NEXUS_ADMIN_TOKEN and NEXUS_UPSTREAM_URL set
it uses those of a serve.mjs that is running already. Names of modules, classes or tests run those alone.
"""

import sys
import unittest

import place

SUITES = ("openai_sdk", "anthropic_sdk", "google_sdk", "accumulators", "words", "webhook_signatures", "signed_requests", "scim_tester", "langchain_mcp")

if __name__ == "__main__":
    place.start()
    try:
        tests = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:] or SUITES)
        passed = unittest.TextTestRunner(verbosity=2).run(tests).wasSuccessful()
    finally:
        place.stop()
    sys.exit(0 if passed else 1)
