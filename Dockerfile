# One program: every command of starrocks-br, the demo included.
#
#   docker build -t starrocks-br .
#   docker run --rm starrocks-br demo
#   docker run --rm --read-only --tmpfs /tmp -e STARROCKS_HOST -e STARROCKS_USER -e STARROCKS_PASSWORD \
#       -e STARROCKS_REPOSITORY starrocks-br backup auto --group nightly
#
# There is no HEALTHCHECK: it runs one command and ends.

ARG BUILD=docker.io/library/rust:1.95.0-bookworm
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BUILD} AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package cli --features demo \
    && install -D target/release/starrocks-br /out/starrocks-br

FROM ${BASE}
LABEL org.opencontainers.image.title="starrocks-br" \
      org.opencontainers.image.description="Backup and restore for StarRocks" \
      org.opencontainers.image.licenses="Apache-2.0"
# Authorities for Secrets Manager; for StarRocks the configuration names them.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/starrocks-br /usr/local/bin/starrocks-br
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
ENTRYPOINT ["/usr/local/bin/starrocks-br"]
CMD ["--help"]
