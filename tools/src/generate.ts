/**
 * Regenerates what is derived from the .proto sources: TypeScript code; the descriptor image with comments, which `GetSchema`
 * and OpenAPI read (generated code carries none); and the page of error reasons.
 */
import { generateCode } from "./checks/generated-code.ts";
import { writeErrorsPage } from "./checks/errors-page.ts";
import { repositoryRoot } from "./repository.ts";

await generateCode(repositoryRoot);
await writeErrorsPage(repositoryRoot);
