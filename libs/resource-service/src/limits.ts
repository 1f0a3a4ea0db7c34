/** Bytes of one encoded resource, without its statuses and the mark of its deletion. */
export const MAX_RESOURCE_BYTES = 1024 * 1024;
/** Bytes that the mark of a deletion may add to those: who fills a resource must still be able to delete it. */
export const MAX_MARK_BYTES = 64;
/** Entries of a resource's metadata, without the reserved keys. */
export const MAX_METADATA_ENTRIES = 256;
/** Bytes (UTF-8) of all keys and values of a resource's metadata, without the reserved keys. */
export const MAX_METADATA_BYTES = 64 * 1024;
/** Bytes (UTF-8) of the reserved keys and their values, as a caller may send them. More may be sent only if it is stored already. */
export const MAX_FINALIZER_BYTES = 4 * 1024;
/** Bytes by which a mutate hook may exceed that: a caller at its limit does not fail for a finalizer of the system. */
export const MAX_HOOK_FINALIZER_BYTES = 1024;
/** Status keys of one resource. */
export const MAX_STATUSES = 64;
/** Bytes of all encoded statuses of one resource, beside those of the resource: who fills it leaves controllers their room. */
export const MAX_STATUS_BYTES = 256 * 1024;
/** Conditions of one status. */
export const MAX_CONDITIONS = 128;
/** Characters of a status key. */
export const MAX_STATUS_KEY_LENGTH = 256;
/** Preconditions of one request, those of its operations together. */
export const MAX_PRECONDITIONS = 256;
/** Violations that one error carries; what is beyond is counted, not listed. */
export const MAX_VIOLATIONS = 100;
/** Violations that an error's message spells out. */
export const MAX_VIOLATIONS_IN_MESSAGE = 5;

/** Resources on a page when the client leaves it to the server. */
export const DEFAULT_PAGE_SIZE = 1_000;
/** Resources on a page at most, whatever the client asks. A page is encoded in one go, which holds up everybody else. */
export const MAX_PAGE_SIZE = 4_000;
/** Bytes of the resources on a page: the default receive limit of gRPC clients is 4 MiB. */
export const MAX_PAGE_BYTES = 3 * 1024 * 1024;
/** Records read for one page, so that a rare match cannot make a list run without end. The page is then short. */
export const MAX_SCANNED_PER_PAGE = 20_000;
/** Records that one question to storage brings, which are decoded in one go: some two milliseconds of work. */
export const SCAN_CHUNK = 256;

/** How long a call without a deadline may take, in milliseconds. */
export const DEFAULT_DEADLINE_MS = 30_000;
/** How long any unary call may take, in milliseconds. */
export const MAX_DEADLINE_MS = 300_000;

/** The first bound of the random wait between two attempts of a write, in milliseconds. It doubles with each attempt. */
export const FIRST_BACKOFF_MS = 2;
/** The largest bound of that wait, in milliseconds. */
export const MAX_BACKOFF_MS = 250;

/** Silence after which a watch that asked for bookmarks gets one, in milliseconds. */
export const BOOKMARK_INTERVAL_MS = 10_000;
/** Open watches of one service: ten thousand clients, and the controllers beside them. */
export const MAX_WATCHES = 16_384;
/** When to come back after a limit or an outage, in milliseconds. */
export const RETRY_AFTER_MS = 1_000;

/** Operations of a batch that run at the same time, when it is alone. */
export const BATCH_CONCURRENCY = 32;
/** However many batches there are, so many operations of each run at the same time. */
export const LEAST_BATCH_CONCURRENCY = 4;
/** Operations of all batches that run at the same time, about: what more there are would only wait for each other, and keep what they work with alive meanwhile. */
export const BATCH_OPERATIONS = 256;
