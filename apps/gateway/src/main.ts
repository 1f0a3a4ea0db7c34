import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import { BackendUrlError, openBackend } from "@trellis/backends";
import { createGateway } from "@trellis/gateway";
import { clusterSecretIn, gatewayOptions } from "@trellis/gateway/options";
import { DomainError, loadDomains } from "@trellis/registry";
import { systemClock } from "@trellis/resource";
import { nodeProcess, option, runProgram, serverConfig, serverOptions, text } from "@trellis/server";

import manifest from "../package.json" with { type: "json" };

const SECRET_BYTES = 32;
const deps = { clock: systemClock, random: Math.random };

await runProgram(
  {
    name: "trellis-gateway",
    version: manifest.version,
    summary: "serves resources over Connect, gRPC, gRPC-Web and REST, on one port",
    examples: [
      { command: "trellis-gateway --domain @trellis/catalog", does: "The catalog's types, kept in memory" },
      {
        command: "trellis-gateway --domain ./acme --listen :8080",
        does: "Types of your own, on all interfaces",
      },
    ],
    options: {
      domain: gatewayOptions.domain,
      backend: option(text("URL"), {
        help: "Where resources are kept",
        group: "Resources",
        default: "memory:",
      }),
      clusterSecret: gatewayOptions.clusterSecret,
      ...serverOptions({ listen: "127.0.0.1:7500", logLevel: "info" }),
    },
    isUserError: (error) => DomainError.is(error) || BackendUrlError.is(error),

    async start({ values, log }) {
      const domains = await loadDomains(values.domain, { from: process.cwd() });
      const clusterSecret = clusterSecretIn(values.clusterSecret, (path) => readFileSync(path, "utf8"));
      const onEvent = (event: object): void => log.info(event, "storage");
      const backend = await openBackend(values.backend, { ...deps, onEvent });
      const processSecret = randomBytes(SECRET_BYTES).toString("hex");
      const gateway = createGateway(
        { ...deps, backend, domains, processSecret, clusterSecret, log },
        serverConfig(values),
      );
      const { address, url } = await gateway.start();
      log.info({ address, url, types: gateway.types, backend: values.backend }, "listening");
      return {
        async stop() {
          log.info("stopping");
          await gateway.stop();
        },
      };
    },
  },
  nodeProcess(process),
);
