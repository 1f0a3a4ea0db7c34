import type { Registration } from "@trellis/registry";
import { matchesSelector, type Selector } from "@trellis/resource";
import type { StoredRecord } from "@trellis/storage";

import { mayRead } from "./authorization.ts";
import type { Call } from "./call.ts";
import type { Environment } from "./environment.ts";
import { show, type Shown } from "./shown.ts";

/** What one caller sees of a record. */
export type Seen =
  | { readonly kind: "seen"; readonly shown: Shown }
  /** Stored in a group version that cannot be shown as the one that is asked for. */
  | { readonly kind: "otherVersion" }
  /** The selector does not choose it. */
  | { readonly kind: "notSelected" }
  /** The caller may not read it. */
  | { readonly kind: "accessLost" };

/** One caller's view of the records of a type. */
export interface Sight {
  /** At once where nobody has to be waited for, as for nearly all records. */
  see(record: StoredRecord): Seen | Promise<Seen>;
}

/** Who looks at what. */
export interface Viewer {
  readonly environment: Environment;
  readonly call: Call;
  readonly registration: Registration;
  readonly selector: Selector;
}

/** Makes the view of one caller. */
export function createSight(
  { environment, call, registration, selector }: Viewer,
  showAs: typeof show = show,
): Sight {
  function judge(record: StoredRecord, shown: Shown | undefined): Seen | Promise<Seen> {
    if (shown === undefined) return { kind: "otherVersion" };
    if (selector.length > 0 && !matchesSelector(selector, shown.resource().metadata))
      return { kind: "notSelected" };
    const seen = (maySee: boolean): Seen => (maySee ? { kind: "seen", shown } : { kind: "accessLost" });
    const maySee = mayRead(environment, call, registration, { record, shown });
    return maySee instanceof Promise ? maySee.then(seen) : seen(maySee);
  }
  return {
    see(record) {
      const shown = showAs(registration, record);
      return shown instanceof Promise
        ? shown.then((converted) => judge(record, converted))
        : judge(record, shown);
    },
  };
}
