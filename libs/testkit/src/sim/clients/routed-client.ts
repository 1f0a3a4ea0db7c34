import {
  type Backend,
  type CommitResult,
  type Key,
  type Operation,
  readNowOrWait,
  type ReadOptions,
  type ReadResult,
  StorageError,
  type StorageErrorCode,
} from "@trellis/storage";

import type { Safety } from "../checks/safety.ts";
import type { Gateway } from "../routers/gateway.ts";
import { isUnknownOutcome, within } from "./answers.ts";
import { NoAnswer } from "./calls.ts";
import type { Host } from "./host.ts";
import { RecordingClient, type RecordingClientParts, type Shown } from "./recording-client.ts";

/** What a client of a gateway works with. */
export interface RoutedClientParts extends RecordingClientParts {
  readonly safety: Safety;
  readonly gateway: Host<Gateway>;
  /** Others at which it enters by turns. */
  readonly others: readonly Host<Gateway>[];
}

/** How long one call may take. */
const CALL_MS = [1_000, 2_500, 6_000];
/** The part of that time that the gateway gets: the rest is for the way there and back. */
const GATEWAY_SHARE = 0.8;
/** Between two tries. */
const PAUSE_MS = 60;

/** A client that enters by a gateway. What that cannot tell it does not find out by itself: it has no session. */
export class RoutedClient extends RecordingClient<RoutedClientParts, Host<Gateway>> {
  #readsAtOnce = false;

  /** Everywhere it enters. */
  get gateways(): readonly Host<Gateway>[] {
    const { gateway, others } = this.parts;
    return [gateway, ...others];
  }

  protected override async tryToCommit(
    operations: readonly Operation[],
    evaluateOnly: boolean,
    untilMs: number,
  ): Promise<CommitResult | StorageErrorCode> {
    const { world, dice } = this.parts;
    for (;;) {
      try {
        return await this.#call(this.#anyGateway(), async ({ backend, wasRemembered }, signal) => {
          // One that is refused twice is told by its own list of operations.
          const tried = [...operations];
          const result = await backend.commit(tried, { evaluateOnly, signal });
          // What stood in the way is forgotten: nothing was applied, and more is not known.
          return result.outcome === "refused" && wasRemembered(tried) ? "unavailable" : result;
        });
      } catch (error) {
        if (isUnknownOutcome(error)) return "outcome-unknown";
        if (world.nowMs > untilMs) return "unavailable";
      }
      await world.sleep(PAUSE_MS * dice.between(0.5, 3));
    }
  }

  protected override async look<T>(
    gateway: Host<Gateway> | undefined,
    look: (backend: Backend, signal: AbortSignal) => Promise<T>,
  ): Promise<Shown<T> | undefined> {
    try {
      return await this.#call(gateway ?? this.#anyGateway(), async ({ backend }, signal, shownBy) => ({
        result: await look(backend, signal),
        shownBy,
      }));
    } catch (error) {
      if (error instanceof NoAnswer || StorageError.is(error)) return undefined;
      throw error;
    }
  }

  protected override readFrom(backend: Backend, key: Key, options: ReadOptions): Promise<ReadResult> {
    if (backend.readNow === undefined) return backend.read(key, options);
    return this.#readFromMember(backend, key, options);
  }

  /**
   * Every other time at once, if the replica beside the gateway can. What was shown, by the leader maybe, is not taken back by that replica, which may not have
   * heard of it yet.
   */
  async #readFromMember(backend: Backend, key: Key, options: ReadOptions): Promise<ReadResult> {
    this.#readsAtOnce = !this.#readsAtOnce;
    const shown = await (this.#readsAtOnce
      ? readNowOrWait(backend, key, options)
      : backend.read(key, options));
    const now = backend.readNow?.(key);
    if (now !== undefined && now.position.version < shown.position.version)
      this.parts.safety.report(
        `a read at once shows version ${now.position.version} after version ${shown.position.version}`,
      );
    return shown;
  }

  /** What a gateway has shown to anybody, by a read or a watch, it shows to everybody: none of its reads goes back. */
  protected override reader(_: ReadOptions, shownBy: string): string {
    return shownBy;
  }

  #anyGateway(): Host<Gateway> {
    const { gateway, others, dice } = this.parts;
    return others.length === 0 ? gateway : dice.pick(this.gateways);
  }

  #call<T>(
    gateway: Host<Gateway>,
    work: (gateway: Gateway, signal: AbortSignal, process: string) => Promise<T>,
  ): Promise<T> {
    const { calls, name, dice } = this.parts;
    const timeoutMs = dice.pick(CALL_MS);
    return calls.call(name, gateway, timeoutMs, (service, process) =>
      within(process, timeoutMs * GATEWAY_SHARE, (signal) => work(service, signal, process.name)),
    );
  }
}
