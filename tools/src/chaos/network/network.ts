import { connect, createServer, type Server, type Socket } from "node:net";

import { Gates, type Way } from "./gates.ts";
import { RelayedConnection } from "./relayed-connection.ts";
import { whoConnects } from "./who-connects.ts";

/** Connections that are open at once: more are a leak of somebody's. */
const MAX_CONNECTIONS = 5_000;
const HOST = "127.0.0.1";

/** Where a process listens, and where others reach it. */
export interface Relay {
  readonly name: string;
  /** Where others reach it. */
  readonly port: number;
  /** Where it listens, or several that do the same, to be tried one after the other; asked at each connection. */
  readonly targets: () => readonly number[];
}

/** The processes by name that may connect to each other, as of now. */
export type Processes = () => ReadonlyMap<string, number>;

/** The network between the processes of a cluster: every connection passes through here, and may be cut, each way of it for itself. */
export class Network {
  readonly #gates = new Gates();
  readonly #connections = new Set<RelayedConnection>();
  readonly #servers: Server[] = [];
  readonly #processes: Processes;

  constructor(processes: Processes) {
    this.#processes = processes;
  }

  /** Has connections to a process pass through here. */
  async relay({ name, port, targets }: Relay): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, (near) =>
      this.#accept(near, name, { port, targets: targets() }),
    );
    server.maxConnections = MAX_CONNECTIONS;
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ port, host: HOST }, resolve);
    });
  }

  /** Holds back what one sends to the other from now on. */
  cut(way: Way): void {
    this.#gates.cut(way);
  }

  /** Lets pass what was held back, and what follows. */
  mend(way: Way): void {
    this.#gates.mend(way);
  }

  /** Breaks all connections between two; how many. */
  reset(way: Way): number {
    const broken = [...this.#connections].filter((connection) => connection.joins(way));
    for (const connection of broken) connection.reset();
    return broken.length;
  }

  /** All that are open: who opened each, and whom it goes to. */
  connections(): readonly Way[] {
    return [...this.#connections].map(({ way }) => way);
  }

  /** Those who have been connected to each other, in the direction in which they open connections. */
  pairs(): readonly Way[] {
    const pairs = new Map(this.connections().map((way) => [`${way.from} ${way.to}`, way]));
    return [...pairs.values()];
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.reset();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #accept(
    near: Socket,
    to: string,
    { port, targets }: { readonly port: number; readonly targets: readonly number[] },
  ): void {
    near.on("error", () => undefined);
    this.#open(near, { from: this.#nameOf({ from: near.remotePort ?? 0, to: port }), to }, targets);
  }

  #open(near: Socket, way: Way, [target, ...others]: readonly number[]): void {
    if (target === undefined) {
      // Nobody listens there: who connects is told so, as far as a relay can.
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: target, host: HOST, allowHalfOpen: true, noDelay: true });
    const tryOthers = (): void => this.#open(near, way, others);
    far.once("error", tryOthers);
    far.once("connect", () => {
      far.off("error", tryOthers);
      const connection = new RelayedConnection(this.#gates, way, { near, far });
      this.#connections.add(connection);
      let open = 2;
      const closed = (): void => {
        open -= 1;
        if (open === 0) this.#connections.delete(connection);
      };
      for (const socket of [near, far]) socket.once("close", closed);
    });
  }

  #nameOf(ends: { readonly from: number; readonly to: number }): string {
    const processes = [...this.#processes()];
    const pid = whoConnects(
      ends,
      processes.map(([, each]) => each),
    );
    return processes.find(([, each]) => each === pid)?.[0] ?? "nobody";
  }
}
