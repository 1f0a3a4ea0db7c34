import { expect } from "@jest/globals";
import { eventually, type ServerProcess } from "@trellis/testkit";

/** Real sockets close in real time. */
const CLOSED_WITHIN_MS = 5_000;

/** Expects that a server serves, has logged no warning and no error, and has as many sockets open as it had at the start. */
export async function expectUnharmed(server: ServerProcess, socketsAtStart: number): Promise<void> {
  const lines = server
    .stderr()
    .split("\n")
    .filter((line) => line !== "");
  const logged = lines.map((line) => JSON.parse(line) as { level: string; msg: string });
  expect(logged.filter(({ level }) => level !== "info")).toEqual([]);
  await eventually(
    () => expect(server.openSockets() ?? 0).toBeLessThanOrEqual(socketsAtStart),
    CLOSED_WITHIN_MS,
  );
  const ready = await fetch(`${server.url}/readyz`, { headers: { connection: "close" } });
  expect(ready.status).toBe(200);
}
