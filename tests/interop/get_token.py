"""Gets tokens with Authlib. Arguments: dev.json and the client_id of a consumer in it."""

import json
import pathlib
import sys
import time

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import import_key

from provider import verify

manifest_file, client_id = sys.argv[1:]
manifest = json.loads(pathlib.Path(manifest_file).read_text())
consumer = next(c for c in manifest["consumers"] if c["client_id"] == client_id)
method = consumer["auth_method"]

plain = requests.Session()
plain.trust_env = False  # or the environment would choose the authorities
plain.verify = manifest["ca_file"]


def oauth_session():
    """A session that proves itself as the consumer is registered for."""
    if method == "private_key_jwt":
        secret, how = import_key(json.loads(pathlib.Path(consumer["jwk_file"]).read_text())), method
    else:
        secret, how = consumer.get("client_secret"), "client_secret_basic" if method == "client_secret" else "none"
    session = OAuth2Session(client_id, secret, token_endpoint_auth_method=how)
    session.trust_env = False
    session.verify = manifest["ca_file"]
    if method == "private_key_jwt":
        # Authlib's own `exp` is an hour from now, and it writes the `jti` into `claims` for good: one for each request.
        session.register_client_auth_method(
            PrivateKeyJWT(
                consumer["assertion_audience"],
                claims={"exp": int(time.time()) + 300},
                headers={"kid": consumer["kid"]},
                alg=consumer["alg"],
            )
        )
    if "cert_file" in consumer:
        session.cert = (consumer["cert_file"], consumer["key_file"])
    return session


for provider in manifest["providers"]:
    if provider["claims_profile"] != "careconnect":
        continue
    answer = oauth_session().fetch_token(
        manifest["token_endpoint"], grant_type="client_credentials", resource=provider["base_url"]
    )
    claims = verify(plain, manifest, consumer, provider, answer)
    print(method, provider["signing_alg"], claims["asid"])
