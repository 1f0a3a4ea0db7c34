import { readFileSync } from "node:fs";

import { parseClusterSecret } from "@trellis/authz";
import { type ConnectedClient, connectClient } from "@trellis/client/node";
import type { AnyController } from "@trellis/controller";
import {
  CONTROLLER_LEASES,
  createControllerRuntime,
  createControllersPart,
  createManagerPart,
  SYSTEM_LEASES,
  underLeases,
} from "@trellis/controller/runtime";
import { DomainError, loadDomains } from "@trellis/registry";
import { CLUSTER_SECRET_HEADER, systemClock } from "@trellis/resource";
import {
  ConfigError,
  createServer,
  nodeProcess,
  optional,
  readOptionFile,
  repeated,
  runProgram,
  serverConfig,
  serverOptions,
  serverUrl,
  text,
} from "@trellis/server";
import { systemControllers } from "@trellis/system";

import { holderOf } from "./holder.ts";
import manifest from "../package.json" with { type: "json" };

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
      server: repeated(serverUrl(), {
        help: "A server to work against; of several in one cluster one is used as long as it answers",
        group: "Controllers",
        default: ["http://127.0.0.1:7500"],
      }),
      identity: optional(text("NAME"), {
        help: "What other managers and people know this one by; the host's name and a few letters by chance when absent",
        group: "Controllers",
      }),
      clusterSecret: optional(text("FILE"), {
        help: "A file with the cluster's secret: the system's own controllers run here too",
        group: "Security",
      }),
      ...serverOptions({ listen: "127.0.0.1:7530", logLevel: "info" }),
    },
    isUserError: (error) => DomainError.is(error),

    async start({ values, log }) {
      const domains = await loadDomains(values.domain, { from: process.cwd() });
      const controllers = domains.flatMap((domain) => domain.controllers as readonly AnyController[]);
      const serverAt = values.server.join(", ");
      const client = connectClient({ server: values.server, ...deps });
      const system = systemClient(values);
      if (system === undefined)
        log.info("without --cluster-secret the system's own controllers do not run here");
      checkControllers(controllers, { domains: domains.length, system: system !== undefined });
      const holder = holderOf(values.identity);
      const runtimeOf = (own: ConnectedClient, its: readonly AnyController[], prefix: string) => {
        const placement = underLeases({ client: own, holder, prefix, log, ...deps });
        return createControllerRuntime({ client: own, controllers: its, placement, log, ...deps });
      };
      const ofSystem = systemControllers(deps);
      const runtimes = new Map([
        ...(system === undefined
          ? []
          : [["system controllers", runtimeOf(system, ofSystem, SYSTEM_LEASES)] as const]),
        ["controllers", runtimeOf(client, controllers, CONTROLLER_LEASES)],
      ]);
      const parts = [...runtimes].map(([name, runtime]) =>
        createControllersPart({ name, runtime, server: serverAt, clock: systemClock, log }),
      );
      const server = createServer({
        parts: [
          ...parts,
          createManagerPart({
            runtimes: [...runtimes.values()],
            types: domains.flatMap(({ types }) => types),
            log,
          }),
        ],
        config: serverConfig(values),
        log,
        clock: systemClock,
      });
      const { address, url } = await server.start();
      log.info(
        {
          address,
          url,
          server: serverAt,
          identity: holder.name,
          controllers: [...(system === undefined ? [] : ofSystem), ...controllers].map(({ name }) => name),
        },
        "listening",
      );
      return {
        async stop() {
          log.info("stopping");
          // First, and while the pages still tell of it: what is under way has its time, then the leases are handed back.
          await Promise.all(parts.map((part) => part.stop()));
          await server.stop();
          client.close();
          system?.close();
        },
      };
    },
  },
  nodeProcess(process),
);

/** A client that is the system; undefined without the cluster's secret. */
function systemClient({
  clusterSecret: path,
  server,
}: {
  readonly clusterSecret: string | undefined;
  readonly server: readonly string[];
}): ConnectedClient | undefined {
  if (path === undefined) return undefined;
  const readText = (file: string): string => readFileSync(file, "utf8");
  const secret = readOptionFile("cluster-secret", path, readText, parseClusterSecret);
  return connectClient({ server, headers: { [CLUSTER_SECRET_HEADER]: secret }, ...deps });
}

/** Throws a ConfigError when there is nothing to run. */
function checkControllers(
  controllers: readonly AnyController[],
  given: { readonly domains: number; readonly system: boolean },
): void {
  if (controllers.length > 0 || given.system) return;
  const found = given.domains === 0 ? "none" : "no controller in any of them";
  throw new ConfigError([`--domain: expected a domain with controllers; found ${found}`]);
}
