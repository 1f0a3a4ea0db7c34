import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The two ends of a TCP connection over the loopback, as the side that opened it has them. */
export interface Ends {
  readonly from: number;
  readonly to: number;
}

/**
 * Which of some processes opened a connection; undefined when none of them did, or has ended since. Linux tells the inode of each socket by its
 * ports, and the sockets of each process by their inodes (proc_net_tcp, proc(5)).
 */
export function whoConnects({ from, to }: Ends, pids: readonly number[]): number | undefined {
  const inode = inodeOf(readFileSync("/proc/net/tcp", "utf8"), { from, to });
  return inode === undefined ? undefined : pids.find((pid) => hasOpen(pid, `socket:[${inode}]`));
}

/** Local and remote address, and the inode, of a line: the second, third and tenth column. */
const LINE = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4})(?: +\S+){6} +(\d+)/;

/** The inode of the socket with these ports in a table of sockets. */
export function inodeOf(table: string, { from, to }: Ends): string | undefined {
  for (const line of table.split("\n")) {
    const [, local = "", remote = "", inode] = LINE.exec(line) ?? [];
    if (Number.parseInt(local, 16) === from && Number.parseInt(remote, 16) === to) return inode;
  }
  return undefined;
}

function hasOpen(pid: number, what: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((descriptor) => isLinkTo(pid, descriptor, what));
  } catch {
    return false; // It has ended.
  }
}

function isLinkTo(pid: number, descriptor: string, what: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`) === what;
  } catch {
    return false; // Closed between the listing and the look.
  }
}
