import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { SnapshotMark } from "../entry.ts";
import type { TornTail } from "../scan-log.ts";
import type { DiskImage } from "./simulated-disk.ts";

/** What a fixture's log holds. */
export interface FixtureExpectation {
  readonly firstIndex: number;
  readonly entries: readonly string[];
  readonly hardState: string | null;
  readonly snapshot: SnapshotMark | null;
  readonly tornTail: TornTail | null;
}

export interface Fixture {
  readonly name: string;
  readonly image: DiskImage;
  readonly expected: FixtureExpectation;
}

export function fixturesDirectory(version: number): string {
  return join(import.meta.dirname, `../../fixtures/v${version}`);
}

/** The fixtures of a format version. */
export function readFixtures(version: number): readonly Fixture[] {
  const directory = fixturesDirectory(version);
  return readdirSync(directory).map((name) => {
    const folder = join(directory, name);
    const files = readdirSync(folder).filter((file) => file !== "expected.json");
    const expected = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as FixtureExpectation;
    return { name, image: new Map(files.map((file) => [file, readFileSync(join(folder, file))])), expected };
  });
}
