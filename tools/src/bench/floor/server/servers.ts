import type { Http2Server } from "node:http2";

import type { Row } from "../rows.ts";
import { answer, collector, createFloorServer, refuse, type TakeCall } from "./calls.ts";
import { createFanOutServer } from "./fan-out.ts";
import { GroupLog } from "./group-log.ts";
import { KeptResources } from "./kept-resources.ts";

/** The server of each row; its log is made at that path, where it has one. */
export const SERVERS: Readonly<Record<Row, (log: string) => Http2Server>> = {
  echo: () => serverOf(answer),
  log: (log) => serverOf(logged(log, answer)),
  kept: (log) => serverOf(logged(log, kept({ ordered: false }))),
  ordered: (log) => serverOf(logged(log, kept({ ordered: true }))),
  batch100: (log) => serverOf(logged(log, kept({ ordered: true }))),
  "fan-out-1": () => createFanOutServer(1),
  "fan-out-4": () => createFanOutServer(4),
};

function serverOf(take: TakeCall): Http2Server {
  const server = createFloorServer();
  server.on("stream", collector(take));
  return server;
}

function logged(path: string, onDisk: TakeCall): TakeCall {
  const log = new GroupLog(path, onDisk);
  return (call, body) => {
    if (!log.append(call, body)) refuse(call);
  };
}

function kept(options: { readonly ordered: boolean }): TakeCall {
  const resources = new KeptResources(options);
  return (call, body) => {
    resources.putAll(body);
    answer(call, body);
  };
}
