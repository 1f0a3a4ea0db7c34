import { systemClock } from "@trellis/resource";
import { HTTP2_WINDOWS } from "@trellis/resource/node";
import { createForwardingPart } from "@trellis/routing";
import {
  address,
  addressText,
  ConfigError,
  createServer,
  nodeProcess,
  repeated,
  runProgram,
  serverConfig,
  serverOptions,
} from "@trellis/server";
import { MAX_MESSAGE_BYTES, SESSION_MEGABYTES, storageLinks } from "@trellis/storage/wire";

import manifest from "../package.json" with { type: "json" };

const clock = systemClock;
const nextTurn = (callback: () => void): void => void setImmediate(callback);

await runProgram(
  {
    name: "trellis-forwarding",
    version: manifest.version,
    summary: "brings calls to the storage node that leads, and reads to one near by",
    examples: [
      {
        command: "trellis-forwarding --node 10.0.0.1:7511 --node 10.0.0.2:7511 --node 10.0.0.3:7511",
        does: "Forwards to three storage nodes, for gateways on this machine",
      },
    ],
    options: {
      node: repeated(address(), {
        help: "A storage node, the nearest first; it names the others",
        group: "Storage",
      }),
      ...serverOptions({ listen: "127.0.0.1:7520", logLevel: "info" }),
    },

    async start({ values, log }) {
      const servers = [...new Set(values.node.map(addressText))];
      if (servers.length === 0)
        throw new ConfigError([
          "--node: expected the address of a storage node; found none: give one or more",
        ]);
      const name = `forwarder ${addressText(values.listen)}`;
      const part = createForwardingPart(
        {
          openLink: storageLinks({ clock, nextTurn }, { client: name }),
          clock,
          random: Math.random,
          nextTurn,
          onEvent: (event) => log.info(event, "storage"),
        },
        { name, servers },
      );
      const { limits, ...config } = serverConfig(values);
      const server = createServer({
        parts: [part],
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
      log.info({ address: taken, url, nodes: servers, waitsFor: part.notReady() }, "listening");
      return {
        async stop() {
          log.info("stopping");
          await server.stop();
        },
      };
    },
  },
  nodeProcess(process),
);
