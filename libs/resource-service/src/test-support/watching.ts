import {
  type WatchEvent,
  WatchEvent_Delete_Reason as Reason,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import { eventually as within } from "@trellis/testkit";

import { Artist, type Rpc, typeMessage } from "./fixture.ts";

/** A watch whose events a test takes one by one. */
export interface Watching {
  next(): Promise<WatchEvent>;
  /** The next events in words. */
  words(count: number): Promise<readonly string[]>;
  /** The headers of the answer; there after the first event. */
  headers(): Headers;
  stop(): void;
}

/** Opens watches for a test, and ends all that are open. */
export interface Watches {
  open(rpc: Rpc, request?: object, headers?: Record<string, string>): Watching;
  stopAll(): void;
}

/** Opens watches, of artists unless the request says otherwise. */
export function createWatches(): Watches {
  const running: AbortController[] = [];
  return {
    open(rpc, request = {}, headers = {}) {
      const stop = new AbortController();
      running.push(stop);
      let received = new Headers();
      const stream = rpc
        .watchList(
          { type: typeMessage(Artist), ...request },
          { signal: stop.signal, headers, onHeader: (found) => (received = found) },
        )
        [Symbol.asyncIterator]();
      const next = async (): Promise<WatchEvent> => {
        const { value, done } = await stream.next();
        if (done === true) throw new Error("the watch ended");
        return value;
      };
      return {
        next,
        async words(count) {
          const found: string[] = [];
          while (found.length < count) found.push(wordsOf(await next()));
          return found;
        },
        headers: () => received,
        stop: () => stop.abort(),
      };
    },
    stopAll() {
      for (const stop of running.splice(0)) stop.abort();
    },
  };
}

/** An event in words: `upsert korn`, `delete korn DELETED`, `endOfSnapshot`. */
export function wordsOf({ event }: WatchEvent): string {
  if (event.case === "upsert") return `upsert ${event.value.resource?.id?.name}`;
  if (event.case !== "delete") return event.case ?? "nothing";
  const { resource, reason } = event.value;
  const word = Object.entries(Reason).find(([, value]) => value === reason)?.[0];
  return `delete ${resource?.id?.name} ${word}`;
}

const LONGEST_MS = 5_000;

/** Tries again until it holds: a server learns in its own time, over sockets, that a client went. */
export const eventually = (check: () => void | Promise<void>): Promise<void> => within(check, LONGEST_MS);
