import type { Clock } from "@trellis/resource";
import { type Backend, type SessionedCommits, StorageError } from "@trellis/storage";
import { LocalLink, type OpenStorageLink, type StatusSource } from "@trellis/storage/wire";

import { TestLink } from "./test-link.ts";

/** What is served under an address. */
export interface TestServer {
  readonly endpoint: Backend & SessionedCommits;
  readonly status: StatusSource;
}

/** How a server's connections behave now. */
export interface Faults {
  /** Nothing gets through, either way; links end when they notice. */
  isSilent: boolean;
  /** It says that it is there, and answers nothing. */
  isStuck: boolean;
  /** Nobody listens, and what was open is cut. */
  isDown: boolean;
  /** Calls that get there, whose answers do not come back. */
  lostAnswers: number;
}

/** A network in memory: real endpoints behind links that fail as a test wants. */
export class TestNetwork {
  readonly #clock: Clock;
  readonly #servers = new Map<
    string,
    TestServer & { readonly faults: Faults; readonly links: Set<TestLink> }
  >();
  /** Calls by `address method`, as they went out. */
  readonly calls: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly openLink: OpenStorageLink = async (address, signal) => {
    const server = this.#servers.get(address);
    if (server === undefined || server.faults.isDown || server.faults.isSilent || signal?.aborted === true)
      throw new StorageError("unavailable", `${address} is not there`);
    const link = new TestLink({
      address,
      server,
      faults: server.faults,
      clock: this.#clock,
      calls: this.calls,
    });
    server.links.add(link);
    void link.ended.then(() => server.links.delete(link));
    return link;
  };

  /** The links of a process that serves under an address itself. */
  linksWithin(own: string): OpenStorageLink {
    return async (address, signal) => {
      if (address !== own) return await this.openLink(address, signal);
      const { endpoint, status } = this.#at(own);
      return new LocalLink({ clock: this.#clock, endpoint: () => endpoint, status });
    };
  }

  serve(address: string, server: TestServer): void {
    const faults = { isSilent: false, isStuck: false, isDown: false, lostAnswers: 0 };
    this.#servers.set(address, { ...server, faults, links: new Set() });
  }

  faults(address: string): Faults {
    return this.#at(address).faults;
  }

  /** Cuts the open links of a server. */
  cut(address: string): void {
    for (const link of this.#at(address).links) link.cut(`${address} was cut`);
  }

  /** Ends a server, or lets it come back. */
  setDown(address: string, isDown: boolean): void {
    this.#at(address).faults.isDown = isDown;
    if (isDown) this.cut(address);
  }

  links(address: string): number {
    return this.#at(address).links.size;
  }

  #at(address: string) {
    const server = this.#servers.get(address);
    if (server === undefined) throw new RangeError(`nothing is served at ${address}`);
    return server;
  }
}
