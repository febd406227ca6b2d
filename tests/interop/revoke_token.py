"""Introspects and revokes a token with Authlib. Arguments: dev.json and the client_id of a consumer in it."""

import json
import pathlib
import sys

from authlib_session import oauth_session

manifest_file, client_id = sys.argv[1:]
manifest = json.loads(pathlib.Path(manifest_file).read_text())
consumer = next(c for c in manifest["consumers"] if c["client_id"] == client_id)
provider = manifest["providers"][0]

answer = oauth_session(manifest, consumer).fetch_token(
    manifest["token_endpoint"], grant_type="client_credentials", resource=provider["base_url"]
)
token = answer["access_token"]


def introspected():
    answer = oauth_session(manifest, consumer).introspect_token(
        manifest["introspection_endpoint"], token=token, token_type_hint="access_token"
    )
    answer.raise_for_status()
    return answer.json()


before = introspected()
assert before["active"] and before["client_id"] == client_id and before["aud"] == provider["base_url"], before
revoked = oauth_session(manifest, consumer).revoke_token(
    manifest["revocation_endpoint"], token=token, token_type_hint="access_token"
)
revoked.raise_for_status()
assert introspected() == {"active": False}
print("revoked", consumer["auth_method"])
