import { randomBytes } from "node:crypto";

import { BackendUrlError, openBackend, type OpenedBackend } from "@trellis/backends";
import type { Client } from "@trellis/client";
import type { AnyController } from "@trellis/controller";
import {
  createControllerRuntime,
  createControllersPart,
  createManagerPart,
} from "@trellis/controller/runtime";
import { DomainError, loadDomains } from "@trellis/registry";
import { STORE_HEADER, systemClock, VERSION_HEADER } from "@trellis/resource";
import {
  ConfigError,
  createServer,
  nodeProcess,
  onOff,
  optional,
  type Part,
  repeated,
  runProgram,
  serverConfig,
  serverOptions,
  text,
} from "@trellis/server";
import { serveResources, systemControllers } from "@trellis/system";

import manifest from "../package.json" with { type: "json" };
import { startScreen } from "./start-screen.ts";
import { StorageStoppedError } from "./storage-stopped-error.ts";

const SECRET_BYTES = 32;
const deps = { clock: systemClock, random: Math.random };
const MEMORY_URL = "memory:";
/** Where resources are kept when nobody says where. */
const DATA_DIR = ".trellis";

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
      controllersElsewhere: onOff({
        help: "Leave the domains' controllers to controller managers; the system's own run here all the same",
        group: "Resources",
      }),
      dataDir: optional(text("DIR"), {
        help: `Where resources are kept on this disk; ${DATA_DIR} when neither this nor another place is given`,
        group: "Resources",
      }),
      memory: onOff({ help: "Keep resources in memory only; they are lost at exit", group: "Resources" }),
      backend: optional(text("URL"), {
        help: "Another place for resources: a backend's URL",
        group: "Resources",
      }),
      ...serverOptions({ listen: "127.0.0.1:7500", logLevel: "warn" }),
    },
    isUserError: (error) => DomainError.is(error) || StorageStoppedError.is(error),

    async start({ values, log, stdout, colour }) {
      const place = placeOf(values);
      const domains = await loadDomains(values.domain, { from: process.cwd() });
      const failed = Promise.withResolvers<Error>();
      const backend = await openBackend(place.url, {
        ...deps,
        onEvent: (event) => log.info(event, "storage"),
        onFailure: (error) => failed.resolve(new StorageStoppedError(error)),
      }).catch((error: unknown): never => {
        throw BackendUrlError.is(error) ? new ConfigError([`${place.flag}: ${error.message}`]) : error;
      });
      const processSecret = randomBytes(SECRET_BYTES).toString("hex");
      const resources = serveResources({ backend, domains, processSecret, ...deps, log });
      const controllers = values.controllersElsewhere
        ? []
        : domains.flatMap((domain) => domain.controllers as readonly AnyController[]);
      // Controllers reach the service within the process: no wire, the same code path.
      const runtimeOf = (client: Client, its: readonly AnyController[]) =>
        createControllerRuntime({ client, controllers: its, log, ...deps });
      const runtimes = new Map([
        ["system controllers", runtimeOf(resources.systemClient, systemControllers(deps))],
        ["controllers", runtimeOf(resources.client, controllers)],
      ]);
      const server = createServer({
        parts: [
          resources.part,
          operatorsPart(backend),
          ...[...runtimes].map(([name, runtime]) =>
            createControllersPart({ name, runtime, clock: systemClock, log }),
          ),
          createManagerPart({
            runtimes: [...runtimes.values()],
            types: domains.flatMap(({ types }) => types),
            log,
          }),
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
          data: place.words,
          tryNext: values.domain.includes("@trellis/catalog")
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
        failed: failed.promise,
      };
    },
  },
  nodeProcess(process),
);

/** Where resources are kept: the URL, the flag that said so, and words for people. */
function placeOf({
  dataDir,
  memory,
  backend,
}: {
  readonly dataDir: string | undefined;
  readonly memory: boolean;
  readonly backend: string | undefined;
}): { readonly url: string; readonly flag: string; readonly words: string } {
  const given = [
    ...(dataDir === undefined ? [] : ["--data-dir"]),
    ...(memory ? ["--memory"] : []),
    ...(backend === undefined ? [] : ["--backend"]),
  ];
  if (given.length > 1) {
    throw new ConfigError([`${given[0]}: expected one place for resources, found ${given.join(" and ")}`]);
  }
  if (memory || backend?.startsWith(MEMORY_URL) === true) {
    return { url: backend ?? MEMORY_URL, flag: "--backend", words: "in memory; lost when this process ends" };
  }
  if (backend !== undefined) return { url: backend, flag: "--backend", words: backend };
  const directory = dataDir ?? DATA_DIR;
  return {
    url: `raft:${encodeURI(directory).replaceAll(/[?#]/g, encodeURIComponent)}`,
    flag: "--data-dir",
    words: `in ${directory}`,
  };
}

/** What operators ask of the storage, as a part of the server. */
function operatorsPart({ operatorRoutes }: OpenedBackend): Part {
  const nothing = async (): Promise<void> => undefined;
  return {
    name: "operators",
    routes: operatorRoutes === undefined ? {} : { connect: operatorRoutes },
    start: nothing,
    stop: nothing,
  };
}
