import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import { openMember, type OwnNode } from "@trellis/backends";
import { loadDomains } from "@trellis/registry";
import { systemClock } from "@trellis/resource";
import { createServer, ListenError, type ServerConfig, type ServerLog } from "@trellis/server";
import { createGateway } from "@trellis/system";
import { clusterSecretIn } from "@trellis/system/options";

import { StorageNodeError } from "./storage-node-error.ts";

const SECRET_BYTES = 32;
const deps = { clock: systemClock, random: Math.random };

/** What a node's own gateway serves, and where. */
export interface OwnGatewayConfig {
  readonly domain: readonly string[];
  readonly clusterSecret: string | undefined;
  readonly server: ServerConfig;
}

/** A gateway in the process of a storage node. */
export interface OwnGateway {
  /** Listens. Resources are there as soon as the node's cluster is. */
  start(): Promise<{ readonly address: string; readonly url: string; readonly types: number }>;
  /** Requests under way finish, which the node has to be there for. */
  stop(): Promise<void>;
}

/**
 * Reads what a node's gateway is to serve. The answer makes the gateway: it reads the replica beside it, and brings to the leader what is for the leader. Throws a DomainError or a
 * ConfigError.
 */
export async function loadOwnGateway(
  config: OwnGatewayConfig,
  log: ServerLog,
): Promise<(node: OwnNode) => OwnGateway> {
  const domains = await loadDomains(config.domain, { from: process.cwd() });
  const clusterSecret = clusterSecretIn(config.clusterSecret, (path) => readFileSync(path, "utf8"));
  const processSecret = randomBytes(SECRET_BYTES).toString("hex");
  const onEvent = (event: object): void => log.info(event, "storage");
  return (node) => {
    const backend = openMember({ ...deps, onEvent }, node);
    const gateway = createGateway({ ...deps, backend, domains, processSecret, clusterSecret, log });
    const server = createServer({
      parts: gateway.parts,
      config: config.server,
      log,
      clock: systemClock,
      commonHeaders: gateway.commonHeaders,
    });
    return {
      async start() {
        try {
          return { ...(await server.start()), types: gateway.types };
        } catch (error) {
          throw ofServe(error);
        }
      },
      async stop() {
        await server.stop();
        await backend.close();
      },
    };
  };
}

/** What kept the port from being taken, as an error of `--serve`. */
function ofServe(error: unknown): unknown {
  if (!ListenError.is(error)) return error;
  return new StorageNodeError(error.message.replace("--listen", "--serve"), { cause: error });
}
