"""Gets tokens with Authlib. Arguments: dev.json and the client_id of a consumer in it."""

import json
import pathlib
import sys

import requests

from authlib_session import oauth_session
from provider import verify

manifest_file, client_id = sys.argv[1:]
manifest = json.loads(pathlib.Path(manifest_file).read_text())
consumer = next(c for c in manifest["consumers"] if c["client_id"] == client_id)
method = consumer["auth_method"]

plain = requests.Session()
plain.trust_env = False  # or the environment would choose the authorities
plain.verify = manifest["ca_file"]

for provider in manifest["providers"]:
    if provider["claims_profile"] != "careconnect":
        continue
    answer = oauth_session(manifest, consumer).fetch_token(
        manifest["token_endpoint"], grant_type="client_credentials", resource=provider["base_url"]
    )
    claims = verify(plain, manifest, consumer, provider, answer)
    print(method, provider["signing_alg"], claims["asid"])
