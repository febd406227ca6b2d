"""Authlib's client, set up as a consumer of dev.json."""

import json
import pathlib
import time

from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import import_key


def oauth_session(manifest, consumer):
    """A session that proves itself as the consumer is registered for."""
    client_id, method = consumer["client_id"], consumer["auth_method"]
    if method == "private_key_jwt":
        secret, how = import_key(json.loads(pathlib.Path(consumer["jwk_file"]).read_text())), method
    else:
        secret, how = consumer.get("client_secret"), "client_secret_basic" if method == "client_secret" else "none"
    session = OAuth2Session(
        client_id, secret, token_endpoint_auth_method=how, revocation_endpoint_auth_method=how
    )
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
