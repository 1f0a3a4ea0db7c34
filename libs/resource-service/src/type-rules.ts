import { type DescMessage, hasOption } from "@bufbuild/protobuf";
import { usedTypes } from "@bufbuild/protobuf/reflect";
import { field, message, oneof } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

const known = new WeakMap<DescMessage, boolean>();

/** Whether a message has protovalidate rules, or one within it; what has none is not validated, and so need not be decoded. */
export function hasRules(schema: DescMessage): boolean {
  let found = known.get(schema);
  if (found === undefined) {
    found =
      isRuled(schema) || [...usedTypes(schema)].some((type) => type.kind === "message" && isRuled(type));
    known.set(schema, found);
  }
  return found;
}

function isRuled(schema: DescMessage): boolean {
  return (
    hasOption(schema, message) ||
    schema.fields.some((member) => hasOption(member, field)) ||
    schema.oneofs.some((member) => hasOption(member, oneof))
  );
}
