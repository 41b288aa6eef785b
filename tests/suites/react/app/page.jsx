// The app in a page; the test drives it through `app`.

import { startTransition, version } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { createClient } from "im-chats/messages/inline";

import { App, seen } from "./scenes.jsx";

const root = document.querySelector("#root");
const at = new URLSearchParams(location.search);
let token = at.get("token");
let asked = 0;
const make = () =>
  createClient({
    address: at.get("address"),
    token: () => {
      asked += 1;
      return token;
    },
  });
let client = make();
let mounted;
const recovered = [];

globalThis.app = {
  version,
  seen,
  recovered,
  get asked() {
    return asked;
  },
  setToken: (next) => void (token = next),
  render(scene, props = {}) {
    mounted ??= createRoot(root, { onRecoverableError: (error) => recovered.push(String(error)) });
    mounted.render(<App client={client} scene={scene} {...props} />);
  },
  /** The same as something that can be interrupted while it is rendered. */
  renderSlowly(scene, props) {
    startTransition(() => app.render(scene, props));
  },
  hydrate(scene, props = {}) {
    mounted = hydrateRoot(root, <App client={client} scene={scene} {...props} />, { onRecoverableError: (error) => recovered.push(String(error)) });
  },
  /** From now on with another client. */
  changeClient(scene) {
    const last = client;
    client = make();
    app.render(scene);
    return last;
  },
  unmount() {
    mounted.unmount();
    mounted = undefined;
  },
  close: () => client.close(),
  get client() {
    return client;
  },
};
