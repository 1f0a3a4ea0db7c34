import { readFileSync } from "node:fs";

import { parseClusterSecret } from "@trellis/authz";
import { type ConnectedClient, connectClient } from "@trellis/client/node";
import type { AnyController } from "@trellis/controller";
import {
  CONTROLLER_LEASES,
  createControllerRuntime,
  createControllersPart,
  SYSTEM_LEASES,
  underLeases,
} from "@trellis/controller/runtime";
import { DomainError, loadDomain } from "@trellis/registry";
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
      const specifiers = [...new Set(values.domain)];
      const domains = await Promise.all(
        specifiers.map((specifier) => loadDomain(specifier, { from: process.cwd() })),
      );
      const controllers = domains.flatMap((domain) => domain.controllers as readonly AnyController[]);
      const serverAt = values.server.join(", ");
      const client = connectClient({ server: values.server, ...deps });
      const system = systemClient(values);
      if (system === undefined)
        log.info("without --cluster-secret the system's own controllers do not run here");
      checkControllers(controllers, { domains: domains.length, system: system !== undefined });
      const holder = holderOf(values.identity);
      const partOf = (name: string, own: ConnectedClient, its: readonly AnyController[], prefix: string) => {
        const placement = underLeases({ client: own, holder, prefix, log, ...deps });
        const runtime = createControllerRuntime({ client: own, controllers: its, placement, log, ...deps });
        return createControllersPart({ name, runtime, server: serverAt, clock: systemClock, log });
      };
      const ofSystem = systemControllers(deps);
      const server = createServer({
        parts: [
          ...(system === undefined ? [] : [partOf("system controllers", system, ofSystem, SYSTEM_LEASES)]),
          partOf("controllers", client, controllers, CONTROLLER_LEASES),
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

/** Throws a ConfigError for controllers that cannot run side by side, and when there is nothing to run. */
function checkControllers(
  controllers: readonly AnyController[],
  given: { readonly domains: number; readonly system: boolean },
): void {
  const names = controllers.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined)
    throw new ConfigError([
      `--domain: expected controllers with different names; found two called "${twice}": rename one`,
    ]);
  if (controllers.length === 0 && !given.system) {
    const found = given.domains === 0 ? "none" : "no controller in any of them";
    throw new ConfigError([`--domain: expected a domain with controllers; found ${found}`]);
  }
}
