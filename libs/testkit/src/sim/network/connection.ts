import type { SimulatedProcess } from "../world/simulated-process.ts";
import type { World } from "../world/world.ts";
import type { Links } from "./links.ts";
import type { Listener, Listeners } from "./listeners.ts";

/** What connections go over. */
export interface ConnectionParts {
  readonly world: World;
  readonly links: Links;
  readonly listeners: Listeners;
  readonly chance: (probability: number) => boolean;
  /** Asked of each thing that is sent whether somebody on the way ends the connection there; nobody does when left out. */
  readonly breaksOff?: (() => boolean) | undefined;
}

/** Who opens a connection. */
export interface Caller {
  /** Its machine. */
  readonly host: string;
  readonly process: SimulatedProcess;
}

/** The two ends. */
export type End = "client" | "server";

/** What is on its way in one direction, so that it arrives in order. */
interface Direction {
  sent: number;
  delivered: number;
  readonly early: Map<number, () => void>;
}

/** Probability that the end of a connection is not told: it then is silent until somebody asks whether it lives. */
const SILENT_RATE = 0.5;
/** How long it takes at most until that is asked. */
const SILENCE_MS = 4_000;

/**
 * One connection between two processes, as TCP gives one: in each direction everything arrives once and in order, or the connection is lost. When the way is
 * cut, something is lost or a process ends, the ends learn it, each in its own time.
 */
export class Connection {
  readonly #parts: ConnectionParts;
  readonly caller: Caller;
  readonly #host: string;
  readonly #ways: Record<End, Direction> = { client: newWay(), server: newWay() };
  readonly #onLost: Record<End, Set<(why: string) => void>> = { client: new Set(), server: new Set() };
  readonly #untune: (() => void)[] = [];
  #listener: Listener | undefined;
  #isBroken = false;
  #isClosed = false;

  /** Calls who listens at an address, `host:port`. */
  constructor(parts: ConnectionParts, caller: Caller, address: string) {
    this.#parts = parts;
    this.caller = caller;
    this.#host = address.slice(0, address.indexOf(":"));
    this.#untune.push(caller.process.onExit(() => this.#ended("server", "the client is gone")));
    this.send(
      "client",
      (listener) => {
        if (listener === undefined) this.#lose("client", `nobody listens at ${address}`);
      },
      address,
    );
  }

  /** Sends something from one end to the other, where it is taken in that process, after all that was sent before. */
  send(from: End, take: (listener: Listener | undefined) => void, address?: string): void {
    if (this.#isBroken || this.#isClosed) return;
    const way = this.#ways[from];
    const number = way.sent++;
    const [source, target] =
      from === "client" ? [this.caller.host, this.#host] : [this.#host, this.caller.host];
    const arrive = (): void => {
      if (this.#isBroken) return;
      if (address !== undefined) this.#accept(address);
      way.early.set(number, () => {
        if (address !== undefined && this.#listener === undefined) take(undefined);
        else this.#processOf(from === "client" ? "server" : "client")?.input(0, () => take(this.#listener));
      });
      for (let next = way.early.get(way.delivered); next !== undefined; next = way.early.get(way.delivered)) {
        way.early.delete(way.delivered++);
        next();
      }
    };
    const { links, breaksOff } = this.#parts;
    if (breaksOff?.() === true) this.#break("somebody on the way ended the connection");
    else links.stream(source, target, arrive, () => this.#break("the connection broke"));
  }

  /** A call has begun to be served on it; the answer says that it is over. */
  opened(call: { cancel(): void }): () => void {
    return this.#parts.listeners.opened(call);
  }

  /** Told once, in the process of that end, when the connection is lost. */
  onLost(end: End, listener: (why: string) => void): () => void {
    this.#onLost[end].add(listener);
    return () => this.#onLost[end].delete(listener);
  }

  /** The client ends it; what it has sent still arrives. */
  close(): void {
    if (this.#isClosed) return;
    this.send("client", () => this.#tell("server", "the client closed the connection"));
    this.#isClosed = true;
    this.#tell("client", "the connection was closed");
    for (const untune of this.#untune) untune();
  }

  #accept(address: string): void {
    const listener = this.#parts.listeners.at(address);
    if (listener?.process.isAlive !== true) return;
    this.#listener = listener;
    this.#untune.push(listener.process.onExit(() => this.#ended("client", "the server is gone")));
  }

  #processOf(end: End): SimulatedProcess | undefined {
    return end === "client" ? this.caller.process : this.#listener?.process;
  }

  /** One end's process is gone: the other one is told by the system, or asks after a while. */
  #ended(other: End, why: string): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#lose(other, why);
  }

  #break(why: string): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#lose("client", why);
    this.#lose("server", why);
  }

  #lose(end: End, why: string): void {
    const { world, links, chance } = this.#parts;
    const afterMs = chance(SILENT_RATE) ? SILENCE_MS : links.delayMs();
    world.in(afterMs, () => this.#processOf(end)?.input(0, () => this.#tell(end, why)));
  }

  #tell(end: End, why: string): void {
    const listeners = [...this.#onLost[end]];
    this.#onLost[end].clear();
    for (const listener of listeners) listener(why);
  }
}

function newWay(): Direction {
  return { sent: 0, delivered: 0, early: new Map() };
}
