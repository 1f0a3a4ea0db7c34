/** Fewer bytes are done before anybody would look at a bar. */
export const BAR_BYTES = 4 * 1024 * 1024;

const MEBIBYTE = 1024 * 1024;

/** An amount of bytes beside a bar. */
export function bytesText(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}
