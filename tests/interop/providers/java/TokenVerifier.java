import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.PublicKey;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;

/** Verifies access tokens of careconnect-auth. Needs Java 17.0.3 (before it, ES256 can be forged) and Jackson. */
final class TokenVerifier {
    /** Who is calling, and what they may do. */
    record Caller(String clientId, String asid, String odsCode, String organisationType, List<String> groups) {
        /** The whole URN is in the list: never by prefix, and not without regard to case. */
        void require(String group) {
            if (!groups.contains(group)) throw new Refused("group_missing", 403, group);
        }
    }

    private static final int LONGEST = 16 * 1024; // characters of a token
    private static final long LAST_DATE = 253_402_300_799L; // the year 9999: later is a mistake, such as milliseconds
    private static final Map<String, Pattern> SHAPES = Map.of(
            "sub", Pattern.compile(".+"),
            "jti", Pattern.compile(".+"),
            "client_id", Pattern.compile(".+"),
            "asid", Pattern.compile("[0-9]{12}"),
            "ods_code", Pattern.compile("[A-Z0-9]{1,9}"),
            "org_type", Pattern.compile("[a-z][a-z0-9-]{0,63}"));
    /** Of a member that comes twice, Jackson would take the last, and another reader the first. */
    private static final ObjectMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private final String issuer;
    private final String audience;
    private final Function<String, PublicKey> keys;
    private final int leeway;
    private final boolean boundOnly;
    private final Clock clock;

    /** {@code audience} is your service root, as it is registered; {@code keys} gives the key of a {@code kid}. */
    TokenVerifier(String issuer, String audience, Function<String, PublicKey> keys) {
        this(issuer, audience, keys, 5, false, Clock.systemUTC());
    }

    TokenVerifier(String issuer, String audience, Function<String, PublicKey> keys, int leeway, boolean boundOnly,
            Clock clock) {
        this.issuer = issuer;
        this.audience = audience;
        this.keys = keys;
        this.leeway = leeway;
        this.boundOnly = boundOnly;
        this.clock = clock;
    }

    /** {@code certificate} is the one of the caller's connection, in DER, and may be null, as {@code sspFrom}. */
    Caller verify(String token, byte[] certificate, String sspFrom) {
        if (token.length() > LONGEST) throw new Refused("too_large");
        String[] parts = token.split("\\.", -1);
        if (parts.length != 3) throw new Refused("malformed");
        JsonNode header = readOnce(decode(parts[0]));
        JsonNode claims = readOnce(decode(parts[1]));
        byte[] signature = decode(parts[2]);

        // Without this, an ID token or an assertion of the same issuer would do.
        if (!List.of("at+jwt", "application/at+jwt").contains(header.path("typ").asText())) throw new Refused("wrong_typ");
        if (header.has("crit")) throw new Refused("crit");
        if (!header.path("kid").isTextual()) throw new Refused("bad_header");
        PublicKey key = keys.apply(header.get("kid").textValue());
        boolean es256 = key.getAlgorithm().equals("EC"); // the key decides, not the token
        if (!(es256 ? "ES256" : "RS256").equals(header.path("alg").textValue())) throw new Refused("unsupported_alg");
        byte[] signed = token.substring(0, token.lastIndexOf('.')).getBytes(StandardCharsets.US_ASCII);
        if (!isSignature(signature, signed, key, es256)) throw new Refused("bad_signature");

        if (!issuer.equals(claims.path("iss").textValue())) throw new Refused("wrong_issuer");
        if (!texts(claims, "aud").contains(audience)) throw new Refused("wrong_audience");
        checkTimes(claims);
        SHAPES.forEach((name, shape) -> {
            JsonNode claim = claims.path(name);
            if (!claim.isTextual() || !shape.matcher(claim.textValue()).matches()) throw new Refused("invalid_claim " + name);
        });
        if (!claims.path("groups").isArray()) throw new Refused("invalid_claim groups");
        if (claims.has("cnf") || boundOnly) checkHolder(claims.path("cnf"), certificate);
        String asid = claims.get("asid").textValue();
        if (sspFrom != null && !sspFrom.equals(asid)) throw new Refused("asid_mismatch");
        return new Caller(claims.get("client_id").textValue(), asid, claims.get("ods_code").textValue(),
                claims.get("org_type").textValue(), texts(claims, "groups"));
    }

