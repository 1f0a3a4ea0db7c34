import type { Clock } from "@trellis/resource";

import type { TypeQuery } from "../backend.ts";
import { StorageError } from "../errors.ts";
import { nameString, watchString } from "./query-match.ts";
import { SharedLooks } from "./shared-looks.ts";
import { wakeDelayMs } from "./wake-delay.ts";

/** A watch as the hub sees it. */
export interface Sleeper {
  /** Looks at the history again; nothing before this position concerns who slept. Nothing to who does not sleep. */
  wake(position: number): void;
  /** Ends the watch with an error. */
  fail(error: StorageError): void;
}

/** So many watches are told in one turn of the event loop: others are not to wait for all of them. */
const WAKES_PER_TURN = 500;

/** All watches of one group and kind, or of one name of it, so that a commit costs the others nothing. */
export class WatchGroup {
  /** The position of the last commit that touched what they watch, as far as this group knows; a watch past it need not look. */
  lastPosition: number;
  readonly members = new Set<Sleeper>();
  /** Those who wait for something to happen. */
  readonly sleeping = new Set<Sleeper>();
  /** The position of the first commit that touched it since the sleepers were last woken. */
  touched: number | undefined;
  readonly looks = new SharedLooks();

  constructor(lastPosition: number) {
    this.lastPosition = lastPosition;
  }
}

/** Those of a group who are to be woken. */
interface Waking {
  readonly members: readonly Sleeper[];
  readonly position: number;
  /** How many of them were. */
  woken: number;
}

/**
 * Tells watches that something happened: at most once per turn of the event loop, however many commits the turn made, and only those whose
 * type, or name, was touched; a few milliseconds later where they are many. It queues nothing; what happened is in the history.
 */
export class WatchHub {
  /** By type, and by type and name. */
  readonly #groups = new Map<string, WatchGroup>();
  readonly #limit: number;
  readonly #clock: Clock;
  #touched: WatchGroup[] = [];
  /** In the order in which they began: who is woken twice hears of the earlier position first, since it passes over what lies before. */
  readonly #waking: Waking[] = [];
  #members = 0;
  /** Watches of one name each. */
  #named = 0;

  /** `limit` bounds the open watches. */
  constructor(limit: number, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Open watches. */
  get size(): number {
    return this.#members;
  }

  /** Adds a watch; `lastPosition` is that of the history's last commit. Throws `resource-exhausted` beyond the bound. */
  join(query: TypeQuery, member: Sleeper, lastPosition: number): WatchGroup {
    if (this.#members >= this.#limit) {
      throw new StorageError(
        "resource-exhausted",
        `at most ${this.#limit} watches are open at once, found as many; close some, or share one among readers`,
      );
    }
    const watched = watchString(query);
    let group = this.#groups.get(watched);
    if (group === undefined) {
      group = new WatchGroup(lastPosition);
      this.#groups.set(watched, group);
    }
    group.members.add(member);
    this.#members++;
    if (query.name !== undefined) this.#named++;
    return group;
  }

  leave(query: TypeQuery, member: Sleeper): void {
    const watched = watchString(query);
    const group = this.#groups.get(watched);
    if (group?.members.delete(member) !== true) return;
    this.#members--;
    if (query.name !== undefined) this.#named--;
    group.sleeping.delete(member);
    if (group.members.size === 0) this.#groups.delete(watched);
  }

  /** Notes that a commit changed a resource of this type ({@link typeString}) and name, and which position the history gave it. */
  touch(type: string, name: string, position: number): void {
    this.#touch(this.#groups.get(type), position);
    if (this.#named > 0) this.#touch(this.#groups.get(nameString(type, name)), position);
  }

  /** Wakes all who sleep, of whatever type; nothing before this position concerns them. */
  wakeAll(position: number): void {
    for (const group of this.#groups.values()) this.#wakeWhoSleep(group, position);
  }

  /** Ends every watch with an error. */
  failAll(error: StorageError): void {
    // Each failure takes itself out of the sets that this walks, which a walk of a Set allows.
    for (const group of this.#groups.values()) {
      for (const member of group.members) member.fail(error);
    }
  }

  #touch(group: WatchGroup | undefined, position: number): void {
    if (group === undefined) return;
    group.lastPosition = position;
    this.#wakeWhoSleep(group, position);
  }

  #wakeWhoSleep(group: WatchGroup, position: number): void {
    if (group.touched !== undefined || group.sleeping.size === 0) return;
    group.touched = position;
    this.#wakeSoon(group);
  }

  #wakeSoon(group: WatchGroup): void {
    const delayMs = wakeDelayMs(group.sleeping.size);
    if (delayMs > 0) {
      this.#clock.after(delayMs, () => this.#wake([group]));
      return;
    }
    if (this.#touched.length === 0) setImmediate(() => this.#flush());
    this.#touched.push(group);
  }

  #flush(): void {
    const touched = this.#touched;
    this.#touched = [];
    this.#wake(touched);
  }

  #wake(groups: readonly WatchGroup[]): void {
    const isUnderWay = this.#waking.length > 0;
    for (const group of groups) {
      const position = group.touched ?? 0;
      group.touched = undefined;
      // A copy: who is woken may sleep again before the walk ends.
      this.#waking.push({ members: Array.from(group.sleeping), position, woken: 0 });
    }
    if (!isUnderWay) this.#wakeSome();
  }

  #wakeSome(): void {
    let left = WAKES_PER_TURN;
    for (let waking = this.#waking[0]; waking !== undefined; waking = this.#waking[0]) {
      const { members, position, woken } = waking;
      const end = Math.min(members.length, woken + left);
      for (let at = woken; at < end; at++) members[at]?.wake(position);
      waking.woken = end;
      left -= end - woken;
      if (end === members.length) this.#waking.shift();
      if (left > 0) continue;
      if (this.#waking.length > 0) setImmediate(() => this.#wakeSome());
      return;
    }
  }
}
