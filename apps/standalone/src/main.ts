import { randomBytes } from "node:crypto";

import { BackendUrlError, openBackend } from "@trellis/backends";
import type { Client } from "@trellis/client";
import type { AnyController } from "@trellis/controller";
import { createControllerRuntime, createControllersPart } from "@trellis/controller/runtime";
import { DomainError, loadDomain } from "@trellis/registry";
import { STORE_HEADER, systemClock, VERSION_HEADER } from "@trellis/resource";
import {
  ConfigError,
  createServer,
  nodeProcess,
  onOff,
  option,
  repeated,
  runProgram,
  serverConfig,
  serverOptions,
  text,
} from "@trellis/server";
import { serveResources, systemControllers } from "@trellis/system";

import manifest from "../package.json" with { type: "json" };
import { startScreen } from "./start-screen.ts";

const SECRET_BYTES = 32;
const deps = { clock: systemClock, random: Math.random };
const MEMORY_URL = "memory:";

await runProgram(
  {
    name: "trellis-standalone",
    version: manifest.version,
    summary: "everything in one process: the server, the controllers and the store",
    examples: [
      { command: "npm start", does: "In the checkout: with the catalog and the demo" },
      {
        command: "npm start -- --domain ./examples/hello-controller",
        does: "With a domain of your own besides",
      },
    ],
    options: {
      domain: repeated(text("MODULE"), {
        help: "A domain to run, types and controllers: a package, or a path",
        group: "Resources",
      }),
      memory: onOff({ help: "Keep resources in memory only; they are lost at exit", group: "Resources" }),
      backend: option(text("URL"), {
        help: "Where resources are kept",
        group: "Resources",
        default: MEMORY_URL,
      }),
      ...serverOptions({ listen: "127.0.0.1:7500", logLevel: "warn" }),
    },
    isUserError: (error) => DomainError.is(error),

    async start({ values, log, stdout, colour }) {
      const inMemory = values.backend.startsWith(MEMORY_URL);
      if (values.memory && !inMemory) {
        throw new ConfigError([`--memory: expected no other --backend beside it; found ${values.backend}`]);
      }
      const specifiers = [...new Set(values.domain)];
      const domains = await Promise.all(
        specifiers.map((specifier) => loadDomain(specifier, { from: process.cwd() })),
      );
      const backend = await openBackend(values.backend, deps).catch((error: unknown): never => {
        throw BackendUrlError.is(error) ? new ConfigError([`--backend: ${error.message}`]) : error;
      });
      const processSecret = randomBytes(SECRET_BYTES).toString("hex");
      const resources = judgingDomains(() =>
        serveResources({ backend, domains, processSecret, ...deps, log }),
      );
      const controllers = domains.flatMap((domain) => domain.controllers as readonly AnyController[]);
      // Controllers reach the service within the process: no wire, the same code path.
      const partOf = (name: string, client: Client, its: readonly AnyController[]) => {
        const runtime = createControllerRuntime({ client, controllers: its, clock: systemClock, log });
        return createControllersPart({ name, runtime, clock: systemClock, log });
      };
      const server = createServer({
        parts: [
          resources.part,
          partOf("system controllers", resources.systemClient, systemControllers(deps)),
          partOf("controllers", resources.client, controllers),
        ],
        config: serverConfig(values),
        log,
        clock: systemClock,
        commonHeaders() {
          const { storeId, version } = backend.position();
          return { [STORE_HEADER]: storeId, [VERSION_HEADER]: String(version) };
        },
      });
      const { address, url } = await server.start();
      log.info({ address, url }, "listening");
      stdout.write(
        startScreen({
          version: manifest.version,
          url,
          types: resources.registry.types().map(({ type }) => type.gvk),
          hasDomain: domains.length > 0,
          controllers: controllers.map(({ name }) => name),
          data: inMemory ? "in memory; lost when this process ends" : values.backend,
          tryNext: specifiers.includes("@trellis/catalog")
            ? ["npx trellis apply -f examples/catalog"]
            : ["npx trellis types"],
          colour,
        }),
      );
      return {
        async stop() {
          await server.stop();
          await backend.close();
        },
      };
    },
  },
  nodeProcess(process),
);

/** What is wrong with domains, such as a type that two of them bring, is for who gave them, and in one line. */
function judgingDomains<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw error instanceof TypeError ? new ConfigError([`--domain: ${error.message}`]) : error;
  }
}
