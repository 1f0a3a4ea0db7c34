const named: Readonly<Record<string, string>> = {
  '"': '\\"',
  "\\": "\\\\",
  "\u0007": "\\a",
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\v": "\\v",
};

/** Bytes as a double-quoted text; what cannot be printed is escaped, so that no two byte strings look the same. */
export function quote(bytes: Uint8Array): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return `"${[...bytes].map(quoteByte).join("")}"`;
  }
  return `"${text.replace(/./gsu, quoteCharacter)}"`;
}

function quoteByte(byte: number): string {
  return byte < 0x80 ? quoteCharacter(String.fromCharCode(byte)) : `\\x${hex(byte, 2)}`;
}

function quoteCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const escape = named[character];
  if (escape !== undefined) return escape;
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
  if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(character)) return character;
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}
