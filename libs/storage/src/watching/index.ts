/** What backends have in common whose watches are cursors into commits that are kept in order. */
export { type BookmarkedWatch, BookmarkTimer } from "./bookmark-timer.ts";
export { matchesQuery, matchingEvents, typeString } from "./query-match.ts";
export type { CommitsInOrder } from "./shared-looks.ts";
export { type Sleeper, type WatchGroup, WatchHub } from "./watch-hub.ts";
