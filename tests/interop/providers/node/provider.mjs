// A provider: GET /Slot for those who may look, POST /Appointment for those who may book.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { Refused, TokenVerifier, issuerKeys, requireGroup } from "./careconnect_tokens.mjs";

const GROUP = "urn:nhs:names:services:careconnect:fhir:rest:";
const NEEDS = { "GET /Slot": `${GROUP}read:slot`, "POST /Appointment": `${GROUP}create:appointment` };
const ERROR = { 400: "invalid_request", 401: "invalid_token", 403: "insufficient_scope" };
const ISSUE = { 400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 500: "exception", 503: "transient" };

const { ISSUER, SERVICE_ROOT, JWKS_URL = `${ISSUER}/.well-known/jwks.json`, PORT = "8090" } = process.env;
const verifier = new TokenVerifier({ issuer: ISSUER, audience: SERVICE_ROOT, keys: issuerKeys(JWKS_URL) });

const server = createServer(async (request, response) => {
  const { method, url } = request;
  request.resume(); // the body is of no interest here
  try {
    const group = NEEDS[`${method} ${url.split("?")[0]}`];
    if (!group) throw new Refused("not_found", 404);
    const caller = await verifier.verify(bearerToken(request), { sspFrom: only(request, "ssp-from") });
    requireGroup(caller, group);
    console.log(`${method} ${url} for ${caller.asid} of ${caller.ods_code}`);
    if (method === "GET") return answer(response, 200, { resourceType: "Bundle", type: "searchset", total: 0 });
    answer(response, 201, { resourceType: "Appointment", status: "booked" });
  } catch (error) {
    refuse(request, response, error instanceof Refused ? error : new Refused(`failed: ${error.name}`, 500));
  }
});

function bearerToken(request) {
  const [scheme, token] = (only(request, "authorization") ?? "").split(/ (.*)/s);
  if (scheme.toLowerCase() !== "bearer") throw new Refused("no_token");
  return token ?? "";
}

/** The value of a header that may come once: of two, a proxy may have read the other. */
function only(request, name) {
  const values = request.headersDistinct[name] ?? [];
  if (values.length > 1) throw new Refused("bad_request", 400);
  return values[0];
}

function refuse({ method, url }, response, { reason, status, group }) {
  const reference = randomUUID();
  console.warn(`${method} ${url} refused: ${reason}, reference ${reference}`);
  if (ERROR[status]) {
    let challenge = 'Bearer realm="careconnect"'; // RFC 6750 section 3: no error for those who brought no token
    if (reason !== "no_token") challenge += `, error="${ERROR[status]}", error_description="${reason}"`;
    if (group) challenge += `, scope="${group}"`;
    response.setHeader("WWW-Authenticate", challenge);
  }
  const issue = [{ severity: "error", code: ISSUE[status], diagnostics: reason }];
  answer(response, status, { resourceType: "OperationOutcome", id: reference, issue });
}

function answer(response, status, resource) {
  response.writeHead(status, { "Content-Type": "application/fhir+json", "Cache-Control": "no-store" });
  response.end(JSON.stringify(resource));
}

server.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
