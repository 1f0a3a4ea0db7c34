import { join } from "node:path";

/** The checkout's root folder. */
export const repositoryRoot = join(import.meta.dirname, "../../../..");
