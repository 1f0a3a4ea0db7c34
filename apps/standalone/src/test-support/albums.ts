/** What a server answered: the status, what it says of its store, and the body. */
export interface Answer {
  readonly status: number;
  /** The id of the store, and its version. */
  readonly store: string;
  readonly version: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A point of a store's history that a client has seen, and goes on from. */
export interface Mark {
  readonly store: string;
  readonly version: string;
}

const PATH = "/api/demo/v2/album";

/** The albums of a server, over plain HTTP. */
export function albumsAt(url: string) {
  const call = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(`${url}${PATH}${path}`, init);
    const text = await response.text();
    return {
      status: response.status,
      store: response.headers.get("trellis-store") ?? "",
      version: response.headers.get("trellis-version") ?? "",
      body: (text === "" ? {} : JSON.parse(text)) as Readonly<Record<string, unknown>>,
    };
  };
  return {
    /** Writes an album; over this version of it only, where one is given. */
    put: (name: string, title: string, version?: string) =>
      call(`/${name}`, {
        method: "PUT",
        headers: {
          "content-type": "application/json",
          ...(version === undefined ? {} : { "if-match": `"${version}"` }),
        },
        body: JSON.stringify({ data: { title } }),
      }),
    delete: (name: string) => call(`/${name}`, { method: "DELETE" }),
    read: (name: string) => call(`/${name}`),
    names: async () =>
      ((await call("")).body["resources"] as readonly { readonly id: { readonly name: string } }[]).map(
        ({ id }) => id.name,
      ),
    /** Reads as one who has seen this much, and will not see less. */
    readSince: (name: string, { store, version }: Mark) =>
      call(`/${name}`, { headers: { "trellis-store": store, "trellis-min-version": version } }),
    /** Goes on with a watch from there: the refusal, or the first events, until the stream has reached the present. */
    async watchSince({
      store,
      version,
    }: Mark): Promise<{ status: number; lines: readonly Record<string, unknown>[] }> {
      const stop = new AbortController();
      const response = await fetch(`${url}${PATH}?watch&since=${version}`, {
        headers: { "trellis-store": store },
        signal: stop.signal,
      });
      let text = "";
      const decoder = new TextDecoder();
      for await (const piece of response.body ?? []) {
        text += decoder.decode(piece as Uint8Array, { stream: true });
        if (response.ok && text.includes("endOfSnapshot")) break;
      }
      stop.abort();
      const lines = text.split("\n").filter((line) => line !== "");
      return {
        status: response.status,
        lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
      };
    },
  };
}
