import { HiveClient } from "@hive-registry/client";
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";

const TOKEN_KEY = "hive.token";

/** Why the page asks for a token: it has none, or the queen refused the one that it sent. */
export type TokenWanted = "missing" | "refused";

/** What the browser keeps for a page: the shape of `sessionStorage`. */
export type Store = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/**
 * Who speaks to the queen: one client for the page's own origin, with the token that the person gave. Any answer 401 makes
 * `tokenWanted` say so; a token that is given makes a new client.
 */
export class Session {
  readonly baseUrl: string;
  readonly token: Signal<string | undefined>;
  readonly tokenWanted: Signal<TokenWanted | undefined> = signal(undefined);
  readonly client: ReadonlySignal<HiveClient>;
  readonly #stores: { readonly tab: Store; readonly device: Store };

  constructor(baseUrl: string, stores: { readonly tab: Store; readonly device: Store }) {
    this.baseUrl = baseUrl;
    this.#stores = stores;
    this.token = signal(read(stores.tab) ?? read(stores.device));
    this.client = computed(() => new HiveClient({ baseUrl, token: this.token.value, fetch: this.fetch }));
  }

  /** As `fetch`, and notices a 401. */
  readonly fetch = async (url: string, init?: RequestInit): Promise<Response> => {
    const sent = this.token.peek();
    const response = await globalThis.fetch(url, init);
    // The answer to a token that was replaced meanwhile says nothing about the new one.
    if (response.status === 401 && sent === this.token.peek()) {
      this.tokenWanted.value = sent === undefined ? "missing" : "refused";
    }
    return response;
  };

  /** `remember`: on this device, until {@link forgetToken}; else until the tab is closed. */
  giveToken(token: string, options: { readonly remember: boolean }): void {
    this.forgetToken();
    write(options.remember ? this.#stores.device : this.#stores.tab, token);
    this.token.value = token;
    this.tokenWanted.value = undefined;
  }

  forgetToken(): void {
    for (const store of [this.#stores.tab, this.#stores.device]) write(store, undefined);
    this.token.value = undefined;
  }
}

// A browser may refuse its storage (private windows, policies): then a token lasts as long as the page.

function read(store: Store): string | undefined {
  try {
    return store.getItem(TOKEN_KEY) ?? undefined;
  } catch {
    return undefined;
  }
}

function write(store: Store, token: string | undefined): void {
  try {
    if (token === undefined) store.removeItem(TOKEN_KEY);
    else store.setItem(TOKEN_KEY, token);
  } catch {
    // As above.
  }
}
