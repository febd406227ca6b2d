"use strict";

// What each part of a token means, in the order in which it is shown.
const MEANINGS = {
  alg: "how it is signed; a verifier decides by its key which it accepts",
  typ: "what it is: an access token says at+jwt (RFC 9068)",
  kid: "which of the issuer's published keys signed it",
  iss: "who issued it: must be the issuer that the provider trusts, character for character",
  aud: "for which provider: must be its service root, character for character",
  sub: "the consumer's accredited system",
  iat: "when it was issued",
  nbf: "from when it is valid",
  exp: "when it ends",
  jti: "its own identity, for logs and revocation",
  client_id: "the consumer's registration",
  asid: "the consumer's accredited system: must be what Ssp-From says",
  ods_code: "the organisation that the consumer works for; this replaces a searchFilter",
  org_type: "that organisation's type; this replaces the other searchFilter",
  groups: "what the consumer has been assured to do; each operation needs one of them",
  scope: "the groups once more, as SMART scopes",
  cnf: "the certificate without which the token is of no use",
  requesting_system: "as sub, under the name that Spine has for it",
  requesting_organization: "the organisation, as Spine writes it",
  reason_for_request: "why: directcare",
};

const decodePart = (text) => {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new Error("a part of it is not base64url");
  const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  const json = new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0)));
  const value = JSON.parse(json);
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw new Error("a part of it is no JSON object");
  return value;
};

/** Rows of name, value, meaning and what is wrong with it, for a token as it was pasted; now in seconds. */
const explain = (pasted, { issuer, audience }, now) => {
  const parts = pasted.trim().replace(/^(Authorization:\s*)?Bearer:?\s+/i, "").split(".");
  if (parts.length !== 3) throw new Error(`it has ${parts.length} parts instead of three`);
  const header = decodePart(parts[0]);
  const claims = decodePart(parts[1]);
  const wrong = {
    alg: header.alg === "none" && "nobody signed it: it proves nothing",
    typ: header.typ !== "at+jwt" && "not an access token of careconnect-auth",
    iss: claims.iss !== issuer && `this provider trusts ${issuer}`,
    aud: ![claims.aud].flat().includes(audience) && `this provider is ${audience}`,
    exp: !(claims.exp > now) && "it has ended",
    nbf: claims.nbf > now && "not yet",
  };
  const all = { ...header, ...claims };
  const names = [...Object.keys(MEANINGS), ...Object.keys(all)].filter((name, at, list) => list.indexOf(name) === at);
  return names
    .filter((name) => Object.hasOwn(all, name) || wrong[name])
    .map((name) => {
      const isTime = ["iat", "nbf", "exp"].includes(name) && Number.isFinite(all[name]);
      const text = all[name] === undefined ? "missing" : typeof all[name] === "string" ? all[name] : JSON.stringify(all[name]);
      const date = isTime && Math.abs(all[name]) < 8.64e12 ? ` (${new Date(all[name] * 1000).toISOString()})` : "";
      return { name, value: text + date, meaning: MEANINGS[name] ?? "", wrong: wrong[name] || "" };
    });
};

const show = () => {
  const { value } = document.getElementById("token");
  const [rows, verdict] = ["rows", "verdict"].map((id) => document.getElementById(id));
  rows.replaceChildren();
  verdict.textContent = "";
  if (value.trim() === "") return;
  try {
    for (const row of explain(value, document.querySelector("main").dataset, Date.now() / 1000)) {
      const line = rows.insertRow();
      for (const text of [row.name, row.value, row.meaning, row.wrong]) line.insertCell().textContent = text;
      line.lastChild.className = "wrong";
    }
  } catch (error) {
    verdict.textContent = `This is no token: ${error.message}`;
  }
};

document.getElementById("token").addEventListener("input", show);
