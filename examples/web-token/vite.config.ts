import type { UserConfig } from "vite";

// `npm run dev` beside `npm start`: Vite serves the page, and the back end the rest.
const backEnd = "http://127.0.0.1:8080";

export default {
  // The page waits at its top level.
  build: { target: "es2022" },
  server: { proxy: { "/sign-in": backEnd, "/me": backEnd, "/token": backEnd } },
} satisfies UserConfig;
