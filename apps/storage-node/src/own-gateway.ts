import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import { openMember, type OwnNode } from "@trellis/backends";
import { createGateway, type Gateway } from "@trellis/gateway";
import { clusterSecretIn } from "@trellis/gateway/options";
import { loadDomains } from "@trellis/registry";
import { systemClock } from "@trellis/resource";
import { ListenError, type ServerConfig, type ServerLog } from "@trellis/server";

import { StorageNodeError } from "./storage-node-error.ts";

const SECRET_BYTES = 32;
const deps = { clock: systemClock, random: Math.random };

/** What a node's own gateway serves, and where. */
export interface OwnGatewayConfig {
  readonly domain: readonly string[];
  readonly clusterSecret: string | undefined;
  readonly server: ServerConfig;
}

/**
 * Reads what a node's gateway is to serve. The answer makes the gateway: it reads the replica beside it, and brings to the leader what is for the leader. Throws a DomainError or a
 * ConfigError.
 */
export async function loadOwnGateway(
  config: OwnGatewayConfig,
  log: ServerLog,
): Promise<(node: OwnNode) => Gateway> {
  const domains = await loadDomains(config.domain, { from: process.cwd() });
  const clusterSecret = clusterSecretIn(config.clusterSecret, (path) => readFileSync(path, "utf8"));
  const processSecret = randomBytes(SECRET_BYTES).toString("hex");
  const onEvent = (event: object): void => log.info(event, "storage");
  return (node) => {
    const backend = openMember({ ...deps, onEvent }, node);
    const gateway = createGateway(
      { ...deps, backend, domains, processSecret, clusterSecret, log },
      config.server,
    );
    return {
      ...gateway,
      start: () => gateway.start().catch((error: unknown) => Promise.reject(ofServe(error))),
    };
  };
}

/** What kept the port from being taken, as an error of `--serve`. */
function ofServe(error: unknown): unknown {
  if (!ListenError.is(error)) return error;
  return new StorageNodeError(error.message.replace("--listen", "--serve"), { cause: error });
}
