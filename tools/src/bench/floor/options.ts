import { tmpdir } from "node:os";

import { numberFlag, readFlags, UsageError } from "../../flags.ts";
import { chooseRows, type Row, ROW_NAMES } from "./rows.ts";
import type { RoundOptions } from "./run-rounds.ts";

/** The command line. */
export const flags = {
  peer: {
    value: "etcd",
    help: "measure etcd too, and what its targets leave: $ETCD_BIN, or the etcd in the path",
  },
  only: { value: "NAMES", help: "only these rows, by name or by how names begin, with commas between" },
  seconds: { value: "N", help: "how long each row is measured in each round", default: "1" },
  "warm-up": {
    value: "N",
    help: "how long each row runs before its first round, in which V8 compiles what is used",
    default: "4",
  },
  rounds: { value: "N", help: "rounds over all rows; the figures are medians", default: "5" },
  directory: {
    value: "DIR",
    help: "keep logs and stores below it: the disk that is measured",
    default: tmpdir(),
  },
} as const;

/** What a command line asks for. */
export interface FloorOptions extends RoundOptions {
  readonly rows: readonly Row[];
  readonly withEtcd: boolean;
  readonly directory: string;
}

/** Reads the command line. Throws a UsageError that says what was expected. */
export function readOptions(args: readonly string[]): FloorOptions {
  const { peer, only, seconds, rounds, directory, "warm-up": warmUp } = readFlags(args, flags);
  if (peer !== undefined && peer !== "etcd") throw new UsageError(`--peer: expected etcd; found "${peer}"`);
  return {
    rows: only === undefined ? ROW_NAMES : chooseRows(only.split(",")),
    seconds: numberFlag("seconds", seconds, { min: 0.05, max: 600, fractions: true }),
    warmUpSeconds: numberFlag("warm-up", warmUp, { min: 0, max: 600, fractions: true }),
    rounds: numberFlag("rounds", rounds, { min: 1, max: 100 }),
    withEtcd: peer !== undefined,
    directory,
  };
}
