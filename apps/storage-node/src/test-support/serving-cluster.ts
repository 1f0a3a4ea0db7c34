import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type ConnectedClient, connectClient } from "@trellis/client/node";
import { eventually, freePorts, type ProgramResult, runProgram } from "@trellis/testkit";

import { readiness, RunningNode, STORAGE_NODE } from "./running-node.ts";

/** How long processes that share a busy machine may take to come to health. */
export const PATIENCE_MS = 30_000;

const HOST = "127.0.0.1";

/** Where a node is. */
interface Place {
  readonly name: string;
  readonly address: string;
  readonly serving: string;
}

/** Nodes on this machine that form one cluster, each of which serves the demo's resources. None runs before it is started. */
export class ServingCluster {
  readonly #directory: string;
  readonly #places: readonly Place[];
  readonly #running = new Map<number, RunningNode>();
  readonly #clients: ConnectedClient[] = [];

  private constructor(directory: string, places: readonly Place[]) {
    this.#directory = directory;
    this.#places = places;
  }

  /** Draws its ports, and makes its directory. */
  static async create(size: number): Promise<ServingCluster> {
    const directory = await mkdtemp(join(tmpdir(), "trellis-serving-"));
    const ports = await freePorts(2 * size);
    const addresses = ports.map((port) => `${HOST}:${port}`);
    const places = Array.from({ length: size }, (_, at) => ({
      name: `node-${at + 1}`,
      address: addresses[2 * at] ?? "",
      serving: addresses[2 * at + 1] ?? "",
    }));
    return new ServingCluster(directory, places);
  }

  /** The nodes' numbers, from 0. */
  get all(): readonly number[] {
    return this.#places.map((_, at) => at);
  }

  /** All but one. */
  others(than: number): readonly number[] {
    return this.all.filter((at) => at !== than);
  }

  /** The URL where a node serves resources. */
  url(at: number): string {
    return `http://${this.#place(at).serving}`;
  }

  /** `host:port` of a node itself. */
  address(at: number): string {
    return this.#place(at).address;
  }

  /** The flags that a node is started with. */
  flags(at: number): readonly string[] {
    const { address, serving } = this.#place(at);
    const members = this.#places.map((place) => `${place.name}=${place.address}`).join(",");
    const own = ["--data-dir", this.#directoryOf(at), "--listen", address];
    return [...own, "--initial-cluster", members, "--serve", serving, "--domain", "@trellis/demo"];
  }

  /** Starts another process in the directory of a node that runs, and waits for its end. */
  async startBeside(at: number): Promise<ProgramResult> {
    const [listen = 0, serve = 0] = await freePorts(2);
    const ports = ["--listen", `${HOST}:${listen}`, "--serve", `${HOST}:${serve}`];
    const flags = ["--data-dir", this.#directoryOf(at), ...ports, "--join", this.address(at)];
    return await runProgram("node", [STORAGE_NODE, "--log-level", "error", ...flags]);
  }

  /** Starts a node, which must not run. */
  start(at: number, more: readonly string[] = []): RunningNode {
    const node = new RunningNode([...this.flags(at), ...more]);
    this.#running.set(at, node);
    return node;
  }

  /** The process of a node that was started. */
  node(at: number): RunningNode {
    const node = this.#running.get(at);
    if (node === undefined) throw new Error(`${this.#place(at).name} was not started`);
    return node;
  }

  /** Waits until nodes serve resources; all when none are named. */
  async untilReady(these: readonly number[] = this.all): Promise<void> {
    await Promise.all(
      these.map((at) =>
        eventually(async () => {
          const { status, text } = await readiness(this.url(at));
          if (status !== 200) throw new Error(`${this.#place(at).name} is not ready: ${text}`);
        }, PATIENCE_MS),
      ),
    );
  }

  /** Who leads, as a node's own gateway says. */
  async leader(by = 0): Promise<number> {
    return await eventually(async () => {
      const response = await fetch(`${this.url(by)}/trellis.cluster.v1.ClusterService/GetStatus`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: "{}",
      });
      const { members = [], leaderId } = (await response.json()) as ClusterStatus;
      const leader = members.find(({ id }) => id === leaderId);
      const at = this.#places.findIndex(({ name }) => name === leader?.name);
      if (at < 0) throw new Error(`${this.#place(by).name} knows of no leader`);
      return at;
    }, PATIENCE_MS);
  }

  /** A client of a node's own gateway, which tries each call once. */
  client(at: number, timeoutMs = PATIENCE_MS): ConnectedClient {
    const client = connectClient({ server: this.url(at), attempts: 1, timeoutMs });
    this.#clients.push(client);
    return client;
  }

  /** Ends every process and every client, and takes the directory away. */
  async end(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all([...this.#running.values()].map((node) => node.kill()));
    await rm(this.#directory, { recursive: true });
  }

  #directoryOf(at: number): string {
    return join(this.#directory, this.#place(at).name);
  }

  #place(at: number): Place {
    const place = this.#places[at];
    if (place === undefined)
      throw new Error(`expected a node from 0 to ${this.#places.length - 1}, found ${at}`);
    return place;
  }
}

/** What is read of a cluster's status. */
interface ClusterStatus {
  readonly leaderId?: string;
  readonly members?: readonly { readonly id: string; readonly name: string }[];
}
