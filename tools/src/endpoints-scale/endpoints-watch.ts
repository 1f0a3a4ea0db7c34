import { ServiceEndpoints } from "@trellis/catalog";
import type { ConnectedClient } from "@trellis/client/node";
import type { ServiceEndpoints as EndpointsData } from "@trellis/protos/trellis/catalog/v1/service_endpoints_pb";

import { endpointsText, serviceName, type World } from "./world.ts";

/** Looks so often whether the endpoints are what they should be. */
const LOOK_MS = 20;

/** What a watch shows of all endpoints: what they are, and how often each was written. */
export class EndpointsWatch {
  readonly #client: ConnectedClient;
  readonly #stop = new AbortController();
  /** As they came: what they say is looked at when it counts, since the process also makes the load. */
  readonly #endpoints = new Map<string, EndpointsData>();
  readonly #writtenMs = new Map<string, number[]>();
  #lastMs = 0;
  #watching: Promise<void> = Promise.resolve();
  #interruptions = 0;

  constructor(client: ConnectedClient) {
    this.#client = client;
  }

  /** How often the watch was cut. */
  get interruptions(): number {
    return this.#interruptions;
  }

  start(): void {
    this.#watching = this.#watch();
    // Its failure is told by whoever waits for what it shows.
    this.#watching.catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  /** Forgets the writes so far. */
  beginCounting(): void {
    this.#writtenMs.clear();
  }

  /** When each service's endpoints were written since, in milliseconds of this process's clock. */
  writes(): readonly (readonly number[])[] {
    return [...this.#writtenMs.values()];
  }

  /**
   * Waits until the endpoints of all services are what they must be; when the write that made them so was seen. Throws with the first that is wrong when that takes longer
   * than `timeoutMs`.
   */
  async settled(world: World, timeoutMs: number): Promise<number> {
    // Nobody changes the world meanwhile.
    const wrong = new Map<number, string>();
    for (let service = 0; service < world.size.services; service++)
      wrong.set(service, world.expected(service));
    for (const endsMs = performance.now() + timeoutMs; ;) {
      for (const [service, expected] of wrong) if (this.#text(service) === expected) wrong.delete(service);
      if (wrong.size === 0) return this.#lastMs;
      if (performance.now() > endsMs) throw new Error(this.#complaint(wrong));
      await Promise.race([this.#watching, new Promise((resolve) => setTimeout(resolve, LOOK_MS))]);
    }
  }

  #complaint(wrong: ReadonlyMap<number, string>): string {
    const [[service, text] = [0, ""]] = wrong;
    const expected = new Set(text.split("\n"));
    const found = (this.#text(service) ?? "none").split("\n");
    const other = found.filter((line) => !expected.has(line)).slice(0, 3);
    return `the endpoints of ${wrong.size} services are not what they must be: those of ${serviceName(service)} have ${other.join(", ") || "too few"}`;
  }

  #text(service: number): string | undefined {
    const endpoints = this.#endpoints.get(serviceName(service));
    return endpoints === undefined ? undefined : endpointsText(endpoints);
  }

  async #watch(): Promise<void> {
    const options = { signal: this.#stop.signal, onInterrupt: () => (this.#interruptions += 1) };
    for await (const item of this.#client.watch(ServiceEndpoints, {}, options)) {
      if (item.kind === "endOfSnapshot") continue;
      const { name } = item.resource.id;
      if (item.kind === "delete") this.#endpoints.delete(name);
      else this.#endpoints.set(name, item.resource.data);
      this.#lastMs = performance.now();
      const times = this.#writtenMs.get(name);
      if (times === undefined) this.#writtenMs.set(name, [this.#lastMs]);
      else times.push(this.#lastMs);
    }
  }
}
