import type { NextConfig } from "next";

// Only because this app lies inside a repository whose own lock file Next.js would take for the app's.
const config: NextConfig = { turbopack: { root: import.meta.dirname } };

export default config;
