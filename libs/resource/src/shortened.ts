/**
 * A text of at most about `max` UTF-16 code units: what is too long loses its middle. Errors quote what a caller sent, with what was expected before
 * it and what to do behind it.
 */
export function shortened(text: string, max: number): string {
  if (text.length <= max) return text;
  const half = Math.floor(max / 2);
  const head = text.slice(0, half);
  const tail = text.slice(-half);
  const left = (text.length - 2 * half).toLocaleString("en");
  return `${head} … (${left} characters left out) … ${tail}`.toWellFormed();
}
