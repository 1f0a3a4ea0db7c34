import type { CheckReplicasResponse, ReplicaHash } from "@trellis/protos/trellis/cluster/v1/cluster_pb";

import { createPaint } from "../output/paint.ts";
import { tableText } from "../output/table.ts";
import { numberOf } from "./status-report.ts";

/** Digits of a hash that people compare. */
const SHOWN_DIGITS = 16;

/** What a comparison found, as people read it. */
export function checkText(response: CheckReplicasResponse, colour: boolean): string {
  const { version, replicas } = response;
  const most = commonHash(replicas);
  const rows = replicas.map(({ id, name, hash, problem }) => {
    const verdict = hash === "" ? "-" : hash === most ? "equal" : "differs";
    return [
      name,
      id.toString(),
      hash === "" ? "-" : hash.slice(0, SHOWN_DIGITS),
      verdict,
      problem === "" ? "-" : problem,
    ];
  });
  return `${verdictText(response, colour)}, at version ${version}\n\n${tableText(["NAME", "ID", "HASH", "REPLICA", "NOTE"], rows, colour)}${adviceText(replicas, most)}`;
}

function verdictText({ equal, replicas }: CheckReplicasResponse, colour: boolean): string {
  const paint = createPaint(colour);
  if (equal) {
    const all = replicas.length === 1 ? "there is one replica" : `all ${replicas.length} replicas are equal`;
    return paint.good(`● ${all}`);
  }
  const hashes = new Set(replicas.map(({ hash }) => hash).filter((hash) => hash !== ""));
  return hashes.size > 1
    ? paint.bad("○ replicas differ")
    : paint.warning("○ not all replicas were compared; those that were are equal");
}

function adviceText(replicas: readonly ReplicaHash[], most: string): string {
  const others = replicas.filter(({ hash }) => hash !== "" && hash !== most);
  if (others.length === 0) return "";
  const names = others.map(({ name }) => name).join(", ");
  return `\nSave a snapshot, then replace ${names}: remove it, and add it again with an empty directory.\n`;
}

/** The hash that most have; of as many, the leader's need not be it. */
function commonHash(replicas: readonly ReplicaHash[]): string {
  const hashes = replicas.map(({ hash }) => hash).filter((hash) => hash !== "");
  const count = (wanted: string): number => hashes.filter((hash) => hash === wanted).length;
  return hashes.reduce((best, hash) => (count(hash) > count(best) ? hash : best), hashes[0] ?? "");
}

/** The same as programs read it. */
export function checkJson({ equal, version, replicas }: CheckReplicasResponse): string {
  const value = {
    equal,
    version: numberOf(version),
    replicas: replicas.map(({ id, name, hash, problem }) => ({
      id: numberOf(id),
      name,
      hash: hash === "" ? null : hash,
      problem: problem === "" ? null : problem,
    })),
  };
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
