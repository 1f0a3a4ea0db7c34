import { execFileSync } from "node:child_process";
import { closeSync, cpSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Room for a log of several segments, its reserve, and snapshots of what the clients write. */
const SIZE_MIB = 320;
const PIECE = Buffer.alloc(64 * 1024, 0xa5);
const BALLAST = "ballast";

/** Whether this process may mount disks. */
export function canMount(): boolean {
  return process.platform === "linux" && process.getuid?.() === 0;
}

/** A disk of its own, in memory, that can be full. */
export class SmallDisk {
  readonly path: string;

  /** Mounts it at a path, which is made. */
  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true });
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE_MIB}m`, "tmpfs", path]);
  }

  /** Leaves no byte free. */
  fill(): void {
    const file = openSync(join(this.path, BALLAST), "a");
    try {
      for (let at = 0; at < SIZE_MIB * 1024 * 1024; at += PIECE.length) writeSync(file, PIECE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Frees what {@link fill} took. */
  relieve(): void {
    rmSync(join(this.path, BALLAST), { force: true });
  }

  /** Takes it away; what is on it stays in its place only if it is to be kept. */
  unmount({ keep }: { readonly keep: boolean }): void {
    const kept = `${this.path}.kept`;
    if (keep) cpSync(this.path, kept, { recursive: true });
    execFileSync("umount", ["-l", this.path]);
    rmSync(this.path, { recursive: true });
    if (keep) renameSync(kept, this.path);
  }
}
