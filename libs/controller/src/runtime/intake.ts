import type { Clock, Random, ResourceType } from "@trellis/resource";

import type { Cache } from "../cache.ts";
import { changePasses } from "../changed.ts";
import { watchesOf } from "../check-controller.ts";
import type { ByReader, Request, WatchDefinition } from "../controller.ts";
import type { AnyController } from "../define.ts";
import type { ControllerLog } from "../log.ts";
import { byOwner } from "../mappers.ts";
import type { Informer } from "./informer.ts";
import { changedByOthers } from "./own-changes.ts";
import type { ReaderEdges } from "./reader-edges.ts";
import { keyOf } from "./request-key.ts";
import { signatureOf } from "./run-context.ts";
import { nameIn } from "./scoped-cache.ts";
import { SourceFeed } from "./source-feed.ts";
import type { CacheChange } from "./type-cache.ts";
import { type MappedWatch, WatchMapping } from "./watch-mapping.ts";
import type { Priority } from "./work-queue.ts";

/** What the intake of a controller runs on. */
export interface IntakeDeps {
  readonly definition: AnyController;
  readonly informers: ReadonlyMap<string, Informer>;
  readonly cache: Cache;
  readonly edges: ReaderEdges;
  readonly clock: Clock;
  readonly random: Random;
  /** Names the controller. */
  readonly log: ControllerLog;
  /** Takes a name that is to run. `version` is that of the change that is the reason, where there is one. */
  readonly add: (key: string, priority: Priority, version?: string) => void;
  /** Told of the version of each change before it is mapped. */
  readonly mapping: (version: string | undefined) => void;
  /** Told of each failure of a mapper, a filter or a source. */
  readonly failed: (error: unknown) => void;
}

/** Turns what happens into names to run: changes of the managed resources, of what they own, of what is watched or was looked at, and events from outside. */
export class Intake {
  readonly #deps: IntakeDeps;
  readonly #mappings: readonly WatchMapping[];
  readonly #feeds: readonly SourceFeed[];
  readonly #unsubscribe: (() => void)[] = [];

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
    const { definition } = deps;
    const owned = (definition.owns ?? []).map((type: MappedWatch["type"]) => ({ type, map: byOwner() }));
    const mapped = watchesOf(definition).filter((watch) => !isByReader(watch)) as readonly MappedWatch[];
    this.#mappings = [...owned, ...mapped].map((watch) => this.#mappingOf(watch));
    this.#feeds = (definition.sources ?? []).map((source) => this.#feedOf(source));
  }

  /** Changes and events whose names are not known yet. */
  get pending(): number {
    return [...this.#mappings, ...this.#feeds].reduce((sum, { pending }) => sum + pending, 0);
  }

  /** Takes everything that is there, and from now on what changes. */
  start(): void {
    const { definition } = this.#deps;
    this.#listen(definition.type.gvk, this.#managedListener());
    // Of what it owns, a run looks at names that something else has, and that may become free.
    for (const type of this.#ownedUnread())
      this.#listen(type.gvk, (change) => this.#addReaders({ type }, change));
    for (const mapping of this.#mappings)
      this.#listen(mapping.watch.type.gvk, (change) => {
        this.#deps.mapping(change.next?.version);
        mapping.changed(change);
      });
    for (const watch of watchesOf(definition))
      if (isByReader(watch)) this.#listen(watch.type.gvk, (change) => this.#addReaders(watch, change));
    this.addAll();
    for (const feed of this.#feeds) feed.start();
  }

  /** Everything that is managed, and everything that what is watched maps to, be it there or not. */
  addAll(): void {
    const { definition, add } = this.#deps;
    for (const key of this.#informer(definition.type.gvk).cache.keys()) add(key, "start");
    for (const mapping of this.#mappings) mapping.changedAll(this.#informer(mapping.watch.type.gvk).cache);
  }

  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    for (const mapping of this.#mappings) mapping.stop();
    await Promise.all(this.#feeds.map((feed) => feed.stop()));
  }

  /** The owned types whose readers it is not told of as a watch. */
  #ownedUnread(): readonly ResourceType[] {
    const { definition } = this.#deps;
    const read = new Set(
      watchesOf(definition)
        .filter(isByReader)
        .map(({ type }) => type.gvk),
    );
    return ((definition.owns ?? []) as readonly ResourceType[]).filter(({ gvk }) => !read.has(gvk));
  }

  #managedListener(): (change: CacheChange) => void {
    const { definition, add } = this.#deps;
    const byOthers = changedByOthers(signatureOf(definition));
    return (change) => {
      if (!changePasses(byOthers, change, this.#filterFailed)) return;
      if (changePasses(definition.when, change, this.#filterFailed))
        add(change.key, "change", change.next?.version);
    };
  }

  #addReaders({ type, when }: Pick<WatchDefinition, "type" | "when">, change: CacheChange): void {
    if (!changePasses(when, change, this.#filterFailed)) return;
    const own = type.gvk === this.#deps.definition.type.gvk ? change.key : undefined;
    // A name that looked at itself runs as the changes of managed resources have it run.
    for (const key of this.#deps.edges.concernedBy(type.gvk, change))
      if (key !== own) this.#deps.add(key, "dependency", change.next?.version);
  }

  readonly #filterFailed = (error: unknown): void => {
    this.#deps.failed(error);
    this.#deps.log.warn({ err: error }, "a filter failed; the change counts");
  };

  #mappingOf(watch: MappedWatch): WatchMapping {
    const { definition, cache, clock, random, log, failed } = this.#deps;
    return new WatchMapping(watch, {
      controller: definition,
      cache,
      clock,
      random,
      log,
      enqueue: (requests, priority) => this.#add(requests, priority, { watched: watch.type.gvk }),
      enqueueAll: () => this.addAll(),
      failed,
    });
  }

  #feedOf(source: SourceFeed["source"]): SourceFeed {
    const { definition, cache, clock, random, log, failed } = this.#deps;
    return new SourceFeed(source, {
      managed: definition.type,
      cache,
      clock,
      random,
      log,
      enqueue: (requests, priority) => this.#add(requests, priority, { source: source.name }),
      enqueueAll: () => this.addAll(),
      failed,
    });
  }

  #add(requests: readonly Request[], priority: Priority, from: object): void {
    // What a resource was and what it is mostly concern the same names: each is added once.
    const keys = new Set<string>();
    for (const request of requests) {
      const { partition, namespace, name } = (request ?? {}) as Partial<Request>;
      const isWhole = [partition, namespace, name].every((part) => typeof part === "string") && name !== "";
      if (isWhole) keys.add(keyOf(nameIn(this.#deps.definition.type as ResourceType, request)));
      else {
        const message = "a mapper returned something that is no request; expected requestOf(id)";
        this.#deps.log.error({ ...from, request }, message);
      }
    }
    for (const key of keys) this.#deps.add(key, priority);
  }

  #listen(gvk: string, listener: (change: CacheChange) => void): void {
    this.#unsubscribe.push(this.#informer(gvk).subscribe(listener));
  }

  #informer(gvk: string): Informer {
    const informer = this.#deps.informers.get(gvk);
    if (informer === undefined) throw new Error(`no informer for ${gvk}`);
    return informer;
  }
}

function isByReader({ map }: WatchDefinition): boolean {
  return typeof map !== "function" && (map as ByReader).kind === "byReader";
}
