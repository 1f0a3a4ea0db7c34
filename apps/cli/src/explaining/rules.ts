import {
  type DescExtension,
  type DescField,
  type DescMessage,
  getOption,
  isMessage,
  type JsonValue,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";

/** The rules of protovalidate that a field states, each in words; rules that have no words are left out. */
export function fieldRules(field: DescField, registry: Registry): readonly string[] {
  const rules = optionOf(field, "buf.validate.field", registry);
  return rules === undefined ? [] : fieldRuleTexts(rules);
}

/** The rules of protovalidate that a message states over its fields. */
export function messageRules(message: DescMessage, registry: Registry): readonly string[] {
  const rules = optionOf(message, "buf.validate.message", registry);
  if (rules === undefined) return [];
  const oneofs = listOf(rules["oneof"]).filter(isMap);
  return [
    ...celTexts(rules),
    ...oneofs.map(({ fields, required }) =>
      required === true ? `exactly one of ${wordsOf(fields)}` : `at most one of ${wordsOf(fields)}`,
    ),
  ];
}

type JsonMap = { readonly [name: string]: JsonValue };

/** An option of the server's own schema as JSON: the extension is found among its files, if it has it. */
function optionOf(
  declaration: DescField | DescMessage,
  name: string,
  registry: Registry,
): JsonMap | undefined {
  const extension: DescExtension | undefined = registry.getExtension(name);
  if (extension?.message === undefined) return undefined;
  try {
    const value: unknown = getOption(declaration, extension);
    if (!isMessage(value)) return undefined;
    const json = toJson(extension.message, value, { registry });
    return isMap(json) && Object.keys(json).length > 0 ? json : undefined;
  } catch {
    // Options that cannot be read are no reason to explain nothing.
    return undefined;
  }
}

/** The same from the rules as JSON. */
export function fieldRuleTexts(rules: JsonMap): readonly string[] {
  const typed = Object.entries(rules).filter(([name, value]) => isMap(value) && !NOT_TYPED.has(name));
  return [
    ...(rules["required"] === true ? ["required"] : []),
    ...typed.flatMap(([, value]) => (isMap(value) ? typedTexts(value) : [])),
    ...celTexts(rules),
  ];
}

const NOT_TYPED = new Set(["cel", "celExpression", "required", "ignore"]);

function typedTexts(rules: JsonMap): readonly string[] {
  const { gte, lte, ...rest } = rules;
  if (gte !== undefined && lte !== undefined)
    return [`from ${valueText(gte)} to ${valueText(lte)}`, ...typedTexts(rest)];
  return Object.entries(rules).flatMap(([name, value]) => {
    const each = EACH[name];
    if (each !== undefined && isMap(value)) return fieldRuleTexts(value).map((text) => `${each} ${text}`);
    const words = WORDS[name];
    if (words === undefined || value === false) return [];
    return [(isOne(value) && ONE[name]) || words.replace("*", () => wordsOf(value))];
  });
}

const EACH: Readonly<Record<string, string>> = {
  items: "each:",
  keys: "each key:",
  values: "each value:",
};

/** Rules by their names in JSON; `*` stands for the value. */
const WORDS: Readonly<Record<string, string>> = {
  const: "exactly *",
  in: "one of *",
  notIn: "none of *",
  lt: "less than *",
  lte: "at most *",
  gt: "more than *",
  gte: "at least *",
  finite: "finite",
  len: "exactly * characters",
  minLen: "at least * characters",
  maxLen: "at most * characters",
  lenBytes: "exactly * bytes",
  minBytes: "at least * bytes",
  maxBytes: "at most * bytes",
  pattern: "matches *",
  prefix: "begins with *",
  suffix: "ends with *",
  contains: "contains *",
  notContains: "does not contain *",
  email: "an e-mail address",
  hostname: "a host name",
  ip: "an IP address",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
  uri: "a URI",
  uriRef: "a URI or a part of one",
  address: "a host name or an IP address",
  uuid: "a UUID",
  ulid: "a ULID",
  ipPrefix: "an IP prefix",
  ipv4Prefix: "an IPv4 prefix",
  ipv6Prefix: "an IPv6 prefix",
  ipWithPrefixlen: "an IP address with the length of its prefix",
  hostAndPort: "a host and a port",
  definedOnly: "one of the named values",
  minItems: "at least * items",
  maxItems: "at most * items",
  unique: "no item twice",
  minPairs: "at least * entries",
  maxPairs: "at most * entries",
  ltNow: "in the past",
  gtNow: "in the future",
  within: "within * of now",
};

/** The words where the value is one. */
const ONE: Readonly<Record<string, string>> = {
  len: "exactly one character",
  minLen: "not empty",
  maxLen: "at most one character",
  minBytes: "not empty",
  maxBytes: "at most one byte",
  minItems: "at least one item",
  maxItems: "at most one item",
  minPairs: "at least one entry",
  maxPairs: "at most one entry",
};

/** 64-bit numbers are strings in JSON. */
function isOne(value: JsonValue): boolean {
  return value === 1 || value === "1";
}

function celTexts(rules: JsonMap): readonly string[] {
  const told = listOf(rules["cel"])
    .filter(isMap)
    .map(({ message, expression }) => message ?? expression);
  return [...told, ...listOf(rules["celExpression"])].filter((text) => typeof text === "string");
}

function wordsOf(value: JsonValue | undefined): string {
  return Array.isArray(value) ? value.map(valueText).join(", ") : valueText(value ?? "");
}

function valueText(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}

function isMap(value: JsonValue | undefined): value is { [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
