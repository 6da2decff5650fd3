"""The checks of contract.py that schemathesis does not have."""

import schemathesis

# Operations of these tags ask an upstream, whose failures they answer with.
WITH_UPSTREAM = {"Chat", "Kept responses", "Passed through", "Health of providers", "Sessions"}
OF_UPSTREAMS = {502, 503, 504}


@schemathesis.check
def no_fault_of_the_gateway(ctx, response, case):
    """No answer of 5xx that the gateway itself is to blame for."""
    status = response.status_code
    asks_upstream = WITH_UPSTREAM & set(case.operation.tags or [])
    if status >= 500 and not (asks_upstream and status in OF_UPSTREAMS):
        raise AssertionError(f"{status}: {response.text[:300]}")
