import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { clone, createRegistry, fromBinary, type JsonObject, toJson } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, it } from "@jest/globals";

import { inRepository, runCommand } from "./repository.ts";
import { printValidateProto, VALIDATE_PROTO } from "./validate-proto.ts";

describe("the vendored validate.proto", () => {
  it("is what the installed package gives", async () => {
    const committed = await readFile(inRepository("third_party/proto", VALIDATE_PROTO), "utf8");
    expect(committed).toBe(printValidateProto());
  });

  it("compiles to the descriptor inside the package", async () => {
    const folder = await mkdtemp(join(tmpdir(), "trellis-validate-"));
    try {
      const image = join(folder, "image.binpb");
      const { exitCode, output } = await runCommand("buf", [
        "build",
        "third_party/proto",
        "--path",
        `third_party/proto/${VALIDATE_PROTO}`,
        "-o",
        image,
      ]);
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: "" });
      const compiled = fromBinary(FileDescriptorSetSchema, await readFile(image)).file.find(
        ({ name }) => name === VALIDATE_PROTO,
      );
      expect(
        firstDifference(comparable(compiled), comparable(file_buf_validate_validate.proto)),
      ).toBeUndefined();
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 60_000);
});

/** The descriptor as lines of JSON, without what says nothing about the schema: source positions, JSON names, order of fields. */
function comparable(file: FileDescriptorProto | undefined): readonly string[] {
  if (file === undefined) return ["no such file"];
  const copy = clone(FileDescriptorProtoSchema, file);
  delete copy.sourceCodeInfo;
  delete copy.$unknown;
  for (const field of copy.extension) field.jsonName = "";
  for (const message of copy.messageType) {
    for (const field of message.field) field.jsonName = "";
    message.field.sort((a, b) => a.number - b.number);
  }
  const json = toJson(FileDescriptorProtoSchema, copy, {
    registry: createRegistry(file_buf_validate_validate),
  }) as JsonObject;
  // The package spells out what the compiler leaves to its default (proto2).
  delete json["syntax"];
  delete json["edition"];
  return JSON.stringify(json, undefined, 1).split("\n");
}

/** The first lines in which two texts differ, so that a failure says where in a line, not in ten thousand. */
function firstDifference(a: readonly string[], b: readonly string[]): string | undefined {
  const at = a.findIndex((line, index) => line !== b[index]);
  if (at === -1) return a.length === b.length ? undefined : `${a.length} lines, expected ${b.length}`;
  return `after ${a.slice(Math.max(0, at - 3), at).join("")}: ${a[at]}, expected ${b.slice(at, at + 3).join("")}`;
}