    private static boolean isSignature(byte[] signature, byte[] signed, PublicKey key, boolean es256) {
        try {
            // A JWT has r and s joined (RFC 7518 section 3.4), and not in DER.
            Signature judge = Signature.getInstance(es256 ? "SHA256withECDSAinP1363Format" : "SHA256withRSA");
            judge.initVerify(key);
            judge.update(signed);
            return judge.verify(signature) && (es256 ? signature.length == 64 : isWholeEncoding(signature, signed, key));
        } catch (GeneralSecurityException notEvenOne) {
            return false;
        }
    }

    /** The JDK also takes a hash whose algorithm is written in the short way, without NULL (RFC 8017 section 9.2). */
    private static boolean isWholeEncoding(byte[] signature, byte[] signed, PublicKey key) throws GeneralSecurityException {
        RSAPublicKey rsa = (RSAPublicKey) key;
        String encoded = new BigInteger(1, signature).modPow(rsa.getPublicExponent(), rsa.getModulus()).toString(16);
        return encoded.endsWith("003031300d060960864801650304020105000420" + HexFormat.of().formatHex(sha256(signed)));
    }

    private void checkTimes(JsonNode claims) {
        double now = clock.millis() / 1000.0;
        if (time(claims, "exp") <= now - leeway) throw new Refused("expired");
        if (time(claims, "iat") > now + leeway) throw new Refused("iat_future");
        if (claims.has("nbf") && time(claims, "nbf") > now + leeway) throw new Refused("not_yet_valid");
    }

    private static double time(JsonNode claims, String name) {
        JsonNode claim = claims.path(name);
        double seconds = claim.doubleValue();
        if (!claim.isNumber() || !(0 <= seconds && seconds <= LAST_DATE)) throw new Refused("invalid_claim " + name);
        return seconds;
    }

    /** A text, or an array of nothing but texts. */
    private static List<String> texts(JsonNode claims, String name) {
        List<String> texts = new ArrayList<>();
        JsonNode claim = claims.path(name);
        for (JsonNode one : claim.isArray() ? claim : List.of(claim)) {
            if (!one.isTextual()) throw new Refused("invalid_claim " + name);
            texts.add(one.textValue());
        }
        return List.copyOf(texts);
    }

    /** A bound token is of use with its certificate only (RFC 8705). */
    private static void checkHolder(JsonNode confirmation, byte[] certificate) {
        if (certificate == null) throw new Refused("cnf_mismatch");
        String own = Base64.getUrlEncoder().withoutPadding().encodeToString(sha256(certificate));
        if (!own.equals(confirmation.path("x5t#S256").textValue())) throw new Refused("cnf_mismatch");
    }

    private static byte[] sha256(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    /** base64url that is spelt in the one way. */
    static byte[] decode(String part) {
        try {
            byte[] bytes = Base64.getUrlDecoder().decode(part);
            if (Base64.getUrlEncoder().withoutPadding().encodeToString(bytes).equals(part)) return bytes;
        } catch (IllegalArgumentException notBase64) {
            // As below.
        }
        throw new Refused("malformed");
    }

    /** An object in UTF-8: of bytes, Jackson would take UTF-16 as well. */
    private static JsonNode readOnce(byte[] bytes) {
        try {
            String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
            JsonNode value = JSON.readTree(text);
            if (value.isObject()) return value;
        } catch (CharacterCodingException | JsonProcessingException notJson) {
            // As below.
        }
        throw new Refused("malformed");
    }
}
