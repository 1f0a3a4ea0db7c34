import { rmSync } from "node:fs";
import { join } from "node:path";

import { startProcess } from "../cluster/start-process.ts";
import type { StartedProcess } from "../cluster/supervisor.ts";

/** A name, an address and a directory, and the storage node that runs there while there is one. */
export class NodePlace {
  readonly name: string;
  readonly address: string;
  readonly url: string;
  readonly directory: string;
  readonly #port: number;
  #running: StartedProcess | undefined;
  #log = "";

  constructor({
    name,
    port,
    below,
  }: {
    readonly name: string;
    readonly port: number;
    readonly below: string;
  }) {
    this.name = name;
    this.#port = port;
    this.address = `127.0.0.1:${port}`;
    this.url = `http://${this.address}`;
    this.directory = join(below, name);
  }

  /** What it has logged so far. */
  get log(): string {
    return this.#log;
  }

  /** Starts a node with these flags, besides those that say where it is. */
  start(...more: readonly string[]): void {
    const { name, address, url, directory } = this;
    const flags = ["--name", name, "--listen", address, "--data-dir", directory, ...more];
    this.#running = startProcess(
      {
        name,
        kind: "node",
        bin: "apps/storage-node/bin/trellis-storage-node.js",
        flags,
        port: this.#port,
        url,
      },
      (text) => (this.#log += text),
      { ...process.env, NODE_OPTIONS: "" },
    );
  }

  /** Ends the node in order; how it ended, in words. */
  async stop(): Promise<string | undefined> {
    return await this.#end("SIGTERM");
  }

  /** The node ends for good, and its disk with it. */
  async lose(): Promise<void> {
    await this.#end("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<string | undefined> {
    this.#running?.signal(signal);
    const how = await this.#running?.ended;
    this.#running = undefined;
    return how;
  }
}
