import { once } from "node:events";
import { createServer } from "node:net";

import { ListenError } from "@trellis/server";

import { HOST } from "./cluster-shape.ts";

/** Throws a ListenError when another program has one of the ports: processes that cannot listen would be started again without end. */
export async function refuseTakenPorts(
  processes: readonly { readonly name: string; readonly port: number }[],
): Promise<void> {
  const taken: string[] = [];
  for (const { name, port } of processes) if (await isTaken(port)) taken.push(`${HOST}:${port} (${name})`);
  if (taken.length === 0) return;
  const what = taken.length === 1 ? "is" : "are";
  throw new ListenError(
    `${taken.join(", ")} ${what} in use by another program; stop it first: a server of \`npm start\`, or another \`npm run cluster\``,
  );
}

async function isTaken(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, HOST);
    await once(server, "listening");
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return true;
  } finally {
    server.close();
  }
}
