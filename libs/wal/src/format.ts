/** The version of the format on disk that this package writes, and the only one that it reads. docs/WAL-FORMAT.md describes it. */
export const FORMAT_VERSION = 1;
/** A segment begins with one page that holds its header; its first record follows. */
export const HEADER_BLOCK_BYTES = 4096;
/** The largest segment and the largest record of the format, in bytes on disk, whatever the limits are set to. */
export const MAX_SEGMENT_BYTES = 256 * 1024 * 1024;
export const MAX_RECORD_BYTES = 64 * 1024 * 1024;
