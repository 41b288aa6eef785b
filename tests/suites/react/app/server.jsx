// What a server makes of the app.

import { renderToString } from "react-dom/server";
import { createClient } from "im-chats/messages/inline";

import { App } from "./scenes.jsx";

export const html = (scene) => renderToString(<App client={createClient({ address: "127.0.0.1:1", token: "t" })} scene={scene} />);
