/** Makes a text safe for one line of a terminal: control characters, which could move the cursor or ring the bell, are shown as `�`. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/\s*\n\s*/g, " ").replaceAll(/[\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/g, "�");
}
