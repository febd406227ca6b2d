"""For schemathesis: which refusals of requests that fit the schema are right, for they depend on what the schema cannot say."""

from itertools import count

import schemathesis

EXAMPLE_KEY = "5b2c1a66-3f0e-4d5c-9a3b-0f5d9c1e7a44"
new_keys = count()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Examples share one idempotency key, which would make all but the first of them wrong."""
    if case.headers.get("Idempotency-Key") == EXAMPLE_KEY:
        case.headers["Idempotency-Key"] = f"example-{next(new_keys)}"


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Of the failures, those that are none: ST202 says that a request was refused though it fits the schema."""
    return failure.code != "ST202" or not is_rightly_refused(case, response.status_code, response.json())


def is_rightly_refused(case, status, problem):
    faults, detail = problem.get("errors", []), problem["detail"]
    return (
        status == 412
        or status == 428 and case.method == "PUT"  # one of two headers
        or detail.startswith(("Idempotency-Key: another request", "expected If-Match with an entity tag, or"))
        or case.headers.get("If-Match") == "0"  # sent whatever the pattern says where the header may be left out
        or bool(faults) and all(is_beyond_the_schema(fault, case.operation.path) for fault in faults)
    )


def is_beyond_the_schema(fault, path):
    """It depends on what is registered, on other members, or on what characters look like."""
    return (
        fault.get("parameter") in ("cursor", "identifier")
        or fault.get("pointer", "").startswith(("/credentials/", "/certificates/"))
        or path.endswith("/credentials")
        or any(rule in fault["detail"] for rule in RULES)
    )


RULES = (
    "is not registered",
    "whoever grants something says why",
    "an assurance rests on something",
    "stands in the list more than once",
    "before it starts",
    "is not a name: expected 1 to 200 characters on one line",
    "expected 1 to 1000 characters on one line",  # characters that cannot be seen are none
    "is not a distinguished name",
    "expected one certificate in PEM",
    "expected a token that this server has signed",
    "no directory is configured",
    "there is no key that signs with",  # which depends on the crypto back-end
)
