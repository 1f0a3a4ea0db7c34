import { cp, mkdtemp, rm } from "node:fs/promises";
import { createServer, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { connectNodeAdapter } from "@connectrpc/connect-node";
import { connectTo, type MembershipKeeperConfig, openDataDirectory } from "@trellis/raft-node";
import { systemClock } from "@trellis/resource";

import type { ClusterEntry } from "../storage-node/cluster-entry.ts";
import {
  createStorageNode,
  type StorageNodeEvent,
  type StorageNodePart,
} from "../storage-node/storage-node.ts";
import { SMALL_WAL } from "./local-stores.ts";

const nextTurn = (callback: () => void): void => void setImmediate(callback);

/** Storage nodes with their real disks and sockets, on ports of the loopback. */
export class ServedNodes {
  readonly #root: string;
  readonly #nodes: ServedNode[] = [];

  private constructor(root: string) {
    this.#root = root;
  }

  static async begin(): Promise<ServedNodes> {
    return new ServedNodes(await mkdtemp(join(tmpdir(), "trellis-served-nodes-")));
  }

  /** Stops all nodes, and takes their directories away. */
  async end(): Promise<void> {
    for (const node of this.#nodes) await node.stop();
    await rm(this.#root, { recursive: true });
  }

  /** A port that is listened on, and a directory, where a node may be started. */
  async place(name: string): Promise<ServedNode> {
    const node = await ServedNode.listen(name, join(this.#root, name));
    this.#nodes.push(node);
    return node;
  }

  /** Another port, over the directory of a node that has left. */
  async moved({ name, directory }: Pick<ServedNode, "name" | "directory">): Promise<ServedNode> {
    const node = await ServedNode.listen(name, directory);
    this.#nodes.push(node);
    return node;
  }

  /** Another port, over a copy of what a node's directory holds now. */
  async copied({ name, directory }: ServedNode): Promise<ServedNode> {
    const copy = `${directory}-copy`;
    await cp(directory, copy, { recursive: true });
    return await this.moved({ name, directory: copy });
  }

  /** Nodes that form one cluster. */
  async form(...names: readonly string[]): Promise<readonly ServedNode[]> {
    const nodes: ServedNode[] = [];
    for (const name of names) nodes.push(await this.place(name));
    const members = nodes.map(({ name, address }) => ({ name, address }));
    for (const node of nodes) await node.start({ kind: "form", members });
    return nodes;
  }
}

/** A port, and the node behind it while there is one. */
export class ServedNode {
  readonly name: string;
  readonly directory: string;
  readonly address: string;
  readonly events: StorageNodeEvent[] = [];
  part: StorageNodePart | undefined;
  readonly #server: Http2Server;
  readonly #sessions = new Set<{ destroy(): void }>();
  #handle: ReturnType<typeof connectNodeAdapter> | undefined;

  private constructor(name: string, directory: string, server: Http2Server) {
    this.name = name;
    this.directory = directory;
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.#server = server;
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
      if (this.#handle === undefined) session.destroy();
    });
    server.on("request", (request, response) => this.#handle?.(request, response));
  }

  static async listen(name: string, directory: string): Promise<ServedNode> {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    return new ServedNode(name, directory, server);
  }

  /** Starts a node here, on what the directory holds. */
  async start(
    entry?: ClusterEntry,
    { name = this.name, keeper }: { readonly name?: string; readonly keeper?: MembershipKeeperConfig } = {},
  ): Promise<StorageNodePart> {
    const part = createStorageNode(
      {
        clock: systemClock,
        random: Math.random,
        nextTurn,
        data: await openDataDirectory(this.directory),
        connect: connectTo,
        pid: process.pid,
        onEvent: (event) => this.events.push(event),
      },
      { name, address: this.address, entry, keeper, replica: { wal: SMALL_WAL, entryBytes: 8 * 1024 } },
    );
    this.#handle = connectNodeAdapter({ routes: (router) => part.routes.connect(router) });
    await part.start();
    this.part = part;
    return part;
  }

  /** Stops the node; the port answers nobody meanwhile. */
  async leave(): Promise<void> {
    const { part } = this;
    this.part = undefined;
    await part?.stop();
    this.#handle = undefined;
    for (const session of this.#sessions) session.destroy();
  }

  async stop(): Promise<void> {
    await this.leave();
    await new Promise((resolve) => void this.#server.close(resolve));
  }
}
