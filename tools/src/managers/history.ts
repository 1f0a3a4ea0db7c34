import type { Client, TypedResource } from "@trellis/client";
import { Lease } from "@trellis/controller/runtime";
import { v2 } from "@trellis/demo";

import type { Committed } from "./judge-terms.ts";

/** What is committed, for as long as it is followed. */
export interface FollowedHistory {
  /** So far. */
  readonly committed: readonly Committed[];
  /** Why it is not whole; undefined while it is. */
  broken(): string | undefined;
  /** Resolves once it has come to the present. */
  stop(): Promise<void>;
}

/** Commits that are kept: a run has no more. */
const MAX_COMMITS = 2_000_000;
/** How long the last commits may take to be told. */
const CATCH_UP_MS = 5_000;

/** Follows the leases and the albums of a store from now on. */
export async function followHistory(client: Client): Promise<FollowedHistory> {
  const committed: Committed[] = [];
  const ended = new AbortController();
  let broken: string | undefined;
  const note = (one: Committed | undefined): void => {
    if (one === undefined) return;
    if (committed.length < MAX_COMMITS) committed.push(one);
    else broken ??= `more than ${MAX_COMMITS} commits`;
  };
  const follow = async <T extends typeof Lease | typeof v2.Album>(
    type: T,
    read: (resource: TypedResource<T["schema"]>) => Committed | undefined,
  ): Promise<void> => {
    const present = Promise.withResolvers<void>();
    const told = async (): Promise<void> => {
      for await (const item of client.watch(type as typeof Lease, {}, { signal: ended.signal })) {
        // Nobody deletes a controller's lease, or a copy.
        if (item.kind === "endOfSnapshot") present.resolve();
        else if (item.kind === "upsert") note(read(item.resource as unknown as TypedResource<T["schema"]>));
      }
    };
    told().catch((error: unknown) => {
      if (!ended.signal.aborted) broken ??= `a watch ended: ${String(error)}`;
      present.resolve();
    });
    await present.promise;
  };
  await follow(Lease, ({ id, version, generation, data }) => ({
    kind: "lease",
    version: BigInt(version),
    lease: id.name,
    generation,
    holder: data.holder,
  }));
  await follow(v2.Album, ({ id, version, metadata: { writer, lease, term } }) =>
    writer !== undefined && lease !== undefined && term !== undefined
      ? { kind: "write", version: BigInt(version), key: id.name, lease, term, writer }
      : undefined,
  );
  return {
    committed,
    broken: () => broken,
    async stop() {
      // One more commit of each kind would be the last one told: what is quiet for so long has come to the present.
      await new Promise((resolve) => setTimeout(resolve, CATCH_UP_MS));
      ended.abort();
    },
  };
}
