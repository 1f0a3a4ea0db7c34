import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import { parseClusterSecret } from "@trellis/authz";
import { BackendUrlError, openBackend, type OpenedBackend } from "@trellis/backends";
import { DomainError, loadDomains } from "@trellis/registry";
import { STORE_HEADER, systemClock, VERSION_HEADER } from "@trellis/resource";
import {
  createServer,
  nodeProcess,
  option,
  optional,
  type Part,
  readOptionFile,
  repeated,
  runProgram,
  serverConfig,
  serverOptions,
  text,
} from "@trellis/server";
import { type Backend, StorageError } from "@trellis/storage";
import { serveResources } from "@trellis/system";

import { patientPart } from "./patient-part.ts";
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
      domain: repeated(text("MODULE"), {
        help: "A domain whose types to serve: a package, or a path",
        group: "Resources",
      }),
      backend: option(text("URL"), {
        help: "Where resources are kept",
        group: "Resources",
        default: "memory:",
      }),
      clusterSecret: optional(text("FILE"), {
        help: "A file with the cluster's secret, by which controller managers act as the system",
        group: "Security",
      }),
      ...serverOptions({ listen: "127.0.0.1:7500", logLevel: "info" }),
    },
    isUserError: (error) => DomainError.is(error) || BackendUrlError.is(error),

    async start({ values, log }) {
      const domains = await loadDomains(values.domain, { from: process.cwd() });
      const clusterSecret =
        values.clusterSecret === undefined
          ? undefined
          : readOptionFile("cluster-secret", values.clusterSecret, readText, parseClusterSecret);
      const onEvent = (event: object): void => log.info(event, "storage");
      const backend = await openBackend(values.backend, { ...deps, onEvent });
      const processSecret = randomBytes(SECRET_BYTES).toString("hex");
      const resources = serveResources({ backend, domains, processSecret, clusterSecret, ...deps, log });
      const { waitsFor } = backend;
      const part =
        waitsFor === undefined
          ? resources.part
          : patientPart(resources.part, { clock: systemClock, log, waitsFor: () => waitsFor.call(backend) });
      const server = createServer({
        parts: [part, ...operatorsPart(backend)],
        config: serverConfig(values),
        log,
        clock: systemClock,
        commonHeaders: () => positionHeaders(backend),
      });
      const { address, url } = await server.start();
      log.info(
        { address, url, types: resources.registry.types().length, backend: values.backend },
        "listening",
      );
      return {
        async stop() {
          log.info("stopping");
          await server.stop();
          await backend.close();
        },
      };
    },
  },
  nodeProcess(process),
);

/** What operators ask of the storage, where it has something for them. */
function operatorsPart({ operatorRoutes }: OpenedBackend): readonly Part[] {
  if (operatorRoutes === undefined) return [];
  const nothing = async (): Promise<void> => undefined;
  return [{ name: "operators", routes: { connect: operatorRoutes }, start: nothing, stop: nothing }];
}

/** Which store answers, and how far it is; nothing while none is known. */
function positionHeaders(backend: Backend): Readonly<Record<string, string>> {
  try {
    const { storeId, version } = backend.position();
    return { [STORE_HEADER]: storeId, [VERSION_HEADER]: String(version) };
  } catch (error) {
    if (StorageError.is(error)) return {};
    throw error;
  }
}

function readText(path: string): string {
  return readFileSync(path, "utf8");
}
