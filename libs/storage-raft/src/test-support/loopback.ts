import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";

import { connectNodeAdapter } from "@connectrpc/connect-node";
import { systemClock } from "@trellis/resource";
import {
  EncodedStorageService,
  MAX_MESSAGE_BYTES,
  SESSION_MEGABYTES,
  type ServerStatus,
  type StatusSource,
  type StorageConnection,
  connectStorage,
  type StorageEndpoint,
  type StorageLink,
  storageLinks,
  storageRoutes,
} from "@trellis/storage/wire";

/** A status of a node that leads, but for what is given. */
export function statusOf(status: Partial<ServerStatus> = {}): ServerStatus {
  return {
    role: "node",
    clusterId: "c".repeat(32),
    nodeId: 1,
    name: "node-1",
    position: undefined,
    term: 1,
    leaderId: 1,
    takesCommits: true,
    leaderlessMs: 0,
    isStopping: false,
    members: [],
    ...status,
  };
}

/** A server of the storage service on the loopback. */
export interface LoopbackServer {
  readonly address: string;
  /** Tells clients of another status. */
  say(status: Partial<ServerStatus>): void;
  /** Requests by the last part of their path. */
  readonly requests: Map<string, number>;
  /** Cuts all connections, and takes no others until it is healed. */
  cut(): void;
  stop(): Promise<void>;
}

/** Serves an endpoint on a port of the loopback. */
export async function serveOnLoopback(
  endpoint: () => StorageEndpoint | undefined,
  first: Partial<ServerStatus> = {},
): Promise<LoopbackServer> {
  let said = first;
  const listeners = new Set<() => void>();
  const status: StatusSource = {
    status() {
      const served = endpoint();
      return statusOf({ position: served?.position(), ...said });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const requests = new Map<string, number>();
  const adapter = connectNodeAdapter({
    routes: (router) =>
      void router.service(
        EncodedStorageService,
        storageRoutes({ clock: systemClock, nextTurn: (call) => void setImmediate(call), endpoint, status }),
        { readMaxBytes: MAX_MESSAGE_BYTES, writeMaxBytes: MAX_MESSAGE_BYTES },
      ),
  });
  const server = createServer({ maxSessionMemory: SESSION_MEGABYTES }, (request, response) => {
    const method = request.url.split("/").at(-1) ?? "";
    requests.set(method, (requests.get(method) ?? 0) + 1);
    adapter(request, response);
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const cut = (): void => {
    for (const session of sessions) session.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    say(next) {
      said = { ...said, ...next };
      for (const listener of listeners) listener();
    },
    cut,
    async stop() {
      const closed = new Promise((resolve) => {
        server.close(resolve);
      });
      cut();
      await closed;
    },
  };
}

/** A link to a server on the loopback. */
export async function linkTo(
  address: string,
  connect: (address: string) => StorageConnection = connectStorage,
): Promise<StorageLink> {
  const open = storageLinks(
    { clock: systemClock, nextTurn: (call) => void setImmediate(call), connect },
    { client: "a test" },
  );
  return await open(address);
}
