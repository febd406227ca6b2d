"""Gets a token by the request that the NHS API platform documents, made with PyJWT. Arguments: dev.json and a client_id."""

import json
import pathlib
import sys
import time
import uuid

import jwt
import requests

from provider import verify

manifest_file, client_id = sys.argv[1:]
manifest = json.loads(pathlib.Path(manifest_file).read_text())
consumer = next(c for c in manifest["consumers"] if c["client_id"] == client_id)
provider = manifest["providers"][0]

session = requests.Session()
session.trust_env = False  # or the environment would choose the authorities
session.verify = manifest["ca_file"]

claims = {
    "iss": client_id,
    "sub": client_id,
    "jti": str(uuid.uuid4()),
    "aud": manifest["token_endpoint"],
    "exp": int(time.time()) + 300,
}
assertion = jwt.encode(
    claims, pathlib.Path(consumer["key_file"]).read_text(), algorithm="RS512", headers={"kid": consumer["kid"]}
)
form = {
    "client_assertion": assertion,
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "grant_type": "client_credentials",
    "resource": provider["base_url"],  # the one thing that is not in a request to the platform
}
answer = session.post(manifest["token_endpoint"], data=form)
assert answer.status_code == 200, answer.text
print(verify(session, manifest, consumer, provider, answer.json())["asid"])

again = session.post(manifest["token_endpoint"], data=form)
assert again.status_code == 401 and again.json()["reason"] == "assertion_replayed", again.text
