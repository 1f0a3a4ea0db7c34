/**
 * Writes third_party/proto/buf/validate/validate.proto from the descriptor inside @bufbuild/protovalidate, since no npm package ships
 * its source. Run it after that package changes: `node tools/src/vendor-validate-proto.ts`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { inRepository } from "./repository.ts";
import { printValidateProto, VALIDATE_PROTO } from "./validate-proto.ts";

const file = inRepository("third_party/proto", VALIDATE_PROTO);
await mkdir(dirname(file), { recursive: true });
await writeFile(file, printValidateProto());
