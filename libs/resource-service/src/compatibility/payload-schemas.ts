import {
  clone,
  create,
  createFileRegistry,
  type DescMessage,
  type Registry as SchemaRegistry,
} from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type { Registry } from "@trellis/registry";

import { registeredFor } from "./payload-names.ts";

/**
 * The registry's schemas, which also know payloads by their names of the reference: JSON shows a payload's fields, so whoever reads or writes it must
 * look its message up by the name that it goes by.
 */
export function schemasWithReferenceNames(registry: Registry): SchemaRegistry {
  const { schemas } = registry;
  // At most two names for each registered type.
  const renamed = new Map<string, { readonly original: DescMessage; readonly schema: DescMessage }>();
  function underReferenceName(name: string): DescMessage | undefined {
    const original = registeredFor(name, registry)?.type.schema;
    if (original === undefined) return undefined;
    const known = renamed.get(name);
    if (known?.original === original) return known.schema;
    const schema = renamedSchema(original, name);
    renamed.set(name, { original, schema });
    return schema;
  }
  const getMessage = (name: string) => schemas.getMessage(name) ?? underReferenceName(name);
  return {
    kind: "registry",
    [Symbol.iterator]: () => schemas[Symbol.iterator](),
    get: (name) => schemas.get(name) ?? underReferenceName(name),
    getMessage,
    getEnum: (name) => schemas.getEnum(name),
    getExtension: (name) => schemas.getExtension(name),
    getExtensionFor: (extendee, number) => schemas.getExtensionFor(extendee, number),
    getService: (name) => schemas.getService(name),
  };
}

/** The same message under another full name: the same fields of the same types, in a file that imports the original's. */
function renamedSchema(original: DescMessage, name: string): DescMessage {
  const { file } = original;
  const dot = name.lastIndexOf(".");
  const message = clone(DescriptorProtoSchema, original.proto);
  message.name = name.slice(dot + 1);
  renameReferences(message, `.${original.typeName}`, `.${name}`);
  const proto = create(FileDescriptorProtoSchema, {
    name: `${name.replaceAll(".", "/")}.proto`,
    package: name.slice(0, dot),
    syntax: file.proto.syntax,
    edition: file.proto.edition,
    ...(file.proto.options === undefined ? {} : { options: file.proto.options }),
    dependency: [file.proto.name, ...file.dependencies.map((dependency) => dependency.proto.name)],
    messageType: [message],
  });
  const schema = createFileRegistry(proto, (path) =>
    [file, ...file.dependencies].find((dependency) => dependency.proto.name === path),
  ).getMessage(name);
  if (schema === undefined) throw new Error(`${original.typeName} was not described as ${name}`);
  return schema;
}

/** Makes a message's references to itself, and to what is declared in it, those to its copy. */
function renameReferences(message: DescriptorProto, from: string, to: string): void {
  for (const field of [...message.field, ...message.extension])
    if (field.typeName === from || field.typeName.startsWith(`${from}.`))
      field.typeName = to + field.typeName.slice(from.length);
  for (const nested of message.nestedType) renameReferences(nested, from, to);
}
