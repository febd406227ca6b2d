// Verifies access tokens of careconnect-auth. Needs jose.
import { createHash, createPublicKey } from "node:crypto";

import { createRemoteJWKSet, customFetch, errors, jwtVerify } from "jose";

const ALGORITHMS = ["ES256", "RS256"];
const LONGEST = 16 * 1024; // characters of a token
const LAST_DATE = 253_402_300_799; // the year 9999: what lies beyond is no date but a mistake, such as milliseconds
const TIMEOUT = 5_000; // milliseconds, as all below
const COOLDOWN = 30_000;
const REFRESH = 300_000;
const KEEP = 24 * 3600_000;
const SHAPES = {
  sub: /^.+$/,
  jti: /^.+$/,
  client_id: /^.+$/,
  asid: /^[0-9]{12}$/,
  ods_code: /^[A-Z0-9]{1,9}$/,
  org_type: /^[a-z][a-z0-9-]{0,63}$/,
};

/** Why a request is refused: a word for logs and callers, without any part of the token. */
export class Refused extends Error {
  constructor(reason, status = 401, group = undefined) {
    super(reason);
    Object.assign(this, { reason, status, group });
  }
}

/** Make one when the service starts. `audience` is your service root, as it is registered. */
export class TokenVerifier {
  constructor({ issuer, audience, keys, leeway = 5, boundOnly = false, clock = () => Date.now() / 1000 }) {
    Object.assign(this, { issuer, audience, keys, leeway, boundOnly, clock });
  }

  /** The claims of a good token. `certificate` is the one of the caller's connection, in DER. */
  async verify(token, { certificate, sspFrom } = {}) {
    if (token.length > LONGEST) throw new Refused("too_large");
    const parts = token.split(".");
    if (parts.length !== 3 || !parts.every(isCanonical)) throw new Refused("malformed");
    const header = readOnce(parts[0]);
    readOnce(parts[1]);
    if (!["at+jwt", "application/at+jwt"].includes(header.typ)) throw new Refused("wrong_typ");
    if ("crit" in header) throw new Refused("crit");
    if (typeof header.kid !== "string") throw new Refused("bad_header"); // jose would take the only key
    const now = this.clock();
    const { payload: claims } = await jwtVerify(token, this.keys, {
      algorithms: ALGORITHMS, // and of these the one of the key: jose holds `alg` of the two against each other
      issuer: this.issuer,
      audience: this.audience,
      clockTolerance: this.leeway,
      currentDate: new Date(now * 1000),
      requiredClaims: ["exp", "iat"],
    }).catch((error) => {
      if (error instanceof errors.JWKSNoMatchingKey) throw new Refused("unknown_kid");
      throw error instanceof errors.JOSEError ? new Refused(error.code) : error;
    });
    for (const name of ["exp", "iat", "nbf"]) {
      if (claims[name] < 0 || claims[name] > LAST_DATE) throw new Refused(`invalid_claim ${name}`);
    }
    if (claims.iat > now + this.leeway) throw new Refused("iat_future"); // jose holds it against maxTokenAge only
    for (const [name, shape] of Object.entries(SHAPES)) {
      if (typeof claims[name] !== "string" || !shape.test(claims[name])) throw new Refused(`invalid_claim ${name}`);
    }
    if (!Array.isArray(claims.groups) || !claims.groups.every((group) => typeof group === "string")) {
      throw new Refused("invalid_claim groups");
    }
    if ("cnf" in claims || this.boundOnly) checkHolder(claims.cnf, certificate);
    if (sspFrom !== undefined && sspFrom !== claims.asid) throw new Refused("asid_mismatch");
    return claims;
  }
}

/** The whole URN is in the list: never by prefix, and not without regard to case. */
export function requireGroup(claims, group) {
  if (!claims.groups.includes(group)) throw new Refused("group_missing", 403, group);
}

/** A bound token is of use with its certificate only (RFC 8705). */
function checkHolder(confirmation, certificate) {
  const own = certificate && createHash("sha256").update(certificate).digest("base64url");
  if (!own || confirmation?.["x5t#S256"] !== own) throw new Refused("cnf_mismatch");
}

/** base64url that is spelt in the one way: Node passes over what does not belong there. */
function isCanonical(part) {
  return part !== "" && Buffer.from(part, "base64url").toString("base64url") === part;
}

/** JSON that has one reading: UTF-8, and no member twice, of which another reader may take the other. */
function readOnce(part) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(part, "base64url"));
    const value = JSON.parse(text);
    if (value instanceof Object && !Array.isArray(value) && !hasMemberTwice(text)) return value;
  } catch {
    // As below.
  }
  throw new Refused("malformed");
}

/** Of a text that JSON.parse takes, and of which it would keep the last. */
function hasMemberTwice(text) {
  const open = []; // the names so far in each object that is open, and nothing for an array
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}[\]]/g)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (token.endsWith(":")) {
      const names = open.at(-1);
      const count = names.size;
      if (names.add(JSON.parse(token.slice(0, -1))).size === count) return true;
    }
  }
  return false;
}

/** A set of the keys that may be used. A bad key does not spoil the others; of two with one `kid`, neither counts. */
export function usableKeys(jwkSet) {
  const ids = jwkSet.keys.map((jwk) => jwk?.kid);
  return { keys: jwkSet.keys.filter((jwk, index) => isUsable(jwk) && ids.indexOf(jwk.kid) === ids.lastIndexOf(jwk.kid)) };
}

function isUsable(jwk) {
  if (typeof jwk?.kid !== "string" || "d" in jwk) return false;
  const numbers = ["n", "e", "x", "y"].filter((name) => name in jwk).map((name) => jwk[name]);
  if (!numbers.every((number) => typeof number === "string" && isCanonical(number))) return false;
  try {
    // jose reads a key when a token names it, and of a broken one throws what is no JOSEError; nor does it look at the
    // exponent, and with 1 every signature can be forged.
    const { modulusLength, publicExponent } = createPublicKey({ key: jwk, format: "jwk" }).asymmetricKeyDetails;
    return jwk.kty !== "RSA" || (modulusLength >= 2048 && publicExponent >= 65537n);
  } catch {
    return false;
  }
}

/** The issuer's keys: fetched once, refreshed ahead of time, and kept for a day while the issuer is away. */
export function issuerKeys(url) {
  let asked = -Infinity;
  const fetchNowAndThen = async (...request) => {
    if (performance.now() - asked < (keys.jwks() ? COOLDOWN : 1_000)) throw new Error("they were asked for just now");
    asked = performance.now();
    const answer = await fetch(...request);
    return answer.ok ? Response.json(usableKeys(await answer.json())) : answer;
  };
  const keys = createRemoteJWKSet(new URL(url), {
    [customFetch]: fetchNowAndThen,
    timeoutDuration: TIMEOUT,
    cooldownDuration: 0, // jose counts from the last success: while the issuer is away, every `kid` would be worth a fetch
    cacheMaxAge: KEEP, // when it is over, jose refuses all tokens; so the refresh is below, long before
  });
  const refresh = () => keys.reload().catch((error) => console.warn(`the issuer's keys cannot be had: ${error}`));
  setInterval(refresh, REFRESH).unref();
  return (header) =>
    keys(header).catch(() => {
      throw keys.fresh ? new Refused("unknown_kid") : new Refused("keys_unavailable", 503);
    });
}
