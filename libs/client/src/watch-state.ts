import type { DescMessage } from "@bufbuild/protobuf";
import {
  WatchEvent_Delete_Reason as Reason,
  type WatchEvent,
} from "@trellis/protos/trellis/resource/v1/resource_service_pb";
import type { ResourceType, TypedResource } from "@trellis/resource";

import type { StorePosition, WatchItem, WatchOptions } from "./client.ts";
import { decodeAnswer, nameKey } from "./convert.ts";
import { isNewerVersion } from "./versions.ts";

/** A resource as the consumer knows it, and the store that its version is of. */
interface Known<Desc extends DescMessage> {
  readonly resource: TypedResource<Desc>;
  readonly storeId: string;
}

/** What a watch has yielded so far, and where it stands: what tells news from what the consumer knows already. */
export class WatchState<Desc extends DescMessage> {
  readonly type: ResourceType<Desc>;
  readonly #transform: (resource: never) => TypedResource;
  readonly #known = new Map<string, Known<Desc>>();
  #resume: StorePosition | undefined;
  /** The names of the snapshot that is being read; undefined outside one. */
  #snapshot: Set<string> | undefined;
  #announced = false;

  constructor(type: ResourceType<Desc>, transform: WatchOptions["transform"] = (resource) => resource) {
    this.type = type;
    this.#transform = transform as (resource: never) => TypedResource;
  }

  /** Begins a stream: where it resumes, or undefined for a snapshot. */
  startStream(): StorePosition | undefined {
    this.#snapshot = this.#resume === undefined ? new Set() : undefined;
    return this.#resume;
  }

  /** Gives up resuming: the next stream begins with a snapshot. */
  forgetPosition(): void {
    this.#resume = undefined;
  }

  /** Notes that everything up to an event was yielded: where to resume, and undefined when the event is no such point. */
  reached({ version }: WatchEvent, storeId: string): StorePosition | undefined {
    if (version === "" || storeId === "") return undefined;
    this.#resume = { storeId, version };
    return this.#resume;
  }

  /** What an event means to the consumer: nothing, when it knows already. */
  take({ event, version }: WatchEvent, storeId: string): readonly WatchItem<Desc>[] {
    switch (event.case) {
      case "upsert":
        return this.#upsert(decodeAnswer(this.type, event.value.resource), storeId);
      case "delete":
        return this.#delete(event.value);
      case "endOfSnapshot":
        return this.#endSnapshot(version, storeId);
      default:
        return [];
    }
  }

  #upsert(whole: TypedResource<Desc>, storeId: string): readonly WatchItem<Desc>[] {
    const key = nameKey(whole.id);
    this.#snapshot?.add(key);
    const known = this.#known.get(key);
    if (known !== undefined && isCovered(whole, storeId, known)) return [];
    // What the transform leaves out is not to be kept here either.
    const resource = this.#transform(whole as never) as TypedResource<Desc>;
    this.#known.set(key, { resource, storeId });
    const upsert = { kind: "upsert", resource } as const;
    // Another incarnation: the former one's end was in the gap.
    return known !== undefined && known.resource.id.uid !== resource.id.uid
      ? [{ kind: "delete", resource: known.resource, reason: Reason.DELETED }, upsert]
      : [upsert];
  }

  #delete({ resource, reason }: { resource?: Parameters<typeof decodeAnswer>[1]; reason: Reason }) {
    const key = resource?.id === undefined ? "" : nameKey(resource.id);
    const known = this.#known.get(key);
    if (known === undefined) return [];
    this.#known.delete(key);
    // A watcher that lost access is told the id only: what it knew is the last that it may see.
    const last = reason === Reason.ACCESS_LOST ? known.resource : decodeAnswer(this.type, resource);
    return [{ kind: "delete", resource: last, reason } as const];
  }

  #endSnapshot(version: string, storeId: string): readonly WatchItem<Desc>[] {
    const items: WatchItem<Desc>[] = [];
    for (const [key, known] of this.#snapshot === undefined ? [] : this.#known) {
      const { resource } = known;
      const isLater = known.storeId === storeId && isNewerVersion(resource.version, version);
      if (this.#snapshot?.has(key) === true || isLater) continue;
      this.#known.delete(key);
      items.push({ kind: "delete", resource, reason: Reason.DELETED });
    }
    this.#snapshot = undefined;
    if (!this.#announced) items.push({ kind: "endOfSnapshot" });
    this.#announced = true;
    return items;
  }
}

/** Whether the consumer knows this already, or something later. Versions of two stores cannot be compared, but no two contents share one. */
function isCovered(resource: TypedResource, storeId: string, known: Known<DescMessage>): boolean {
  const { version, id } = known.resource;
  if (version === resource.version && id.uid === resource.id.uid) return true;
  return known.storeId === storeId && storeId !== "" && isNewerVersion(version, resource.version);
}
