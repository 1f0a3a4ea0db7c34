# One image for all apps; the command says which: `docker run trellis trellis-gateway --help`.

# What npm needs to know of the workspaces, and nothing else, so that a change of a source installs nothing anew.
FROM node:24.21.0-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json ./
COPY apps apps
COPY libs libs
RUN find apps libs -type f ! -name package.json ! -path 'apps/*/bin/*' -delete

# What the apps need when they run. Nothing of it has a step to run at its installation; Node is in the image.
FROM node:24.21.0-slim AS dependencies
WORKDIR /app
COPY --from=manifests /app .
RUN npm ci --ignore-scripts --omit=dev --omit=optional --workspace=apps

FROM node:24.21.0-slim
WORKDIR /app
ENV NODE_ENV=production
ENV PATH=/app/node_modules/.bin:$PATH
# Blocks from this size on go back to the system when they are freed; glibc would raise it to 32 MiB by itself.
ENV MALLOC_MMAP_THRESHOLD_=131072
COPY --from=dependencies /app .
COPY LICENSE ./
COPY deploy/ready.js deploy/
COPY apps apps
COPY libs libs
# A volume takes over whose the directory is.
RUN mkdir -p /var/lib/trellis && chown node:node /var/lib/trellis
VOLUME /var/lib/trellis
USER node
EXPOSE 7500 7511 7520 7530
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["node", "/app/deploy/ready.js"]
CMD ["trellis", "--help"]
