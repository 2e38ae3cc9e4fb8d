import { render } from "preact";

render(<p>The fleet</p>, document.getElementById("app") as HTMLElement);
