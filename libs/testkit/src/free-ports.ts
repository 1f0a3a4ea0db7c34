import { createServer } from "node:net";

/** Below those that systems give to outgoing connections, which could take the port of a process while it is being started again. */
const FIRST = 12_000;
const LAST = 30_000;
const MAX_TRIES = 1_000;

/** Ports of the loopback that nobody uses now. */
export async function freePorts(
  count: number,
  random: () => number = Math.random,
): Promise<readonly number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries++) {
    if (tries === MAX_TRIES)
      throw new Error(`found only ${found.size} of ${count} free ports from ${FIRST} to ${LAST}`);
    const port = FIRST + Math.floor(random() * (LAST - FIRST));
    if (!found.has(port) && (await isFree(port))) found.add(port);
  }
  return [...found];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1" }, () => server.close(() => resolve(true)));
  });
}
