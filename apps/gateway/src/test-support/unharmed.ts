import { expect } from "@jest/globals";
import type { ServerProcess } from "@trellis/testkit";

const TRIES = 100;
const BETWEEN_TRIES_MS = 50;

/** Expects that a server serves, has logged no warning and no error, and has as many sockets open as it had at the start. */
export async function expectUnharmed(server: ServerProcess, socketsAtStart: number): Promise<void> {
  const lines = server
    .stderr()
    .split("\n")
    .filter((line) => line !== "");
  const logged = lines.map((line) => JSON.parse(line) as { level: string; msg: string });
  expect(logged.filter(({ level }) => level !== "info")).toEqual([]);
  await eventually(() => expect(server.openSockets() ?? 0).toBeLessThanOrEqual(socketsAtStart));
  const ready = await fetch(`${server.url}/readyz`, { headers: { connection: "close" } });
  expect(ready.status).toBe(200);
}

/** Real sockets close in real time: tries again until it holds, for at most five seconds. */
export async function eventually(check: () => void): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      check();
      return;
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_TRIES_MS));
    }
  }
}
