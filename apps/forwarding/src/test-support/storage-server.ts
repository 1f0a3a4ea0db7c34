import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type Clock, systemClock } from "@trellis/resource";
import { openDataDirectory, openLocalStore } from "@trellis/storage-raft";
import { EncodedStorageService, storageRoutes } from "@trellis/storage/wire";

const nextTurn = (callback: () => void): void => void setImmediate(callback);

/** A server of the storage service. */
export interface StorageServer {
  stop(): Promise<void>;
}

/** A store's time that stands still: what it does in one turn does not depend on how quick the machine is. Its timers go on. */
export const standingClock: Clock = { ...systemClock, monotonic: () => 0 };

/** A real store of one replica, served at a port of the loopback. */
export async function serveStorage(port: number, clock: Clock = systemClock): Promise<StorageServer> {
  const directory = await mkdtemp(join(tmpdir(), "trellis-forwarding-"));
  const data = await openDataDirectory(directory);
  const store = await openLocalStore({ clock, random: Math.random, nextTurn, data });
  const { backend } = store;
  const status = () => ({
    role: "node" as const,
    clusterId: "c".repeat(32),
    nodeId: 1,
    name: "node-1",
    position: backend.position(),
    term: 1,
    leaderId: 1,
    takesCommits: true,
    leaderlessMs: 0,
    isStopping: false,
    members: [{ nodeId: 1, name: "node-1", address: `127.0.0.1:${port}` }],
  });
  const routes = storageRoutes({
    clock: systemClock,
    nextTurn,
    endpoint: () => backend,
    status: { status, onChange: () => () => undefined },
  });
  const server = createServer(
    connectNodeAdapter({ routes: (router) => void router.service(EncodedStorageService, routes) }),
  );
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => void sessions.add(session));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const session of sessions) session.destroy();
      await closed;
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}
