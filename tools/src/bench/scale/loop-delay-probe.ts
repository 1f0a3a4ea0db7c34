/**
 * Loaded into a server by `--import`: says how long the event loop was kept at the longest since it was asked last, over the socket in the environment. It looks only while somebody is
 * connected, so that a server that nobody asks is as it would be without.
 */
import { createServer } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";

import { LOOP_DELAY_SOCKET } from "./loop-delay.ts";

/** How often the loop is looked at. The histogram counts this pause as well, which is no delay. */
const RESOLUTION_MS = 2;
const NANOSECONDS_PER_MS = 1e6;

const path = process.env[LOOP_DELAY_SOCKET];
if (path !== undefined) {
  createServer((socket) => {
    const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    histogram.enable();
    socket.on("data", () => {
      socket.write(`${Math.max(0, histogram.max / NANOSECONDS_PER_MS - RESOLUTION_MS)}\n`);
      histogram.reset();
    });
    socket.on("close", () => histogram.disable());
    socket.on("error", () => socket.destroy());
  })
    .listen(path)
    .unref();
}
