import type { ConfState } from "@trellis/raft";

/** A configuration, as files and streams carry it. */
export function toConfiguration({ voters, learners, votersOutgoing, learnersNext, autoLeave }: ConfState) {
  return {
    voters: voters.map(BigInt),
    learners: learners.map(BigInt),
    votersOutgoing: votersOutgoing.map(BigInt),
    learnersNext: learnersNext.map(BigInt),
    autoLeave,
  };
}

interface ConfigurationMessage {
  readonly voters: readonly bigint[];
  readonly learners: readonly bigint[];
  readonly votersOutgoing: readonly bigint[];
  readonly learnersNext: readonly bigint[];
  readonly autoLeave: boolean;
}

/** The configuration in a file or stream. */
export function fromConfiguration(found: ConfigurationMessage | undefined): ConfState {
  return {
    voters: found?.voters.map(toNumber) ?? [],
    learners: found?.learners.map(toNumber) ?? [],
    votersOutgoing: found?.votersOutgoing.map(toNumber) ?? [],
    learnersNext: found?.learnersNext.map(toNumber) ?? [],
    autoLeave: found?.autoLeave ?? false,
  };
}

/** A number of the wire. Throws a RangeError for one that is none of this program's. */
export function toNumber(value: bigint): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new RangeError(`a number beyond 2^53: ${value}`);
  return number;
}
