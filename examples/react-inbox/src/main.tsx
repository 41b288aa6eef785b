import { ImChatsProvider } from "im-chats/react";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { makeClient } from "./client.js";
import { Inbox } from "./inbox.js";
import { Problem } from "./problem.js";
import "./style.css";

const root = createRoot(document.getElementById("root")!);
try {
  const im = await makeClient();
  root.render(
    <StrictMode>
      <ImChatsProvider client={im}>
        <Inbox im={im} />
      </ImChatsProvider>
    </StrictMode>,
  );
} catch (error) {
  root.render(<Problem error={error} again={() => location.reload()} />);
}
