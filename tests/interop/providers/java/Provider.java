import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Executors;

/** A provider: GET /Slot for those who may look, POST /Appointment for those who may book. */
public final class Provider {
    private static final String GROUP = "urn:nhs:names:services:careconnect:fhir:rest:";
    private static final Map<String, String> NEEDS =
            Map.of("GET /Slot", GROUP + "read:slot", "POST /Appointment", GROUP + "create:appointment");
    private static final Map<Integer, String> ERROR =
            Map.of(400, "invalid_request", 401, "invalid_token", 403, "insufficient_scope");
    private static final Map<Integer, String> ISSUE = Map.of(
            400, "invalid", 401, "login", 403, "forbidden", 404, "not-found", 500, "exception", 503, "transient");
    private static final System.Logger LOG = System.getLogger("careconnect");

    private final TokenVerifier verifier;

    private Provider(TokenVerifier verifier) {
        this.verifier = verifier;
    }

    public static void main(String[] arguments) throws IOException {
        String issuer = System.getenv("ISSUER");
        String keys = System.getenv().getOrDefault("JWKS_URL", issuer + "/.well-known/jwks.json");
        var provider = new Provider(new TokenVerifier(issuer, System.getenv("SERVICE_ROOT"), new IssuerKeys(keys)));
        int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8090"));
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/", provider::handle);
        server.setExecutor(Executors.newFixedThreadPool(16));
        server.start();
        System.out.println("http://127.0.0.1:" + server.getAddress().getPort());
    }

    private void handle(HttpExchange exchange) throws IOException {
        String request = exchange.getRequestMethod() + " " + exchange.getRequestURI().getRawPath();
        try (exchange) {
            try {
                String group = NEEDS.get(request);
                if (group == null) throw new Refused("not_found", 404, null);
                var caller = verifier.verify(bearerToken(exchange), null, only(exchange, "Ssp-From"));
                caller.require(group);
                LOG.log(System.Logger.Level.INFO, "{0} for {1} of {2}", request, caller.asid(), caller.odsCode());
                if (request.startsWith("GET")) answer(exchange, 200, Map.of("resourceType", "Bundle", "type", "searchset", "total", 0));
                else answer(exchange, 201, Map.of("resourceType", "Appointment", "status", "booked"));
            } catch (Refused refusal) {
                refuse(exchange, request, refusal);
            } catch (RuntimeException failure) {
                refuse(exchange, request, new Refused("failed: " + failure.getClass().getName(), 500, null));
            }
        }
    }

    private static String bearerToken(HttpExchange exchange) {
        String credentials = only(exchange, "Authorization");
        String[] parts = (credentials == null ? "" : credentials).split(" ", 2);
        if (parts.length != 2 || !parts[0].equalsIgnoreCase("bearer")) throw new Refused("no_token");
        return parts[1];
    }

    /** The value of a header that may come once: of two, a proxy may have read the other. */
    private static String only(HttpExchange exchange, String name) {
        List<String> values = exchange.getRequestHeaders().getOrDefault(name, List.of());
        if (values.size() > 1) throw new Refused("bad_request", 400, null);
        return values.isEmpty() ? null : values.get(0);
    }

    private static void refuse(HttpExchange exchange, String request, Refused refusal) throws IOException {
        String reference = UUID.randomUUID().toString();
        LOG.log(System.Logger.Level.WARNING, "{0} refused: {1}, reference {2}", request, refusal.reason, reference);
        if (ERROR.containsKey(refusal.status)) {
            String challenge = "Bearer realm=\"careconnect\""; // RFC 6750 section 3: no error for those without a token
            if (!refusal.reason.equals("no_token"))
                challenge += ", error=\"" + ERROR.get(refusal.status) + "\", error_description=\"" + refusal.reason + "\"";
            if (refusal.group != null) challenge += ", scope=\"" + refusal.group + "\"";
            exchange.getResponseHeaders().set("WWW-Authenticate", challenge);
        }
        var issue = Map.of("severity", "error", "code", ISSUE.get(refusal.status), "diagnostics", refusal.reason);
        answer(exchange, refusal.status, Map.of("resourceType", "OperationOutcome", "id", reference, "issue", List.of(issue)));
    }

    private static void answer(HttpExchange exchange, int status, Map<String, ?> resource) throws IOException {
        byte[] body = new ObjectMapper().writeValueAsBytes(resource);
        exchange.getResponseHeaders().set("Content-Type", "application/fhir+json");
        exchange.getResponseHeaders().set("Cache-Control", "no-store");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }
}
