# syntax=docker/dockerfile:1
# Build: the Rust toolchain, and the C compiler that the crypto back-end and SQLite need.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/careconnect-auth /usr/local/bin/
# The image's files: the binary, the libraries that it is linked with, the public authorities, and a place for data.
RUN mkdir -p /image/data /image/tmp \
    && cp --parents --dereference /usr/local/bin/careconnect-auth /etc/ssl/certs/ca-certificates.crt \
        $(ldd /usr/local/bin/careconnect-auth | grep -o '/[^ ]*') /image

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=65532:65532 --chmod=0700 /image/data /data
# careconnect-auth.toml, certificates, keys/ and an SQLite database live in /data.
WORKDIR /data
USER 65532:65532
VOLUME /data
EXPOSE 8443
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/usr/local/bin/careconnect-auth", "doctor", "--quick"]
ENTRYPOINT ["/usr/local/bin/careconnect-auth"]
CMD ["serve"]
