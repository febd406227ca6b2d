"""Judges tests/vectors of the verifier, by this verifier or by PyJWT alone. Arguments: the file, and `alone`."""

import base64
import datetime
import json
import sys

import jwt.api_jwt

from careconnect_tokens import Refused, TokenVerifier, require, usable_keys

file, *alone = sys.argv[1:]
with open(file) as vectors:
    vectors = json.load(vectors)


class FixedKeys:
    def __init__(self, jwk_set):
        try:
            self.keys = usable_keys(jwk_set)
        except (KeyError, TypeError):
            raise Refused("jwks_invalid", 503) from None

    def find(self, kid):
        if kid not in self.keys:
            raise Refused("unknown_kid")
        return self.keys[kid]


def verdict(case, token, jwk_set, options):
    keys = FixedKeys(jwk_set)
    verifier = TokenVerifier(
        case["issuer"],
        case["audience"],
        keys,
        leeway=options.get("leeway", 0),
        bound_only=options.get("require_cnf", False),
        clock=lambda: case["now"],
    )
    certificate = None
    if "cert" in options:
        lines = vectors["certs"][options["cert"]].splitlines()
        certificate = base64.b64decode("".join(line for line in lines if not line.startswith("-")))
    claims = verifier.verify(token, certificate, options.get("ssp_from"))
    for group in options.get("require_groups", []):
        require(claims, group)


class Clock(datetime.datetime):
    """PyJWT asks no other."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(moment, tz)


def verdict_alone(case, token, jwk_set, options):
    key = jwt.PyJWKSet.from_dict(jwk_set)[jwt.get_unverified_header(token)["kid"]]
    jwt.decode(
        token,
        key,
        algorithms=["ES256", "RS256"],
        issuer=case["issuer"],
        audience=case["audience"],
        leeway=options.get("leeway", 0),
    )


if alone:
    jwt.api_jwt.datetime = Clock
judge, refusals = (verdict_alone, Exception) if alone else (verdict, Refused)
for case in vectors["cases"]:
    moment = case["now"]
    token = case["token"] if "token" in case else bytes.fromhex(case["token_hex"]).decode("latin-1")
    answer = {"id": case["id"], "verdict": "accept"}
    try:
        judge(case, token, vectors["jwks"][case["jwks"]], case["options"])
    except refusals as refusal:
        answer |= {"verdict": "reject", "reason": getattr(refusal, "reason", type(refusal).__name__)}
    print(json.dumps(answer))
