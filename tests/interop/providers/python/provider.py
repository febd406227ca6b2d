"""A provider: GET /Slot for those who may look, POST /Appointment for those who may book."""

import json
import logging
import os
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from careconnect_tokens import IssuerKeys, Refused, TokenVerifier, require

GROUP = "urn:nhs:names:services:careconnect:fhir:rest:"
NEEDS = {("GET", "/Slot"): GROUP + "read:slot", ("POST", "/Appointment"): GROUP + "create:appointment"}
ISSUE = {400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 503: "transient"}

log = logging.getLogger(__name__)
issuer = os.environ["ISSUER"]
keys = IssuerKeys(os.environ.get("JWKS_URL", issuer + "/.well-known/jwks.json"))
verifier = TokenVerifier(issuer, os.environ["SERVICE_ROOT"], keys)


class Provider(BaseHTTPRequestHandler):
    timeout = 10  # seconds for the caller to say what it wants

    def do_GET(self):
        try:
            self.read_body()
            group = NEEDS.get((self.command, urlsplit(self.path).path))
            if group is None:
                raise Refused("not_found", 404)
            caller = verifier.verify(self.bearer_token(), ssp_from=self.only("Ssp-From"))
            require(caller, group)
        except Refused as refusal:
            return self.refuse(refusal)
        log.info("%s %s for %s of %s", self.command, self.path, caller["asid"], caller["ods_code"])
        if self.command == "GET":
            return self.answer(200, {"resourceType": "Bundle", "type": "searchset", "total": 0})
        self.answer(201, {"resourceType": "Appointment", "status": "booked"})

    do_POST = do_GET

    def read_body(self):
        length = self.only("Content-Length") or "0"
        if not length.isdecimal() or int(length) > 65536:
            raise Refused("bad_request", 400)
        return self.rfile.read(int(length))

    def bearer_token(self):
        scheme, _, token = (self.only("Authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused("no_token")
        return token

    def only(self, name):
        """The value of a header that may come once: of two, a proxy may have read the other."""
        values = self.headers.get_all(name, [])
        if len(values) > 1:
            raise Refused("bad_request", 400)
        return values[0] if values else None

    def refuse(self, refusal):
        reference, status = str(uuid.uuid4()), refusal.status
        log.warning("%s %s refused: %s, reference %s", self.command, self.path, refusal.reason, reference)
        headers = {}
        if status in (400, 401, 403):  # RFC 6750 section 3: no error for those who brought no token
            error = {400: "invalid_request", 401: "invalid_token", 403: "insufficient_scope"}[status]
            challenge = 'Bearer realm="careconnect"'
            if refusal.reason != "no_token":
                challenge += f', error="{error}", error_description="{refusal.reason}"'
            if refusal.group:
                challenge += f', scope="{refusal.group}"'
            headers["WWW-Authenticate"] = challenge
        issue = {"severity": "error", "code": ISSUE[status], "diagnostics": refusal.reason}
        self.answer(status, {"resourceType": "OperationOutcome", "id": reference, "issue": [issue]}, headers)

    def answer(self, status, resource, headers=None):
        body = json.dumps(resource).encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/fhir+json",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """What is logged is logged above."""


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8090"))), Provider)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
