import { monitorEventLoopDelay } from "node:perf_hooks";

import type { OwnNode } from "@trellis/backends";
import type { Gateway } from "@trellis/gateway";
import { gatewayOptions } from "@trellis/gateway/options";
import { RaftNodeError } from "@trellis/raft-node";
import { DomainError } from "@trellis/registry";
import { systemClock } from "@trellis/resource";
import { HTTP2_WINDOWS } from "@trellis/resource/node";
import {
  type Address,
  address,
  addressText,
  ConfigError,
  createServer,
  milliseconds,
  nodeProcess,
  option,
  optional,
  type Part,
  repeated,
  runProgram,
  type Server,
  serverConfig,
  type ServerLog,
  serverOptions,
  type ServerValues,
  text,
} from "@trellis/server";
import {
  connectTo,
  createStorageNode,
  type DirectoryFailure,
  directoryRefusal,
  openDataDirectory,
  recentLoopDelay,
} from "@trellis/storage-raft";
import { MAX_MESSAGE_BYTES, SESSION_MEGABYTES } from "@trellis/storage/wire";

import manifest from "../package.json" with { type: "json" };
import { nodePlace } from "./node-place.ts";
import type { OwnGatewayConfig } from "./own-gateway.ts";
import { StorageNodeError } from "./storage-node-error.ts";

/** How often the event loop is looked at. */
const LOOP_RESOLUTION_MS = 10;

const clock = systemClock;

await runProgram(
  {
    name: "trellis-storage-node",
    version: manifest.version,
    summary:
      "keeps a replica of the store, and takes part in its cluster; serves resources where it is told to",
    examples: [
      {
        command:
          "trellis-storage-node --name node-1 --listen 10.0.0.1:7511 --initial-cluster node-1=10.0.0.1:7511,node-2=10.0.0.2:7511,node-3=10.0.0.3:7511",
        does: "The first of three that form a cluster; the others are started likewise, in any order",
      },
      {
        command: "trellis-storage-node --name node-4 --listen 10.0.0.4:7511 --join 10.0.0.1:7511",
        does: "A newcomer, which waits for trellis cluster add",
      },
      {
        command:
          "trellis-storage-node --listen 10.0.0.1:7511 --initial-cluster node-1=10.0.0.1:7511,node-2=10.0.0.2:7511,node-3=10.0.0.3:7511 --serve 10.0.0.1:7500 --domain ./acme",
        does: "One that serves resources as well, without a gateway elsewhere",
      },
    ],
    options: {
      name: optional(text("NAME"), {
        help: "What people call this node; as --initial-cluster has it, or else its address",
        group: "Cluster",
      }),
      dataDir: option(text("DIR"), {
        help: "Where the store is kept on this disk",
        group: "Cluster",
        default: ".trellis-node",
      }),
      initialCluster: repeated(text("NAME=HOST:PORT"), {
        help: "The nodes that form a cluster, this one among them; of no effect once it has one",
        group: "Cluster",
      }),
      join: repeated(address(), {
        help: "A member of the cluster to join; of no effect once it belongs to one",
        group: "Cluster",
      }),
      advertise: optional(address(), {
        help: "Where others reach this node, when that is not where it listens",
        group: "Cluster",
      }),
      autoPromoteAfter: optional(milliseconds(), {
        help: "Let a learner vote once it has been there and caught up for so long",
        group: "Cluster",
      }),
      removeDeadAfter: optional(milliseconds(), {
        help: "Remove a member once it has been silent for so long, if three voters are left",
        group: "Cluster",
      }),
      serve: optional(address(), {
        help: "Serve resources as well, here: a gateway in this process, which reads the replica beside it",
        group: "Resources",
      }),
      ...gatewayOptions,
      ...serverOptions({ listen: "127.0.0.1:7511", logLevel: "info" }),
    },
    isUserError: (error) => StorageNodeError.is(error) || RaftNodeError.is(error) || DomainError.is(error),

    async start({ values, log }) {
      const place = nodePlace(values);
      const createGateway = await gatewayOf(values, log);
      const { autoPromoteAfter: promoteAfterMs, removeDeadAfter: removeAfterMs } = values;
      const histogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
      histogram.enable();
      const loopDelay = recentLoopDelay({ histogram, clock }, LOOP_RESOLUTION_MS);
      const refuse = (error: unknown): never => {
        throw new StorageNodeError(
          `--data-dir: ${directoryRefusal(values.dataDir, error as DirectoryFailure)}`,
        );
      };
      const data = await openDataDirectory(values.dataDir).catch(refuse);
      const node = createStorageNode(
        {
          clock,
          random: Math.random,
          nextTurn: (callback) => void setImmediate(callback),
          data,
          connect: connectTo,
          pid: process.pid,
          loopDelayMs: () => loopDelay.now(),
          onEvent: (event) => log.info(event, "storage"),
        },
        {
          ...place,
          ...((promoteAfterMs ?? removeAfterMs) !== undefined && {
            keeper: { promoteAfterMs, removeAfterMs },
          }),
        },
      );
      const server = serverOf({ ...node, start: () => node.start().catch(refuse) }, values, log);
      const gateway = createGateway?.({ ...node, address: place.address });
      const stop = async (): Promise<void> => {
        try {
          await gateway?.stop();
        } finally {
          await server.stop();
          loopDelay.stop();
          histogram.disable();
        }
      };
      try {
        // Before the node, which forms its cluster as soon as it is there: a start that fails for a port leaves no trace.
        const serving = await gateway?.start();
        const { address: taken, url } = await server.start();
        log.info({ address: taken, url, name: place.name, dataDir: values.dataDir }, "listening");
        if (serving !== undefined) log.info({ ...serving, types: gateway?.types }, "serving resources");
      } catch (error) {
        await stop();
        throw error;
      }
      return {
        failed: node.failed,
        async stop() {
          log.info("stopping");
          await stop();
        },
      };
    },
  },
  nodeProcess(process),
);

/** The server of a node: for messages between machines of one cluster, which are larger than those of users. */
function serverOf(node: Part, values: ServerValues, log: ServerLog): Server {
  const config = serverConfig(values);
  const limits = {
    ...config.limits,
    maxRequestBytes: MAX_MESSAGE_BYTES,
    maxSessionMegabytes: SESSION_MEGABYTES,
    streamWindowBytes: HTTP2_WINDOWS.stream,
  };
  return createServer({ parts: [node], config: { ...config, limits }, log, clock });
}

/** The gateway that `--serve` asks for, whose code is loaded for it only; undefined without. Throws before anything is touched. */
async function gatewayOf(
  values: ServerValues &
    Pick<OwnGatewayConfig, "domain" | "clusterSecret"> & { readonly serve: Address | undefined },
  log: ServerLog,
): Promise<((node: OwnNode) => Gateway) | undefined> {
  const { serve, listen, domain, clusterSecret } = values;
  if (serve === undefined) {
    const alone = domain.length > 0 ? "--domain" : "--cluster-secret";
    if (domain.length === 0 && clusterSecret === undefined) return undefined;
    throw new ConfigError([
      `${alone}: expected --serve HOST:PORT with it, where resources are served; a storage node alone serves none`,
    ]);
  }
  if (serve.port !== 0 && addressText(serve) === addressText(listen)) {
    throw new ConfigError([
      `--serve: expected another address than that of --listen, where the node itself is reached; found ${addressText(serve)} for both`,
    ]);
  }
  const { loadOwnGateway } = await import("./own-gateway.ts");
  return await loadOwnGateway({ ...values, server: { ...serverConfig(values), listen: serve } }, log);
}
