import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;

/** Judges tests/vectors of the verifier. Argument: the file. */
public final class Vectors {
    public static void main(String[] arguments) throws Exception {
        ObjectMapper json = new ObjectMapper();
        JsonNode vectors = json.readTree(new File(arguments[0]));
        for (JsonNode one : vectors.get("cases")) {
            Map<String, String> answer = new LinkedHashMap<>(Map.of("id", one.get("id").textValue()));
            try {
                judge(vectors, one, one.get("options"));
                answer.put("verdict", "accept");
            } catch (Refused refusal) {
                answer.put("verdict", "reject");
                answer.put("reason", refusal.reason);
            }
            System.out.println(json.writeValueAsString(answer));
        }
    }

    private static void judge(JsonNode vectors, JsonNode one, JsonNode options) {
        byte[] hex = HexFormat.of().parseHex(one.path("token_hex").asText());
        String token = one.path("token").asText(new String(hex, StandardCharsets.ISO_8859_1));
        Map<String, PublicKey> keys = IssuerKeys.usable(vectors.get("jwks").get(one.get("jwks").textValue()));
        Function<String, PublicKey> find = kid -> {
            if (!keys.containsKey(kid)) throw new Refused("unknown_kid");
            return keys.get(kid);
        };
        Clock clock = Clock.fixed(Instant.ofEpochSecond(one.get("now").longValue()), ZoneOffset.UTC);
        TokenVerifier verifier = new TokenVerifier(one.get("issuer").textValue(), one.get("audience").textValue(), find,
                options.path("leeway").asInt(), options.path("require_cnf").asBoolean(), clock);
        byte[] certificate = null;
        if (options.has("cert")) {
            String pem = vectors.get("certs").get(options.get("cert").textValue()).textValue();
            certificate = Base64.getMimeDecoder().decode(pem.replaceAll("-----.*-----", ""));
        }
        var caller = verifier.verify(token, certificate, options.path("ssp_from").textValue());
        options.path("require_groups").forEach(group -> caller.require(group.textValue()));
    }
}
