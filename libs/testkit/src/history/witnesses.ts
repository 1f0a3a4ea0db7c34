import { keyString, type StoredEvent, type TypeQuery, type Version } from "@trellis/storage";

import type { History, RecordedWatch } from "./history.ts";
import { type Change, matches } from "./model.ts";

/** What one watch tells of the versions that it went through. */
interface Witness {
  readonly query: TypeQuery;
  /** It tells of the versions after this one ... */
  readonly after: Version;
  /** ... and up to this one. */
  readonly upTo: Version;
  readonly events: ReadonlyMap<Version, readonly StoredEvent[]>;
}

/** What all watches together tell of a version: which keys a commit changed there, and which it did not. */
export class Witnesses {
  readonly #witnesses: readonly Witness[];

  constructor(history: History) {
    this.#witnesses = history.recorded.flatMap((one) => (one.kind === "watch" ? witnessOf(one) : []));
  }

  /** Whether no watch contradicts that the commit of a version made these changes. */
  agree(version: Version, changes: readonly Change[]): boolean {
    return this.#witnesses.every(({ query, after, upTo, events }) => {
      if (version <= after || version > upTo) return true;
      const told = new Set((events.get(version) ?? []).map(({ record }) => keyString(record.key)));
      const watched = changes.filter((change) => matches(subject(change), query));
      return watched.length === told.size && watched.every(({ key }) => told.has(keyString(key)));
    });
  }
}

function witnessOf({ query, since, batches }: RecordedWatch): Witness[] {
  const events = new Map<Version, readonly StoredEvent[]>();
  let after = since;
  let upTo = since;
  for (const batch of batches) {
    if (batch.kind === "snapshot") continue;
    if (batch.kind === "commit") events.set(batch.version, batch.events);
    after ??= batch.version;
    upTo = batch.version;
  }
  return after === undefined || upTo === undefined ? [] : [{ query, after, upTo, events }];
}

/** A query of a type means keys; owners are not asked for. */
function subject({ key, before, after }: Change): Parameters<typeof matches>[0] {
  return { key, owner: (after ?? before)?.owner };
}
