/** Why a request is refused: a word for logs and callers, without any part of the token. */
@SuppressWarnings("serial") // nobody writes it to a stream
final class Refused extends RuntimeException {
    final String reason;
    final int status;
    final String group;

    Refused(String reason) {
        this(reason, 401, null);
    }

    Refused(String reason, int status, String group) {
        super(reason, null, false, false); // a refusal is no fault: it needs no stack trace
        this.reason = reason;
        this.status = status;
        this.group = group;
    }
}
