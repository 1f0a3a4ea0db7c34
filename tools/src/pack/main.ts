/** `npm run pack`: builds the published packages into tarballs, in `dist/packages` or in `--out DIR`. */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

import { inRepository } from "../repository.ts";
import { packAll } from "./build.ts";

const { values } = parseArgs({ options: { out: { type: "string" } } });
const out = values.out === undefined ? inRepository("dist/packages") : resolve(values.out);
const work = await mkdtemp(join(tmpdir(), "trellis-pack-"));
try {
  const tarballs = await packAll(work, out);
  for (const tarball of tarballs) {
    const { size } = await stat(tarball);
    console.log(`${basename(tarball).padEnd(36)} ${String(Math.ceil(size / 1024)).padStart(5)} KiB`);
  }
  console.log(`\ninstall them with: npm install ${relative(process.cwd(), out) || "."}/*.tgz`);
} finally {
  await rm(work, { recursive: true, force: true });
}
