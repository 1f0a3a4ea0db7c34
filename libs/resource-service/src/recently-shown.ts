import type { Registration } from "@trellis/registry";
import type { StoredRecord } from "@trellis/storage";

import { show, type Shown } from "./shown.ts";

/** What is kept at most: a burst of changes, until all watchers have been told. */
const MAX_RECORDS = 512;
/** Bytes of the records that are kept; decoded, one takes several times as much. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Records that changed lately, as their watchers see them: each is shown, and decoded, once for all of them. The messages are sent and never changed. */
export class RecentlyShown {
  readonly #shown = new Map<
    StoredRecord,
    { readonly registration: Registration; readonly shown: Shown | undefined }
  >();
  #bytes = 0;

  /** Shows a record, as {@link show} does. */
  readonly show = (
    registration: Registration,
    record: StoredRecord,
  ): Shown | undefined | Promise<Shown | undefined> => {
    const known = this.#shown.get(record);
    if (known?.registration === registration) return known.shown;
    const shown = show(registration, record);
    if (!(shown instanceof Promise)) return this.#keep(registration, record, shown);
    return shown.then((converted) => this.#keep(registration, record, converted));
  };

  #keep(registration: Registration, record: StoredRecord, shown: Shown | undefined): Shown | undefined {
    if (this.#shown.has(record)) return shown;
    this.#shown.set(record, { registration, shown });
    this.#bytes += record.bytes.byteLength;
    for (const oldest of this.#shown.keys()) {
      if (this.#shown.size <= MAX_RECORDS && this.#bytes <= MAX_BYTES) break;
      this.#shown.delete(oldest);
      this.#bytes -= oldest.bytes.byteLength;
    }
    return shown;
  }
}
