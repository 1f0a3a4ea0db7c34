/** The longest name of a resource, a partition or a namespace (RFC 1123 label). */
export const MAX_NAME_LENGTH = 63;

/** 1 to 63 lower-case letters, digits and dashes, with a letter or digit at both ends. */
export const NAME_PATTERN = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether a text may name a resource, a partition or a namespace. */
export function isResourceName(text: string): boolean {
  return NAME_PATTERN.test(text);
}
