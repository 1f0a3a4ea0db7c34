import type { StoreLimits } from "@trellis/storage-memory";
import { createVirtualClock, type VirtualClock } from "@trellis/testing";

import { fixture, putOf } from "../../conformance/fixtures.ts";
import type { Operation, Precondition } from "../../operation.ts";
import type { StorageLink } from "../storage-link.ts";
import type { StorageRoutesConfig } from "../storage-routes.ts";
import { TestEndpoint } from "./test-endpoint.ts";
import { TestWire, turns } from "./test-wire.ts";

/** A server, a client's link to it, and what is behind the server. */
export interface OpenWire {
  readonly clock: VirtualClock;
  readonly endpoint: TestEndpoint;
  readonly wire: TestWire;
  readonly link: StorageLink;
  close(): Promise<void>;
}

/** A memory backend, served, and a link to it whose first status has come; what came by until then is forgotten. */
export async function openWire(
  config: StorageRoutesConfig = {},
  limits?: Partial<StoreLimits>,
): Promise<OpenWire> {
  const clock = createVirtualClock();
  const endpoint = new TestEndpoint(clock, limits);
  const wire = new TestWire({ clock, endpoint: () => endpoint, config });
  const link = await wire.link();
  await turns(5);
  wire.forget();
  return {
    clock,
    endpoint,
    wire,
    link,
    async close() {
      endpoint.release();
      await link.close();
      await endpoint.close();
    },
  };
}

/** Stores a text under a name of kind `a`. */
export function put(name: string, text = name, ...preconditions: Precondition[]): Operation {
  return putOf(fixture("a", `default/default/${name}`, { text }), ...preconditions);
}

/** The key of a name. */
export function keyOf(name: string) {
  return put(name).key;
}

/** The error that a call rejects with. */
export async function failure(call: Promise<unknown>): Promise<unknown> {
  return await call.then(
    () => {
      throw new Error("expected an error, found success");
    },
    (error: unknown) => error,
  );
}
