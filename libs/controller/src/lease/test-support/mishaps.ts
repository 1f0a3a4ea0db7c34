import { CONTROLLER_LEASES, Lease } from "../lease.ts";
import type { LeaseWorld, Process } from "./lease-world.ts";

/** What happens to a process, or to its network. */
export const MISHAPS = [
  "pause",
  "resume",
  "cut",
  "mend",
  "hold requests",
  "hold messages",
  "let requests go",
  "let go",
  "lose an answer",
  "slow answers",
  "fast answers",
  "jump",
] as const;

/** What people do to leases, by hand. */
export const DEEDS = ["delete a lease", "delete members", "write on a lease"] as const;

export function befall({ clock, network }: Process, mishap: (typeof MISHAPS)[number]): void {
  switch (mishap) {
    case "pause":
      return clock.pause();
    case "resume":
      return clock.resume();
    case "cut":
      network.cut = true;
      return undefined;
    case "mend":
      network.cut = false;
      return undefined;
    case "hold requests":
      return network.holdRequests();
    case "hold messages":
      return network.holdMessages();
    case "let requests go":
      return network.letRequestsGo();
    case "let go":
      return network.letGo();
    case "lose an answer":
      network.lose.push("Write", "WriteStatus");
      return undefined;
    case "slow answers":
      network.answerMs = 2_500;
      return undefined;
    case "fast answers":
      network.answerMs = 0;
      return undefined;
    case "jump":
      clock.wallOffMs += 3_600_000;
  }
}

/** Everything is well again with a process. */
export function heal(process: Process): void {
  for (const good of ["resume", "mend", "let go", "fast answers"] as const) befall(process, good);
  process.network.lose.splice(0);
}

/** Does to leases what nobody should. */
export async function meddle(world: LeaseWorld, deed: (typeof DEEDS)[number], name = "a"): Promise<void> {
  const { client } = world;
  const lease = { name: CONTROLLER_LEASES + name };
  switch (deed) {
    case "delete a lease":
      await client.delete(Lease, lease);
      return;
    case "delete members":
      for (const { id } of (await world.members()).values()) await client.delete(Lease, { name: id.name });
      return;
    case "write on a lease": {
      const stored = await client.find(Lease, lease);
      if (stored === undefined) return;
      const { data, version, metadata } = stored;
      const more = { ...metadata, n: String(Number(metadata.n ?? 0) + 1) };
      await client.write(Lease, { ...lease, data, version, metadata: more }).catch(() => undefined);
    }
  }
}
