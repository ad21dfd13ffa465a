# Headwater as an image: the built service and its production dependencies on Debian, run by a user without rights.
#
#   docker build -t headwater .
#   docker run -p 50051:50051 -p 8080:8080 -v headwater:/data -e HEADWATER_ALLOW_UNAUTHENTICATED=true headwater
#
# Debian and not Alpine: there is no embedded Postgres for musl. With a Postgres of your own (DATABASE_URL) the embedded
# one can be left out, which makes the image smaller: docker build --build-arg EMBEDDED_POSTGRES=false .

ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY gen gen
COPY src src
RUN npm run build

FROM ${NODE_IMAGE} AS dependencies
ARG EMBEDDED_POSTGRES=true
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
    $(test "$EMBEDDED_POSTGRES" = true || echo --omit=optional)

FROM ${NODE_IMAGE}
WORKDIR /app
# Root owns the program, so that the service cannot change it. /data is the only place that it writes to.
RUN install -d -o node -g node -m 0700 /data
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY bin/headwater.js bin/
RUN ln -s /app/bin/headwater.js /usr/local/bin/headwater

# Loopback would be of no use in a container, so both addresses are open. The service therefore refuses to start until you say
# who may what (HEADWATER_ACCESS_FILE), or that the network protects it: HEADWATER_ALLOW_UNAUTHENTICATED=true.
ENV NODE_ENV=production \
    HEADWATER_GRPC_HOST=0.0.0.0 \
    HEADWATER_HTTP_HOST=0.0.0.0 \
    HEADWATER_DATA=/data

# A user with a name: initdb refuses a number that /etc/passwd does not know.
USER node
VOLUME /data
EXPOSE 50051 8080

# 200 while the database answers. Whose certificate it is does not matter on the way to oneself. The start period covers recovery after a crash.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["node", "-e", "require(process.env.HEADWATER_TLS_CERT ? 'https' : 'http').get({ host: '127.0.0.1', port: process.env.HEADWATER_HTTP_PORT || 8080, path: '/readyz', rejectUnauthorized: false }, (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]

# No shell and no npm in between: SIGTERM reaches the service, which drains for up to HEADWATER_DRAIN_TIMEOUT_MS (25 s).
# Give it that time: docker stop --time 30.
# Room for young objects, as npm start has it: see "What matters for you" in docs/performance.md.
ENTRYPOINT ["node", "--max-semi-space-size=64", "--initial-old-space-size=128", "--no-allocation-site-pretenuring", "--heap-growing-percent=300", "/app/bin/headwater.js"]
CMD ["serve"]
