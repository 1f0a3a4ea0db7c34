import { createHash } from "node:crypto";

import { type Key, keyString, type RecordInit, type Version } from "@trellis/storage";

import type { History } from "../history/history.ts";
import { ABSENT, type Value } from "./search.ts";

/** What preconditions ask of a content. */
export type Content = Pick<RecordInit, "uid" | "generation" | "marked">;

/**
 * The names of contents. A version is not taken for an order here, only for what somebody once saw under it: a precondition on a version means that content.
 */
export class Contents {
  readonly #known = new Map<Value, Content>();
  readonly #names = new WeakMap<RecordInit, Value>();
  /** What was seen as a version of a key. */
  readonly #versions = new Map<string, Value>();
  readonly findings: string[] = [];

  /** Takes over all that a history shows. */
  constructor(history: History) {
    for (const recorded of history.recorded) {
      if (recorded.kind === "read") this.#see(recorded.result?.record);
      if (recorded.kind === "list") recorded.result?.records.forEach((record) => this.#see(record));
      if (recorded.kind === "watch") {
        for (const batch of recorded.batches) {
          if (batch.kind === "snapshot") batch.records.forEach((record) => this.#see(record));
          if (batch.kind === "commit") batch.events.forEach(({ record }) => this.#see(record));
        }
      }
      if (recorded.kind !== "commit") continue;
      const { operations, result, evaluateOnly } = recorded;
      for (const operation of operations) {
        if (operation.kind !== "put") continue;
        const value = this.nameOf(operation.record);
        if (result?.outcome === "applied" && !evaluateOnly) this.#note(operation.key, result.version, value);
      }
      if (result?.outcome === "refused") this.#see(result.current);
    }
  }

  /** The name of a content. */
  nameOf(record: RecordInit | undefined): Value {
    if (record === undefined) return ABSENT;
    const named = this.#names.get(record);
    if (named !== undefined) return named;
    const { uid, generation, marked, groupVersion, bytes } = record;
    const hash = createHash("sha1").update(bytes).digest("base64");
    const value = `${uid} ${generation} ${groupVersion} ${marked} ${hash}`;
    this.#known.set(value, { uid, generation, marked });
    this.#names.set(record, value);
    return value;
  }

  contentOf(value: Value): Content | undefined {
    return this.#known.get(value);
  }

  /** What a key held as of a version; undefined when nobody told. */
  atVersion(key: Key, version: Version): Value | undefined {
    return this.#versions.get(`${version} ${keyString(key)}`);
  }

  #see(record: (RecordInit & { readonly key: Key; readonly version: Version }) | undefined): void {
    if (record !== undefined) this.#note(record.key, record.version, this.nameOf(record));
  }

  #note(key: Key, version: Version, value: Value): void {
    const at = `${version} ${keyString(key)}`;
    const known = this.#versions.get(at);
    if (known !== undefined && known !== value)
      this.findings.push(`version ${version} of ${key.name} was seen with two contents`);
    this.#versions.set(at, value);
  }
}
