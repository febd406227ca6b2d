// Gets tokens with openid-client, and verifies them with jose. Arguments: dev.json and the client_id of a consumer in it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";

import { createLocalJWKSet, jwtVerify } from "jose";
import * as client from "openid-client";
import { Agent, fetch } from "undici";

globalThis.crypto ??= webcrypto; // Node 18 has it, but not by this name
globalThis.CryptoKey ??= webcrypto.CryptoKey;

const [manifestFile, clientId] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(manifestFile));
const consumer = manifest.consumers.find((one) => one.client_id === clientId);

// A certificate belongs to the connection, so to the agent that makes it. An agent does not look for proxies.
const connect = { ca: readFileSync(manifest.ca_file) };
if (consumer.cert_file) {
  Object.assign(connect, { cert: readFileSync(consumer.cert_file), key: readFileSync(consumer.key_file) });
}
const dispatcher = new Agent({ connect });
const overTls = (url, options) => fetch(url, { ...options, dispatcher });

const subtle = {
  ES256: { name: "ECDSA", namedCurve: "P-256" },
  RS512: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-512" },
};

async function proof() {
  switch (consumer.auth_method) {
    case "private_key_jwt": {
      const jwk = JSON.parse(readFileSync(consumer.jwk_file));
      const key = await crypto.subtle.importKey("jwk", jwk, subtle[consumer.alg], false, ["sign"]);
      return client.PrivateKeyJwt({ key, kid: consumer.kid });
    }
    case "client_secret":
      return client.ClientSecretBasic(consumer.client_secret);
    default:
      return client.TlsClientAuth();
  }
}

const options = { [client.customFetch]: overTls };
const config = await client.discovery(new URL(manifest.issuer), clientId, undefined, await proof(), options);
const keys = createLocalJWKSet(await (await overTls(config.serverMetadata().jwks_uri)).json());
for (const provider of manifest.providers.filter((one) => one.claims_profile === "careconnect")) {
  const answer = await client.clientCredentialsGrant(config, { resource: provider.base_url });
  const { payload } = await jwtVerify(answer.access_token, keys, {
    issuer: manifest.issuer,
    audience: provider.base_url,
    typ: "at+jwt",
    algorithms: [provider.signing_alg],
  });
  assert.equal(payload.asid, consumer.asid);
  assert.deepEqual(payload.groups, [...consumer.groups].sort());
  console.log(consumer.auth_method, provider.signing_alg, payload.asid);
}
