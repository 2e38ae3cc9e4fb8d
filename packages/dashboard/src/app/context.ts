import type { HiveClient } from "@hive-registry/client";
import { type ReadonlySignal, signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { FleetData } from "../fleet-data/fleet-data.ts";
import { parseRoute, type Route } from "./router.ts";
import type { Session } from "./session.ts";

/** What every page may use. */
export interface Api {
  readonly session: Session;
  readonly fleet: FleetData;
}

export const ApiContext = createContext<Api | undefined>(undefined);

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (api === undefined) throw new TypeError("useApi is for what is inside of the page");
  return api;
}

/** The fleet as the page knows it. */
export const useFleet = (): FleetData => useApi().fleet;

/** The client of the moment: another one after a token was given. */
export const useClient = (): HiveClient => useApi().session.client.value;

const current = signal<Route>(parseRoute(""));
/** Where the page is. */
export const route: ReadonlySignal<Route> = current;

/** Returns the function that ends it. */
export function startRouter(): () => void {
  const follow = () => {
    current.value = parseRoute(location.hash);
  };
  follow();
  addEventListener("hashchange", follow);
  return () => removeEventListener("hashchange", follow);
}

/** `replace`: the page before stays behind the back button. */
export function navigate(to: string, options: { readonly replace?: boolean } = {}): void {
  if (options.replace !== true) {
    location.hash = to;
    return;
  }
  history.replaceState(null, "", to);
  current.value = parseRoute(location.hash);
}
