import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { errorCatalogue } from "@trellis/resource";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { format, resolveConfig } from "prettier";

const PREFIX = "ERROR_REASON_";
const FILE = "trellis/resource/v1/errors.proto";
/** The place of the enum's values in their file's source info: enum 0, value N (google.protobuf.SourceCodeInfo.Location). */
const ENUM_TYPE = 5;
const ENUM_VALUE = 2;

const INTRODUCTION = `# Errors

Every error of the API carries \`google.rpc.ErrorInfo\` with \`domain\` "trellis.dev" and one of the reasons below; over plain HTTP the same
reason stands in the \`application/problem+json\` body. An error about a request's fields carries \`google.rpc.BadRequest\` with all violations at
once; one that is worth a later try carries \`google.rpc.RetryInfo\`. On a failed mutation \`metadata.applied\` says \`no\`, or \`unknown\` when the
change may have been made.

This page is made from \`proto/${FILE}\` by \`npm run generate\`.

`;

/** The text of docs/ERRORS.md: each reason with its codes, and its comment in the proto. */
export async function errorsPage(root: string): Promise<string> {
  const comments = await reasonComments(root);
  const rows = Object.entries(errorCatalogue).map(([reason, { code, httpStatus }]) => {
    const comment = comments.get(reason);
    if (comment === undefined) throw new Error(`${FILE} has no comment for ${PREFIX}${reason}`);
    return `| \`${reason}\` | \`${codeToString(code)}\` | ${httpStatus} | ${comment} |`;
  });
  for (const reason of comments.keys()) {
    if (!(reason in errorCatalogue)) throw new Error(`the error catalogue lacks ${reason} of ${FILE}`);
  }
  const table = ["| Reason | RPC code | HTTP | What it says |", "|---|---|---|---|", ...rows].join("\n");
  const options = await resolveConfig(join(root, "docs/ERRORS.md"));
  return await format(`${INTRODUCTION}${table}\n`, { ...options, parser: "markdown" });
}

async function reasonComments(root: string): Promise<ReadonlyMap<string, string>> {
  const image = fromBinary(FileDescriptorSetSchema, await readFile(join(root, "libs/protos/image.binpb")));
  const file = image.file.find(({ name }) => name === FILE);
  const values = file?.enumType[0]?.value ?? [];
  const comments = new Map<string, string>();
  for (const { path, leadingComments } of file?.sourceCodeInfo?.location ?? []) {
    const [field, , inner, index] = path;
    const value =
      path.length === 4 && field === ENUM_TYPE && inner === ENUM_VALUE ? values[index ?? -1] : undefined;
    if (value === undefined || value.number === 0) continue;
    comments.set(value.name.slice(PREFIX.length), leadingComments.trim().replaceAll(/\s*\n\s*/g, " "));
  }
  return comments;
}
