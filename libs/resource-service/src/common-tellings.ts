import type { Identity } from "@trellis/authz";
import type { Registration } from "@trellis/registry";
import type { StoredEvent } from "@trellis/storage";

import type { Viewer } from "./sight.ts";
import type { Known } from "./when-known.ts";

/** What is known of some commits. */
interface Together<Made> {
  readonly commits: readonly unknown[];
  readonly made: readonly Made[] | undefined;
}

/** About as often as a wake of many watches asks. */
const APART_AFTER_WAIT = 1_000;

/** What commits are to those who see the same of them, found out once for all who are told without anything in between: nobody's rights change before that. */
export class CommonTelling<Event, Made> {
  #known = new Map<readonly StoredEvent[], readonly Event[]>();
  #together: Together<Made> | undefined;
  #isForgetting = false;
  /** How many more times nothing is tried together: where somebody had to be waited for, that is to be expected again for a while. */
  #apart = 0;

  /** What the events of a commit are; `find` is asked where that is not known. What somebody has to be waited for is found out for each. */
  of(events: readonly StoredEvent[], find: () => Known<readonly Event[]>): Known<readonly Event[]> {
    const known = this.#known.get(events);
    if (known !== undefined) return known;
    const found = find();
    if (found instanceof Promise) return found;
    this.#known.set(events, found);
    this.#forgetSoon();
    return found;
  }

  /** What is made of several commits, the same object for all; undefined where `make` fails or does not say at once: then each finds out for itself, and is told what comes before that. */
  together(
    commits: readonly unknown[],
    make: () => Known<readonly Made[] | undefined>,
  ): readonly Made[] | undefined {
    if (this.#together?.commits === commits) return this.#together.made;
    if (this.#apart > 0) {
      this.#apart -= 1;
      return undefined;
    }
    const made = attempt(make);
    if (made instanceof Promise) {
      this.#apart = APART_AFTER_WAIT;
      // What is wrong with it is told to who waits for it.
      made.catch(() => undefined);
      return undefined;
    }
    this.#together = { commits, made };
    this.#forgetSoon();
    return made;
  }

  /** Who comes later is to be asked about again. */
  #forgetSoon(): void {
    if (this.#isForgetting) return;
    this.#isForgetting = true;
    queueMicrotask(() => {
      this.#known = new Map();
      this.#together = undefined;
      this.#isForgetting = false;
    });
  }
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

/** By type, and by who watches it. */
type ByViewer<Telling> = WeakMap<Registration, WeakMap<Identity, Telling>>;

/** All of them; each is kept for as long as its type and its watcher are known. */
export class CommonTellings<Event, Made> {
  readonly #stored: ByViewer<CommonTelling<Event, Made>> = new WeakMap();
  readonly #decoded: ByViewer<CommonTelling<Event, Made>> = new WeakMap();

  /** What a watcher has in common with others; undefined where it has a selector of its own. */
  of({ registration, call, selector }: Viewer): CommonTelling<Event, Made> | undefined {
    if (selector.length > 0) return undefined;
    const all = call.inBinary ? this.#stored : this.#decoded;
    let ofType = all.get(registration);
    if (ofType === undefined) all.set(registration, (ofType = new WeakMap()));
    let common = ofType.get(call.identity);
    if (common === undefined) ofType.set(call.identity, (common = new CommonTelling()));
    return common;
  }
}
