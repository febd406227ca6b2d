"""The provider's side: PyJWT verifies what a consumer got."""

import jwt


def verify(session, manifest, consumer, provider, answer):
    """Holds a token against the published keys, the register and the answer that it came in; gives its claims."""
    metadata = session.get(manifest["metadata_url"]).json()
    keys = jwt.PyJWKSet.from_dict(session.get(metadata["jwks_uri"]).json())
    token = answer["access_token"]
    header = jwt.get_unverified_header(token)
    assert header["typ"] == "at+jwt" and header["alg"] == provider["signing_alg"], header
    claims = jwt.decode(
        token,
        keys[header["kid"]].key,
        algorithms=[provider["signing_alg"]],
        audience=provider["base_url"],
        issuer=manifest["issuer"],
        options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]},
    )
    assert claims["ods_code"] == consumer["ods_code"] and claims["groups"] == sorted(consumer["groups"]), claims
    assert claims["exp"] - claims["iat"] == answer["expires_in"], claims
    return claims
