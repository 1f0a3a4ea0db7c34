import { create } from "@bufbuild/protobuf";
import {
  type WatchEvent,
  WatchEvent_Delete_Reason,
  WatchEventSchema,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { CommitBatch, StoredEvent, StoredRecord, Version, WatchBatch } from "@trellis/storage";

import type { CommonTelling } from "./common-tellings.ts";
import type { Shown } from "./shown.ts";
import type { Seen, Sight } from "./sight.ts";
import { deleteField, upsertField, withStored } from "./stored-form.ts";
import { type Known, whenKnown } from "./when-known.ts";

/** An event that is to be sent. */
export interface EventToSend {
  /** What it takes, in bytes, as far as that is known before it is made. */
  readonly size: number;
  readonly make: () => WatchEvent;
}

/** Looks at a part of a batch; undefined where it concerns nothing that the watcher could see. */
export type Look = () => Known<EventToSend | undefined>;

/** Events are sent together until they take so many bytes. */
export const BATCH_BYTES = 32 * 1024;
/** What an event takes besides its resource. */
const EVENT_BYTES = 32;

/** What watchers have in common who see the same. */
export type CommonEvents = CommonTelling<EventToSend, WatchEvent>;

/** How a watcher is told of what it watches. */
export interface Teller {
  /** Whether resources go out as they are stored. */
  readonly inBinary: boolean;
  /** What the watcher sees of the records of its snapshot. */
  readonly snapshot: Sight;
  /** What it sees of those that change, which others may be looking at just now. */
  readonly changes: Sight;
  /** What it has in common with other watchers. */
  readonly common: CommonEvents | undefined;
}

/** What a batch is to a watcher, in order. A commit is looked at whole, at once where nobody has to be waited for; each record of a snapshot when its turn comes. */
export function eventsOf(teller: Teller, batch: WatchBatch): Known<readonly (EventToSend | Look)[]> {
  switch (batch.kind) {
    case "snapshot":
      return batch.records.map((record) => () => recordOfSnapshot(teller, record));
    case "commit":
      return teller.common === undefined
        ? eventsOfCommit(teller, batch)
        : teller.common.of(batch.events, () => eventsOfCommit(teller, batch));
    case "endOfSnapshot":
      return [{ size: EVENT_BYTES, make: () => endOfSnapshot(batch.version) }];
    case "bookmark":
      return [{ size: EVENT_BYTES, make: () => bookmark(batch.version) }];
  }
}

/** The events of commits, made, where nobody has to be waited for and they are few enough to be sent together. */
export function allEventsOf(
  teller: Teller,
  commits: readonly CommitBatch[],
): Known<readonly WatchEvent[] | undefined> {
  const made: WatchEvent[] = [];
  let bytes = 0;
  for (const commit of commits) {
    const events = eventsOfCommit(teller, commit);
    if (events instanceof Promise) return events.then(() => undefined);
    for (const event of events) {
      bytes += event.size;
      made.push(event.make());
    }
    if (bytes >= BATCH_BYTES) return undefined;
  }
  return made;
}

/** All that is watched and happened up to a version was sent. */
export function bookmark(version: Version): WatchEvent {
  return create(WatchEventSchema, { event: { case: "bookmark", value: {} }, version: String(version) });
}

function endOfSnapshot(version: Version): WatchEvent {
  return create(WatchEventSchema, { event: { case: "endOfSnapshot", value: {} }, version: String(version) });
}

function recordOfSnapshot({ snapshot, inBinary }: Teller, record: StoredRecord): ReturnType<Look> {
  // It carries no version: no part of a snapshot can be resumed.
  const eventOf = (seen: Seen): EventToSend | undefined =>
    seen.kind === "seen" ? { size: sizeOf(record), make: () => upsert(inBinary, seen.shown, "") } : undefined;
  const looked = snapshot.see(record);
  return looked instanceof Promise ? looked.then(eventOf) : eventOf(looked);
}

function eventsOfCommit(teller: Teller, batch: CommitBatch): Known<readonly EventToSend[]> {
  const found: CommitEvent[] = [];
  for (const [at, event] of batch.events.entries()) {
    const told = tell(teller, event);
    if (told instanceof Promise) return restOfCommit(teller, batch, found, { at, told });
    if (told !== undefined) found.push(told);
  }
  return versioned(found, batch.version);
}

/** The same from an event on for which somebody has to be waited. */
async function restOfCommit(
  teller: Teller,
  { events, version }: CommitBatch,
  found: CommitEvent[],
  { at, told }: { readonly at: number; readonly told: Promise<CommitEvent | undefined> },
): Promise<readonly EventToSend[]> {
  const first = await told;
  if (first !== undefined) found.push(first);
  for (const event of events.slice(at + 1)) {
    const next = await tell(teller, event);
    if (next !== undefined) found.push(next);
  }
  return versioned(found, version);
}

/** The version stands on the last event only: a commit that is cut in two is sent again whole. */
function versioned(found: readonly CommitEvent[], version: Version): readonly EventToSend[] {
  const last = found.at(-1);
  if (last !== undefined) last.version = String(version);
  return found;
}

/** What a change is to the watcher. */
function tell({ changes, inBinary }: Teller, event: StoredEvent): Known<CommitEvent | undefined> {
  const { record, previous } = event.kind === "put" ? event : { record: event.record, previous: undefined };
  return whenKnown(changes.see(record), (now) => {
    const isGone = now.kind !== "seen" && previous !== undefined;
    return whenKnown(isGone ? changes.see(previous) : undefined, (before) => {
      const make = makerOf(inBinary, event, { now, before });
      return make && new CommitEvent(sizeOf(isGone ? previous : record), make);
    });
  });
}

class CommitEvent implements EventToSend {
  readonly size: number;
  version = "";
  readonly #make: (version: string) => WatchEvent;
  #made: WatchEvent | undefined;

  constructor(size: number, make: (version: string) => WatchEvent) {
    this.size = size;
    this.#make = make;
  }

  make(): WatchEvent {
    return (this.#made ??= this.#make(this.version));
  }
}

function sizeOf({ bytes }: { readonly bytes: Uint8Array }): number {
  return bytes.byteLength + EVENT_BYTES;
}

/** What an event is to this watcher; undefined when it concerns nothing that it could see, before or after. */
function makerOf(
  inBinary: boolean,
  { kind }: StoredEvent,
  { now, before }: { readonly now: Seen; readonly before: Seen | undefined },
): ((version: string) => WatchEvent) | undefined {
  if (now.kind === "seen") {
    const { shown } = now;
    return kind === "put"
      ? (version) => changed(inBinary, shown, version)
      : (version) => remove(inBinary, shown, WatchEvent_Delete_Reason.DELETED, version);
  }
  if (kind === "delete" || before?.kind !== "seen") return undefined;
  const last = before.shown;
  if (now.kind === "accessLost") return (version) => accessLost(last, version);
  const reason =
    now.kind === "otherVersion"
      ? WatchEvent_Delete_Reason.LEFT_GROUP_VERSION
      : WatchEvent_Delete_Reason.LEFT_SELECTOR;
  return (version) => remove(inBinary, last, reason, version);
}

/** The events of what was shown lately, each of which all watchers are sent. */
const upserts = new WeakMap<Shown, WatchEvent>();

function changed(inBinary: boolean, shown: Shown, version: string): WatchEvent {
  const known = upserts.get(shown);
  if (inBinary && known?.version === version) return known;
  const event = upsert(inBinary, shown, version);
  if (inBinary) upserts.set(shown, event);
  return event;
}

function upsert(inBinary: boolean, { stored, resource }: Shown, version: string): WatchEvent {
  return inBinary && stored !== undefined
    ? withStored(create(WatchEventSchema, { version }), [upsertField(stored)])
    : create(WatchEventSchema, { version, event: { case: "upsert", value: { resource: resource() } } });
}

function remove(
  inBinary: boolean,
  { stored, resource }: Shown,
  reason: WatchEvent_Delete_Reason,
  version: string,
): WatchEvent {
  if (inBinary && stored !== undefined)
    return withStored(create(WatchEventSchema, { version }), [deleteField(stored, reason)]);
  const value = { resource: resource(), reason };
  return create(WatchEventSchema, { version, event: { case: "delete", value } });
}

/** Of what the watcher may not read any more it is told only which it was. */
function accessLost({ resource }: Shown, version: string): WatchEvent {
  const { id } = resource();
  const value = {
    resource: id === undefined ? {} : { id },
    reason: WatchEvent_Delete_Reason.ACCESS_LOST,
  };
  return create(WatchEventSchema, { event: { case: "delete", value }, version });
}
