import type { MeasurePart } from "./context.ts";
import { whole } from "./figure.ts";

/** The target of 1.2 KB for a resource of 600 bytes. */
const TARGET_BYTES = 1_200;

/** Resident memory that a resource takes in the process that was filled with them. */
export const measureMemory: MeasurePart = async ({ large: openLarge, resources, tell }) => {
  const large = await openLarge();
  await large.fillTo(resources);
  tell("memory: as it was after the last resource was written");
  const note = `${whole(large.emptyBytes / 1024 ** 2)} MiB when it was empty; its history and what garbage is left are in it`;
  return {
    figures: [
      {
        what: `resident memory for each of ${whole(resources)} resources, filled`,
        value: large.filledBytesPerResource,
        unit: "bytes",
        target: TARGET_BYTES,
        note,
      },
    ],
    failures: [],
  };
};
