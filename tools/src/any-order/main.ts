/** `npm run any-order`: starts a cluster in every order of its kinds of processes; each time all of it has to come to health by itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type Kind, KINDS } from "../cluster/cluster-shape.ts";
import { startInOrder } from "./start-in-order.ts";

let failures = 0;
const orders = permutations(KINDS);
for (const order of orders) {
  const directory = mkdtempSync(join(tmpdir(), "trellis-any-order-"));
  const words = order.map((kind) => kind.padEnd(9)).join(" ");
  try {
    const { readyAfterMs } = await startInOrder(order, directory);
    process.stdout.write(`ok    ${words}  ready ${(readyAfterMs / 1_000).toFixed(1)} s after the last\n`);
    rmSync(directory, { recursive: true });
  } catch (error) {
    failures++;
    process.stdout.write(`fail  ${words}  ${(error as Error).message}\n      left in ${directory}\n`);
  }
}
process.stdout.write(`${orders.length} orders, ${failures} failed\n`);
process.exitCode = failures === 0 ? 0 : 1;

function permutations(kinds: readonly Kind[]): readonly (readonly Kind[])[] {
  if (kinds.length <= 1) return [kinds];
  return kinds.flatMap((first, at) => permutations(kinds.toSpliced(at, 1)).map((rest) => [first, ...rest]));
}
