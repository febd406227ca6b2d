"""Gets a token with Authlib and verifies it with PyJWT. Arguments: dev.json and an auth_method of it."""

import json
import sys

import jwt
from authlib.integrations.requests_client import OAuth2Session

manifest_file, method = sys.argv[1:]
manifest = json.load(open(manifest_file))
consumer = next(c for c in manifest["consumers"] if c["auth_method"] == method and c["status"] == "active")

for provider in manifest["providers"]:
    if provider["claims_profile"] != "careconnect":
        continue
    session = OAuth2Session(
        consumer["client_id"],
        consumer.get("client_secret"),
        token_endpoint_auth_method="client_secret_basic" if method == "client_secret" else "none",
    )
    session.trust_env = False  # or the environment would choose the authorities
    session.verify = manifest["ca_file"]
    if "cert_file" in consumer:
        session.cert = (consumer["cert_file"], consumer["key_file"])
    metadata = session.get(manifest["metadata_url"], withhold_token=True).json()
    answer = session.fetch_token(
        metadata["token_endpoint"], grant_type="client_credentials", resource=provider["base_url"]
    )
    keys = jwt.PyJWKSet.from_dict(session.get(metadata["jwks_uri"], withhold_token=True).json())
    token = answer["access_token"]
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "at+jwt" and header["alg"] == provider["signing_alg"], header
    claims = jwt.decode(
        token,
        keys[header["kid"]].key,
        algorithms=[provider["signing_alg"]],
        audience=provider["base_url"],
        issuer=manifest["issuer"],
        options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]},
    )
    assert claims["ods_code"] == consumer["ods_code"] and claims["groups"] == sorted(consumer["groups"]), claims
    assert claims["exp"] - claims["iat"] == answer["expires_in"], claims
    print(method, provider["signing_alg"], claims["asid"])
