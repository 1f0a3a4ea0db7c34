import type { DescEnum, DescEnumValue, DescField, DescFile, DescMessage } from "@bufbuild/protobuf";

/** What may carry a comment here. */
type Commented = DescMessage | DescField | DescEnum | DescEnumValue;

/** The numbers of the fields of FileDescriptorProto, DescriptorProto and EnumDescriptorProto that the paths of source info are made of. */
const IN_FILE = { message: 4, enum: 5 } as const;
const IN_MESSAGE = { field: 2, message: 3, enum: 4 } as const;
const IN_ENUM = { value: 2 } as const;

/** The comment of a declaration as text: paragraphs on a line each. Empty when it has none, or the server sent none. */
export function commentOf(declaration: Commented): string {
  const wanted = pathOf(declaration).join();
  const location = fileOf(declaration).proto.sourceCodeInfo?.location.find(
    ({ path, leadingComments, trailingComments }) =>
      path.join() === wanted && leadingComments + trailingComments !== "",
  );
  return flowing(location?.leadingComments || location?.trailingComments || "");
}

/** Lines of one paragraph are joined; those of a list stay apart, and what is said to tools is left out. */
function flowing(comment: string): string {
  const lines = comment
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !line.startsWith("buf:lint:"));
  return lines
    .reduce((text, line) => {
      if (line === "") return text === "" || text.endsWith("\n") ? text : `${text}\n`;
      const separate = text === "" || text.endsWith("\n");
      return `${text}${separate ? "" : /^[-*] /.test(line) ? "\n" : " "}${line}`;
    }, "")
    .trim();
}

function fileOf(declaration: Commented): DescFile {
  return declaration.kind === "field" || declaration.kind === "enum_value"
    ? declaration.parent.file
    : declaration.file;
}

/** Where a declaration stands in its file (descriptor.proto, SourceCodeInfo.Location.path). */
function pathOf(declaration: Commented): readonly number[] {
  switch (declaration.kind) {
    case "message":
    case "enum":
      return nestedPath(declaration);
    case "field": {
      const { parent, proto } = declaration;
      return [...nestedPath(parent), IN_MESSAGE.field, parent.proto.field.indexOf(proto)];
    }
    case "enum_value": {
      const { parent, proto } = declaration;
      return [...nestedPath(parent), IN_ENUM.value, parent.proto.value.indexOf(proto)];
    }
  }
}

function nestedPath(declaration: DescMessage | DescEnum): readonly number[] {
  const { parent, file } = declaration;
  const above = parent === undefined ? [] : nestedPath(parent);
  const numbers = parent === undefined ? IN_FILE : IN_MESSAGE;
  if (declaration.kind === "message") {
    const siblings = parent === undefined ? file.proto.messageType : parent.proto.nestedType;
    return [...above, numbers.message, siblings.indexOf(declaration.proto)];
  }
  const siblings = parent === undefined ? file.proto.enumType : parent.proto.enumType;
  return [...above, numbers.enum, siblings.indexOf(declaration.proto)];
}
