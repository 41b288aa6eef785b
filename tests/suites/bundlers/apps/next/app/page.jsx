import { createClient } from "im-chats";

import { Live } from "./live.jsx";

/** A server component: it asks the service itself, in Node. */
export default async function Page({ searchParams }) {
  const { address, token } = await searchParams;
  const im = createClient({ address, token });
  const { chat } = await im.chats.create(["bob@example.com"]);
  const count = await im.chats.count();
  await im.close();
  return (
    <main>
      <p id="server">
        {chat.guid} {count > 0 ? "counted" : "not counted"}
      </p>
      <Live />
    </main>
  );
}
