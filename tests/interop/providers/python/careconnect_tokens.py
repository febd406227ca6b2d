"""Verifies access tokens of careconnect-auth. Needs PyJWT[crypto]."""

import base64
import hashlib
import json
import logging
import math
import re
import threading
import time

import jwt

log = logging.getLogger(__name__)

ALGORITHMS = ("ES256", "RS256")
LONGEST = 16 * 1024  # characters of a token
LAST_DATE = 253_402_300_799  # the year 9999: what lies beyond is no date but a mistake, such as milliseconds
TOKEN = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){2}")  # PyJWT also takes padding
SHAPES = {
    "sub": r".+",
    "jti": r".+",
    "client_id": r".+",
    "asid": r"[0-9]{12}",
    "ods_code": r"[A-Z0-9]{1,9}",
    "org_type": r"[a-z][a-z0-9-]{0,63}",
}


class Refused(Exception):
    """Why a request is refused: a word for logs and callers, without any part of the token."""

    def __init__(self, reason, status=401, group=None):
        super().__init__(reason)
        self.reason, self.status, self.group = reason, status, group


class TokenVerifier:
    """Make one when the service starts. `audience` is your service root, as it is registered."""

    def __init__(self, issuer, audience, keys, leeway=5, bound_only=False, clock=time.time):
        self.issuer, self.audience, self.keys = issuer, audience, keys
        self.leeway, self.bound_only, self.clock = leeway, bound_only, clock

    def verify(self, token, certificate=None, ssp_from=None):
        """The claims of a good token. `certificate` is the one of the caller's connection, in DER."""
        if len(token) > LONGEST:
            raise Refused("too_large")
        if not TOKEN.fullmatch(token):
            raise Refused("malformed")
        header, claims = (read_once(part) for part in token.split(".")[:2])
        # PyJWT looks at no `typ`: without this, an ID token or an assertion of the same issuer would do.
        if header.get("typ") not in ("at+jwt", "application/at+jwt"):
            raise Refused("wrong_typ")
        if "crit" in header:
            raise Refused("crit")
        if not isinstance(header.get("kid"), str):
            raise Refused("bad_header")
        key = self.keys.find(header["kid"])
        try:
            jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],  # the key decides, not the token
                issuer=self.issuer,
                audience=self.audience,
                # Its times are checked below: PyJWT takes "1800000000" and true for numbers.
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            raise Refused(type(error).__name__) from None
        self.check_times(claims)
        for name, shape in SHAPES.items():
            if not (isinstance(claims.get(name), str) and re.fullmatch(shape, claims[name])):
                raise Refused(f"invalid_claim {name}")
        groups = claims.get("groups")
        if not (isinstance(groups, list) and all(isinstance(group, str) for group in groups)):
            raise Refused("invalid_claim groups")
        if "cnf" in claims or self.bound_only:
            check_holder(claims.get("cnf"), certificate)
        if ssp_from is not None and ssp_from != claims["asid"]:
            raise Refused("asid_mismatch")
        return claims

    def check_times(self, claims):
        now = self.clock()
        times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
        for name, seconds in {"exp": None, "iat": None, **times}.items():
            if type(seconds) not in (int, float) or not 0 <= seconds <= LAST_DATE:
                raise Refused(f"invalid_claim {name}")
        if times["exp"] <= now - self.leeway:
            raise Refused("expired")
        if max(times["iat"], times.get("nbf", 0)) > now + self.leeway:
            raise Refused("not_yet_valid")


def require(claims, group):
    """The whole URN is in the list: never by prefix, and not without regard to case."""
    if group not in claims["groups"]:
        raise Refused("group_missing", 403, group)


def check_holder(confirmation, certificate):
    """A bound token is of use with its certificate only (RFC 8705)."""
    thumbprint = confirmation.get("x5t#S256") if isinstance(confirmation, dict) else None
    own = certificate and base64.urlsafe_b64encode(hashlib.sha256(certificate).digest()).rstrip(b"=").decode()
    if own is None or thumbprint != own:
        raise Refused("cnf_mismatch")


def read_once(part):
    """JSON that has one reading: UTF-8, and no member twice, of which another reader may take the other."""

    def members(pairs):
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a member twice")
        return dict(pairs)

    try:
        text = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode("utf-8")
        value = json.loads(text, object_pairs_hook=members)
    except (ValueError, RecursionError):
        raise Refused("malformed") from None
    if not isinstance(value, dict):
        raise Refused("malformed")
    return value


def usable_keys(jwk_set):
    """By `kid`. A bad key does not spoil the others; of two with one `kid`, neither counts."""
    keys = {}
    for jwk in jwk_set["keys"]:
        kid = jwk.get("kid") if isinstance(jwk, dict) else None
        if isinstance(kid, str):
            keys[kid] = None if kid in keys else usable_key(jwk)
    return {kid: key for kid, key in keys.items() if key}


def usable_key(jwk):
    try:
        numbers = [jwk[name] for name in ("n", "e", "x", "y") if name in jwk]
        may_verify = jwk.get("use", "sig") == "sig" and "verify" in jwk.get("key_ops", ["verify"]) and "d" not in jwk
        if not (may_verify and all(re.fullmatch(r"[A-Za-z0-9_-]+", number) for number in numbers)):
            return None
        key = jwt.PyJWK(jwk)
    except (jwt.PyJWTError, NotImplementedError, TypeError, ValueError):
        return None
    if key.key_type == "RSA" and (key.key.key_size < 2048 or key.key.public_numbers().e < 65537):
        return None
    return key if key.algorithm_name in ALGORITHMS else None


class IssuerKeys:
    """Fetched once, refreshed ahead of time, and kept for a day while the issuer is away.

    Of PyJWKClient this takes the fetch only. Its own cache asks for every unknown `kid` while the issuer is away, lets
    all requests wait meanwhile, and forgets good keys when their time is over.
    """

    TIMEOUT, COOLDOWN, REFRESH, KEEP = 5, 30, 300, 24 * 3600  # seconds

    def __init__(self, url):
        self.client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=self.TIMEOUT)
        self.lock = threading.Lock()
        self.keys, self.fetched, self.asked = {}, -math.inf, -math.inf

    def find(self, kid):
        if kid not in self.keys:
            self.ask()
        elif min(self.since(self.fetched) - self.REFRESH, self.since(self.asked) - self.COOLDOWN) > 0:
            threading.Thread(target=self.ask, daemon=True).start()  # nobody waits for it
        if self.since(self.fetched) > self.KEEP:
            raise Refused("keys_unavailable", 503)
        if kid not in self.keys:
            raise Refused("unknown_kid")
        return self.keys[kid]

    def ask(self):
        with self.lock:  # one asks, and those who wait share what it got
            if self.since(self.asked) < (self.COOLDOWN if self.keys else 1):
                return
            self.asked = time.monotonic()
            try:
                self.keys = usable_keys(self.client.fetch_data())
                self.fetched = self.asked
            except (jwt.PyJWTError, OSError, ValueError, KeyError, TypeError) as error:
                log.warning("the issuer's keys cannot be had: %s", error)

    @staticmethod
    def since(moment):
        return time.monotonic() - moment
