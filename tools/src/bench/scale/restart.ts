import { cpuMicrosecondsOf } from "@trellis/testkit";

import type { MeasurePart } from "./context.ts";
import { figureText, whole } from "./figure.ts";

const TARGET_SECONDS = 10;
/** Which of the resources are read afterwards: the first, the last, and some between. */
const READ_AGAIN = 100;

/** The large store's server is killed when it is about to make a snapshot, and starts again over what it has kept. */
export const measureRestart: MeasurePart = async ({ large: openLarge, resources, times, tell }) => {
  const large = await openLarge();
  await large.fillTo(resources);
  await large.lengthenLog();
  const behind = await large.entriesBehindSnapshot();
  tell(`restart: kills the server, whose newest snapshot is ${whole(behind)} entries behind`);
  const killedMs = performance.now();
  const readyMs = await large.server.killAndStart();
  const cpuSeconds = (cpuMicrosecondsOf(large.server.pid) ?? Number.NaN) / 1e6;
  await large.use((calls) => calls.read(0, resources - 1, true));
  const answeredMs = performance.now() - killedMs;
  await large.use(async (calls) => {
    for (let at = 0; at < READ_AGAIN; at++)
      await calls.read(0, Math.floor((at / READ_AGAIN) * resources), true);
  });
  const loaded = large.bytesPerResource(await large.server.settledBytes(times.settleMs));
  return {
    figures: [
      {
        what: `start with ${whole(resources)} resources, until /readyz`,
        value: readyMs / 1_000,
        unit: "s",
        target: TARGET_SECONDS,
        note: `${figureText({ value: cpuSeconds, unit: "s" })} of CPU; ${whole(behind)} entries of the log behind the snapshot`,
      },
      { what: "from the kill until a strong read is answered", value: answeredMs / 1_000, unit: "s" },
      {
        what: `resident memory for each of ${whole(resources)} resources, loaded`,
        value: loaded,
        unit: "bytes",
      },
    ],
    failures: [],
  };
};
