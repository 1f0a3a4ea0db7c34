import { monitorEventLoopDelay } from "node:perf_hooks";

import { RaftNodeError } from "@trellis/raft-node";
import { systemClock } from "@trellis/resource";
import { HTTP2_WINDOWS } from "@trellis/resource/node";
import {
  address,
  createServer,
  milliseconds,
  nodeProcess,
  option,
  optional,
  repeated,
  runProgram,
  serverConfig,
  serverOptions,
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
import { StorageNodeError } from "./storage-node-error.ts";

/** How often the event loop is looked at. */
const LOOP_RESOLUTION_MS = 10;

const clock = systemClock;

await runProgram(
  {
    name: "trellis-storage-node",
    version: manifest.version,
    summary: "keeps a replica of the store, and takes part in its cluster, on one port",
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
      ...serverOptions({ listen: "127.0.0.1:7511", logLevel: "info" }),
    },
    isUserError: (error) => StorageNodeError.is(error) || RaftNodeError.is(error),

    async start({ values, log }) {
      const place = nodePlace(values);
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
      const { limits, ...config } = serverConfig(values);
      const server = createServer({
        parts: [{ ...node, start: () => node.start().catch(refuse) }],
        config: {
          ...config,
          limits: {
            ...limits,
            maxRequestBytes: MAX_MESSAGE_BYTES,
            maxSessionMegabytes: SESSION_MEGABYTES,
            streamWindowBytes: HTTP2_WINDOWS.stream,
          },
        },
        log,
        clock,
      });
      const { address: taken, url } = await server.start();
      log.info({ address: taken, url, name: place.name, dataDir: values.dataDir }, "listening");
      return {
        failed: node.failed,
        async stop() {
          log.info("stopping");
          await server.stop();
          loopDelay.stop();
          histogram.disable();
        },
      };
    },
  },
  nodeProcess(process),
);
