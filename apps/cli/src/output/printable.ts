/** Makes a text safe for one line of a terminal: control characters, which could move the cursor or ring the bell, are shown as `�`. */
export function printable(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, " ").replaceAll(/[\p{Cc}\u202A-\u202E\u2066-\u2069]/gu, "�");
}
