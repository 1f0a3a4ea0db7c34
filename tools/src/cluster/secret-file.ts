import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SECRET_BYTES = 32;

/** The file with the secret of the cluster whose data is below a directory; made once. */
export function secretIn(dataDir: string): string {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, "cluster-secret");
  if (!existsSync(path))
    writeFileSync(path, `${randomBytes(SECRET_BYTES).toString("hex")}\n`, { mode: 0o600 });
  return path;
}
