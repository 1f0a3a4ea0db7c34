/** The largest manifest file, in bytes. */
export const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** The most files that one command reads. */
export const MAX_FILES = 10_000;
/** The most resources that one file may hold. */
export const MAX_DOCUMENTS = 10_000;
/** How often one document may come back to its anchors, what these contain counted in: more is an attack, not a manifest. */
export const MAX_ALIASES = 1_000;
/** The deepest folder below the one given. */
export const MAX_FOLDER_DEPTH = 16;
/** The deepest value inside a manifest. */
export const MAX_NESTING = 100;
