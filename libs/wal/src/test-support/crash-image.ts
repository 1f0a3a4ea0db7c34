import { SECTOR_BYTES } from "../sector.ts";
import { applyName, applyToFile, type DiskEvent, type FileEvent, type NameEvent } from "./disk-event.ts";
import { below } from "./seeded-random.ts";
import type { DiskImage, SimulatedDisk } from "./simulated-disk.ts";

/**
 * What becomes of an unsynced write: all of it arrives, none, whole sectors of it, or sectors of which some arrived up to some byte.
 * `mixed` draws one for each write.
 */
export type Tearing = "all" | "none" | "sectors" | "bytes" | "mixed";

export interface CrashOptions {
  /** How many of the disk's events had happened. */
  readonly at: number;
  readonly tearing: Tearing;
  readonly random: () => number;
}

/** The disk after a power failure: what was synced, and some of what was not. */
export function crashImage(disk: SimulatedDisk, { at, tearing, random }: CrashOptions): DiskImage {
  const state = replay(disk, disk.events.slice(0, at));
  for (const event of state.pendingNames) if (arrives(tearing, random)) applyName(state.names, event);
  for (const { file, event } of state.pendingWrites) {
    state.contents.set(file, survive(state.contents.get(file) ?? Buffer.alloc(0), event, tearing, random));
  }
  return new Map([...state.names].map(([name, file]) => [name, state.contents.get(file) ?? Buffer.alloc(0)]));
}

interface Replayed {
  readonly names: Map<string, number>;
  readonly contents: Map<number, Buffer>;
  readonly pendingNames: readonly NameEvent[];
  readonly pendingWrites: readonly { readonly file: number; readonly event: FileEvent }[];
}

function replay(disk: SimulatedDisk, events: readonly DiskEvent[]): Replayed {
  const initial = [...disk.initial];
  const names = new Map(initial.map(([name], file) => [name, file]));
  const contents: Map<number, Buffer> = new Map(
    initial.map(([, content], file) => [file, Buffer.from(content)]),
  );
  let pendingNames: { at: number; event: NameEvent }[] = [];
  let pending: { at: number; file: number; event: FileEvent; isLost: boolean }[] = [];
  for (const [at, event] of events.entries()) {
    switch (event.kind) {
      case "create":
      case "rename":
      case "unlink":
        pendingNames.push({ at, event });
        break;
      case "syncDirectory":
        for (const name of pendingNames) if (name.at < event.covers) applyName(names, name.event);
        pendingNames = pendingNames.filter((name) => name.at >= event.covers);
        break;
      case "write":
      case "truncate":
        pending.push({ at, file: event.file, event, isLost: false });
        break;
      case "failedSync":
        for (const write of pending)
          if (write.file === event.file && write.at < event.covers) write.isLost = true;
        break;
      case "sync": {
        const isDurable = (write: (typeof pending)[number]): boolean =>
          write.file === event.file && write.at < event.covers && !write.isLost;
        for (const write of pending.filter(isDurable)) {
          contents.set(write.file, applyToFile(contents.get(write.file) ?? Buffer.alloc(0), write.event));
        }
        pending = pending.filter((write) => !isDurable(write));
      }
    }
  }
  return { names, contents, pendingNames: pendingNames.map(({ event }) => event), pendingWrites: pending };
}

function arrives(tearing: Tearing, random: () => number): boolean {
  if (tearing === "all" || tearing === "none") return tearing === "all";
  return random() < 0.5;
}

/** A file's content after an unsynced change, and the failure. */
function survive(content: Buffer, event: FileEvent, tearing: Tearing, random: () => number): Buffer {
  const kinds = ["all", "none", "sectors", "bytes"] as const;
  const kind = tearing === "mixed" ? (kinds[below(kinds.length, random)] ?? "none") : tearing;
  if (kind === "none") return content;
  if (kind === "all" || event.kind === "truncate") return applyToFile(content, event);
  let next = content;
  const end = event.position + event.bytes.length;
  for (let from = event.position; from < end;) {
    const to = Math.min(end, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    const arrived = kind === "bytes" ? below(to - from + 1, random) : to - from;
    if (random() < 0.5 && arrived > 0) {
      const start = from - event.position;
      const bytes = event.bytes.subarray(start, start + arrived);
      next = applyToFile(next, { kind: "write", file: event.file, position: from, bytes });
    }
    from = to;
  }
  return next;
}
