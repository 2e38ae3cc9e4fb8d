import { effect } from "@preact/signals";
import { render } from "preact";
import { App } from "./app/app.tsx";
import { startRouter } from "./app/context.ts";
import { Session } from "./app/session.ts";
import { startTheme } from "./app/theme.ts";
import { FleetData } from "./fleet-data/fleet-data.ts";
import "./ui/tokens.css";
import "./ui/base.css";
import "./ui/ui.css";

startTheme();
startRouter();
// A queen may lie below a path of a proxy: the page's own address is hers.
const session = new Session(new URL(".", location.href).href, { tab: sessionStorage, device: localStorage });
const fleet = new FleetData();
// Another client, that is, another token: followed anew.
effect(() => fleet.start(session.client.value));
render(<App api={{ session, fleet }} />, document.getElementById("app") as HTMLElement);
