FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/keyportal ./cmd/keyportal \
    && mkdir /out/data

# A static binary needs no more than certificates, time zones and a user.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/keyportal /usr/local/bin/keyportal
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV KEYPORTAL_DB=/data/keyportal.db \
    KEYPORTAL_ADDR=0.0.0.0:8080 \
    KEYPORTAL_GATEWAY_ADDR=0.0.0.0:8081
EXPOSE 8080 8081
ENTRYPOINT ["/usr/local/bin/keyportal"]
