// Judges tests/vectors of the verifier, by this verifier or by jose alone. Arguments: the file, and `alone`.
import { readFileSync } from "node:fs";

import { createLocalJWKSet, errors, jwtVerify } from "jose";

import { Refused, TokenVerifier, requireGroup, usableKeys } from "./careconnect_tokens.mjs";

const [file, alone] = process.argv.slice(2);
const vectors = JSON.parse(readFileSync(file));

async function judge({ issuer, audience, now, options }, token, jwkSet) {
  const keys = localKeys(jwkSet);
  const [leeway, boundOnly] = [options.leeway ?? 0, options.require_cnf];
  const verifier = new TokenVerifier({ issuer, audience, keys, leeway, boundOnly, clock: () => now });
  const pem = options.cert && vectors.certs[options.cert].replaceAll(/-----.*-----/g, "");
  const certificate = pem && Buffer.from(pem, "base64");
  const claims = await verifier.verify(token, { certificate, sspFrom: options.ssp_from });
  for (const group of options.require_groups ?? []) requireGroup(claims, group);
}

function localKeys(jwkSet) {
  try {
    return createLocalJWKSet(usableKeys(jwkSet));
  } catch (error) {
    throw error instanceof TypeError ? new Refused("jwks_invalid", 503) : error;
  }
}

async function judgeAlone({ issuer, audience, now, options }, token, jwkSet) {
  await jwtVerify(token, createLocalJWKSet(jwkSet), {
    issuer,
    audience,
    algorithms: ["ES256", "RS256"],
    clockTolerance: options.leeway ?? 0,
    currentDate: new Date(now * 1000),
  });
}

for (const one of vectors.cases) {
  const token = one.token ?? Buffer.from(one.token_hex, "hex").toString("latin1");
  let answer = { id: one.id, verdict: "accept" };
  try {
    await (alone ? judgeAlone : judge)(one, token, vectors.jwks[one.jwks]);
  } catch (error) {
    if (!alone && !(error instanceof Refused)) throw error;
    if (alone && !(error instanceof errors.JOSEError)) answer.crashed = String(error);
    answer = { ...answer, verdict: "reject", reason: error.reason ?? error.code };
  }
  console.log(JSON.stringify(answer));
}
