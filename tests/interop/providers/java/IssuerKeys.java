import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.spec.ECFieldFp;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** The issuer's keys: fetched once, refreshed ahead of time, and kept for a day while the issuer is away. */
final class IssuerKeys implements Function<String, PublicKey> {
    private static final Duration TIMEOUT = Duration.ofSeconds(5);
    private static final long COOLDOWN = Duration.ofSeconds(30).toNanos();
    private static final long REFRESH = Duration.ofMinutes(5).toNanos();
    private static final long KEEP = Duration.ofHours(24).toNanos();
    private static final long LONG_AGO = System.nanoTime() - 2 * KEEP;

    private final HttpClient client = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
    private final HttpRequest request;
    private volatile Map<String, PublicKey> keys = Map.of();
    private volatile long fetched = LONG_AGO;
    private volatile long asked = LONG_AGO;

    IssuerKeys(String url) {
        request = HttpRequest.newBuilder(URI.create(url)).timeout(TIMEOUT).build();
    }

    @Override
    public PublicKey apply(String kid) {
        if (!keys.containsKey(kid)) ask();
        else if (since(fetched) > REFRESH && since(asked) > COOLDOWN) CompletableFuture.runAsync(this::ask); // nobody waits
        if (since(fetched) > KEEP) throw new Refused("keys_unavailable", 503, null);
        PublicKey key = keys.get(kid);
        if (key == null) throw new Refused("unknown_kid");
        return key;
    }

    /** One asks, and those who wait share what it got. */
    private synchronized void ask() {
        if (since(asked) < (keys.isEmpty() ? Duration.ofSeconds(1).toNanos() : COOLDOWN)) return;
        asked = System.nanoTime();
        try {
            HttpResponse<byte[]> answer = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
            if (answer.statusCode() != 200) throw new IOException("status " + answer.statusCode());
            keys = usable(new ObjectMapper().readTree(answer.body()));
            fetched = asked;
        } catch (IOException | Refused error) {
            System.getLogger("careconnect").log(System.Logger.Level.WARNING, "the issuer's keys cannot be had: {0}", error);
        } catch (InterruptedException stopping) {
            Thread.currentThread().interrupt();
        }
    }

    private static long since(long moment) {
        return System.nanoTime() - moment;
    }

    /** By {@code kid}. A bad key does not spoil the others; of two with one {@code kid}, neither counts. */
    static Map<String, PublicKey> usable(JsonNode jwkSet) {
        if (!jwkSet.path("keys").isArray()) throw new Refused("jwks_invalid", 503, null);
        Map<String, PublicKey> keys = new HashMap<>();
        Set<String> seen = new HashSet<>();
        for (JsonNode jwk : jwkSet.get("keys")) {
            if (!jwk.path("kid").isTextual()) continue;
            String kid = jwk.get("kid").textValue();
            keys.remove(kid);
            if (!seen.add(kid)) continue;
            try {
                keys.put(kid, read(jwk));
            } catch (GeneralSecurityException | Refused unusable) {
                // Tokens that name it are refused, as those that name no key.
            }
        }
        return Map.copyOf(keys);
    }

    private static PublicKey read(JsonNode jwk) throws GeneralSecurityException {
        String kind = jwk.path("kty").asText() + " " + jwk.path("alg").asText(jwk.has("n") ? "RS256" : "ES256");
        boolean verifies = !jwk.has("key_ops");
        for (JsonNode operation : jwk.path("key_ops")) verifies |= operation.asText().equals("verify");
        if (!verifies || !jwk.path("use").asText("sig").equals("sig") || jwk.has("d")) throw new Refused("jwks_invalid");
        return switch (kind) {
            case "EC ES256" -> p256(jwk.path("crv").asText(), number(jwk, "x"), number(jwk, "y"));
            case "RSA RS256" -> rsa(number(jwk, "n"), number(jwk, "e"));
            default -> throw new Refused("jwks_invalid");
        };
    }

    private static PublicKey rsa(BigInteger modulus, BigInteger exponent) throws GeneralSecurityException {
        boolean strong = modulus.bitLength() >= 2048 && modulus.bitLength() <= 8192 // a longer one takes long
                && exponent.testBit(0) && exponent.compareTo(BigInteger.valueOf(65537)) >= 0;
        if (!strong) throw new Refused("jwks_invalid");
        return KeyFactory.getInstance("RSA").generatePublic(new RSAPublicKeySpec(modulus, exponent));
    }

    private static PublicKey p256(String curve, BigInteger x, BigInteger y) throws GeneralSecurityException {
        AlgorithmParameters parameters = AlgorithmParameters.getInstance("EC");
        parameters.init(new ECGenParameterSpec("secp256r1"));
        ECParameterSpec p256 = parameters.getParameterSpec(ECParameterSpec.class);
        // The JDK makes a key of any point: y² = x³ + ax + b is for us to see.
        BigInteger p = ((ECFieldFp) p256.getCurve().getField()).getP();
        BigInteger right = x.pow(3).add(p256.getCurve().getA().multiply(x)).add(p256.getCurve().getB());
        boolean isOnCurve = x.compareTo(p) < 0 && y.compareTo(p) < 0 && y.pow(2).subtract(right).mod(p).signum() == 0;
        if (!curve.equals("P-256") || !isOnCurve) throw new Refused("jwks_invalid");
        return KeyFactory.getInstance("EC").generatePublic(new ECPublicKeySpec(new ECPoint(x, y), p256));
    }

    private static BigInteger number(JsonNode jwk, String name) {
        if (!jwk.path(name).isTextual()) throw new Refused("jwks_invalid");
        return new BigInteger(1, TokenVerifier.decode(jwk.get(name).textValue()));
    }
}
