import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { inRepository } from "../../repository.ts";
import { allChecks } from "../all-checks.ts";
import type { CheckResult } from "../check.ts";

/** What every check needs, and as little else as can be. */
const COPIED = [
  ".oxlintrc.json",
  ".prettierignore",
  ".prettierrc.json",
  "buf.gen.yaml",
  "buf.yaml",
  "docs/ERRORS.md",
  "examples/hello-controller",
  "libs/protos/image.binpb",
  "libs/protos/package.json",
  "libs/protos/src",
  "package.json",
  "proto",
  "third_party/proto",
  "tsconfig.json",
];

/** A small checkout of its own, for a test to spoil. */
export interface Checkout {
  readonly root: string;
  write(path: string, text: string): void;
  /** Runs the one check of that name. */
  check(name: string): Promise<CheckResult>;
  remove(): void;
}

/** Makes a checkout that passes every check but the tests, which it has none of. */
export function createCheckout(): Checkout {
  const root = mkdtempSync(join(tmpdir(), "trellis-checkout-"));
  for (const path of COPIED) {
    if (existsSync(inRepository(path)))
      cpSync(inRepository(path), join(root, path), { recursive: true, filter: isNeeded });
  }
  mkdirSync(join(root, "apps"));
  symlinkSync(inRepository("node_modules"), join(root, "node_modules"));
  return {
    root,
    write(path, text) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    },
    async check(name) {
      const check = allChecks(root).find((one) => one.name === name);
      if (check === undefined) throw new Error(`there is no check "${name}"`);
      return await check.run(() => undefined);
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Generated code has its place in the example; the rest of it would draw in the sources of all libs. */
function isNeeded(path: string): boolean {
  return !/hello-controller\/[^/]*\.ts$/.test(path);
}
