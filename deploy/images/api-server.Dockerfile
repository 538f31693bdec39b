# syntax=docker/dockerfile:1

# The API server: one static program and the certificate authorities that it may have to trust, nothing else.
#
#   docker build --file deploy/images/api-server.Dockerfile --tag REGISTRY/apifleet/api-server:VERSION .
#
# The build context is the root of the repository.

# A static program does not say what it was made of: an SBOM lists what Cargo.lock names.
ARG BUILDKIT_SBOM_SCAN_CONTEXT=true

FROM rust:1.95-bookworm AS build
ARG TARGETARCH
WORKDIR /source
COPY . .
# The target's name is that of the machine (.cargo/config.toml), hence the pattern. Each architecture has a cache of its
# own: in one that they shared the pattern would find the programs of both.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,id=target-$TARGETARCH,target=/source/target \
    cargo build --release --locked --package apifleet-api-server --bin api-server \
    && mkdir /out && cp target/*/release/api-server /out/
RUN printf 'nonroot:x:65532:65532:nonroot:/:/bin/false\n' > /out/passwd \
    && printf 'nonroot:x:65532:\n' > /out/group \
    && printf 'hosts: files dns\n' > /out/nsswitch.conf

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/passwd /out/group /out/nsswitch.conf /etc/
COPY --from=build --chmod=0755 /out/api-server /api-server
USER 65532:65532
ENTRYPOINT ["/api-server"]
