import { join } from "node:path";

/** The checkout's root folder. */
export const repositoryRoot = join(import.meta.dirname, "../../../..");

/** This process's environment without what is meant for the test runner or would configure the program. */
export function programEnvironment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(TRELLIS_(?!TOOLS)|NODE_OPTIONS$)/.test(name),
  );
  return { ...Object.fromEntries(inherited), ...more };
}
