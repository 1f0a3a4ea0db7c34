import { connectClient } from "@trellis/client/node";
import type { AnyController } from "@trellis/controller";
import { createControllerRuntime } from "@trellis/controller/runtime";
import { DomainError, loadDomain } from "@trellis/registry";
import { systemClock } from "@trellis/resource";
import {
  createServer,
  nodeProcess,
  option,
  repeated,
  runProgram,
  serverConfig,
  serverOptions,
  serverUrl,
  text,
} from "@trellis/server";

import manifest from "../package.json" with { type: "json" };
import { createControllersPart } from "./controllers-part.ts";

const deps = { clock: systemClock, random: Math.random };

await runProgram(
  {
    name: "trellis-controller-manager",
    version: manifest.version,
    summary: "runs the controllers of domains against a Trellis server",
    examples: [
      {
        command: "trellis-controller-manager --domain @trellis/catalog",
        does: "The catalog's controllers, against a server on this machine",
      },
    ],
    options: {
      domain: repeated(text("MODULE"), {
        help: "A domain whose controllers to run: a package, or a path",
        group: "Controllers",
      }),
      server: option(serverUrl(), {
        help: "The server to work against",
        group: "Controllers",
        default: "http://127.0.0.1:7500",
      }),
      ...serverOptions({ listen: "127.0.0.1:7530", logLevel: "info" }),
    },
    isUserError: (error) => DomainError.is(error),

    async start({ values, log }) {
      const specifiers = [...new Set(values.domain)];
      const domains = await Promise.all(
        specifiers.map((specifier) => loadDomain(specifier, { from: process.cwd() })),
      );
      const controllers = domains.flatMap((domain) => domain.controllers as readonly AnyController[]);
      const client = connectClient({ server: values.server, ...deps });
      const runtime = createControllerRuntime({ client, controllers, ...deps, log });
      const server = createServer({
        parts: [createControllersPart({ runtime, server: values.server, clock: systemClock, log })],
        config: serverConfig(values),
        log,
        clock: systemClock,
      });
      const { address, url } = await server.start();
      log.info(
        { address, url, server: values.server, controllers: controllers.map(({ name }) => name) },
        "listening",
      );
      return {
        async stop() {
          log.info("stopping");
          await server.stop();
          client.close();
        },
      };
    },
  },
  nodeProcess(process),
);
