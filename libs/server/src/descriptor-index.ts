import {
  type DescExtension,
  type DescFile,
  type DescService,
  type Registry as SchemaRegistry,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";

/** Finds proto files for reflection: those of the services, and those of the payload types, which may grow at run time. */
export interface DescriptorIndex {
  readonly services: readonly string[];
  /** The file with that path (`acme/shop/v1/order.proto`). */
  fileNamed(name: string): DescFile | undefined;
  /** The file that declares a message, enum, service, extension, method, field, oneof or enum value of that full name. */
  fileOf(symbol: string): DescFile | undefined;
  /** The extension of a message with that field number. */
  extension(extendee: string, number: number): DescExtension | undefined;
  /** The numbers of all extensions of a message; undefined when no file declares the message. */
  extensionNumbers(extendee: string): readonly number[] | undefined;
}

/** Serialized `google.protobuf.FileDescriptorProto` of a file and everything that it imports, the file itself first. */
export function fileWithDependencies(file: DescFile): readonly Uint8Array[] {
  return [...closure([file]).values()].map((one) => toBinary(FileDescriptorProtoSchema, one.proto));
}

/** Makes the index. Lookups of what is not known yet read the registry again, so that types registered later are found. */
export function createDescriptorIndex(
  services: readonly DescService[],
  schemas: SchemaRegistry,
): DescriptorIndex {
  const files = closure(services.map((service) => service.file));
  const symbols = new Map<string, DescFile>();
  const extensions = new Map<string, Map<number, DescExtension>>();
  const indexed = new Set<string>();

  function refresh(): void {
    for (const { file } of schemas) {
      if (files.has(fileName(file))) continue;
      for (const [name, found] of closure([file])) if (!files.has(name)) files.set(name, found);
    }
    for (const file of files.values()) {
      if (indexed.has(fileName(file))) continue;
      indexed.add(fileName(file));
      for (const symbol of symbolsOf(file)) symbols.set(symbol, file);
      for (const extension of extensionsOf(file)) {
        const numbers = extensions.get(extension.extendee.typeName) ?? new Map<number, DescExtension>();
        extensions.set(extension.extendee.typeName, numbers.set(extension.number, extension));
      }
    }
  }
  function find<T>(look: () => T | undefined): T | undefined {
    const found = look();
    if (found !== undefined) return found;
    refresh();
    return look();
  }

  return {
    services: services.map((service) => service.typeName).toSorted(),
    fileNamed: (name) => find(() => files.get(name)),
    fileOf: (symbol) => find(() => symbols.get(symbol.replace(/^\./, ""))),
    extension: (extendee, number) => find(() => extensions.get(extendee)?.get(number)),
    extensionNumbers(extendee) {
      refresh();
      const numbers = extensions.get(extendee);
      if (numbers !== undefined) return [...numbers.keys()];
      return symbols.has(extendee) ? [] : undefined;
    },
  };
}

function closure(roots: readonly DescFile[]): Map<string, DescFile> {
  const found = new Map<string, DescFile>();
  const visit = (file: DescFile): void => {
    if (found.has(fileName(file))) return;
    found.set(fileName(file), file);
    file.dependencies.forEach(visit);
  };
  roots.forEach(visit);
  return found;
}

/** `DescFile.name` lacks the ending that importers use. */
function fileName(file: DescFile): string {
  return file.proto.name;
}

function* symbolsOf(file: DescFile): Generator<string> {
  for (const service of file.services) {
    yield service.typeName;
    for (const method of service.methods) yield `${service.typeName}.${method.name}`;
  }
  for (const extension of file.extensions) yield extension.typeName;
  const messages = [...file.messages];
  for (let message = messages.pop(); message !== undefined; message = messages.pop()) {
    yield message.typeName;
    for (const member of [...message.fields, ...message.oneofs]) yield `${message.typeName}.${member.name}`;
    for (const extension of message.nestedExtensions) yield extension.typeName;
    for (const nested of message.nestedEnums) yield* enumSymbols(nested);
    messages.push(...message.nestedMessages);
  }
  for (const one of file.enums) yield* enumSymbols(one);
}

/** The values of an enum are siblings of the enum, as in C. */
function* enumSymbols(desc: DescFile["enums"][number]): Generator<string> {
  yield desc.typeName;
  const scope = desc.typeName.slice(0, desc.typeName.lastIndexOf(".") + 1);
  for (const value of desc.values) yield `${scope}${value.name}`;
}

function* extensionsOf(file: DescFile): Generator<DescExtension> {
  yield* file.extensions;
  const messages = [...file.messages];
  for (let message = messages.pop(); message !== undefined; message = messages.pop()) {
    yield* message.nestedExtensions;
    messages.push(...message.nestedMessages);
  }
}
