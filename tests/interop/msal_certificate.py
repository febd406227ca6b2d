"""Gets tokens with MSAL and a certificate. Arguments: dev.json, client_id, private key, certificate, `sha1` or `sha256`."""

import json
import pathlib
import sys
import time

import msal
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes

manifest_file, client_id, key_file, certificate_file, thumbprint = sys.argv[1:]
manifest = json.loads(pathlib.Path(manifest_file).read_text())

session = requests.Session()
session.trust_env = False  # or the environment would choose the authorities
session.verify = manifest["ca_file"]

certificate = pathlib.Path(certificate_file).read_text()
credential = {"private_key": pathlib.Path(key_file).read_text()}
if thumbprint == "sha1":  # `x5t` and RS256
    credential["thumbprint"] = x509.load_pem_x509_certificate(certificate.encode()).fingerprint(hashes.SHA1()).hex()
else:  # `x5t#S256` and PS256
    credential["public_certificate"] = certificate

for provider in manifest["providers"]:
    # A new application for each token: MSAL would send one assertion again for nine minutes.
    application = msal.ConfidentialClientApplication(
        client_id,
        oidc_authority=manifest["issuer"],
        client_credential=credential,
        client_claims={"exp": int(time.time()) + 300},
        http_client=session,
    )
    answer = application.acquire_token_for_client([provider["base_url"] + "/.default"])
    assert "access_token" in answer, answer
    print(thumbprint, provider["base_url"])
