import { join } from "node:path";

// Only because this app lies inside another project, whose lock file Next.js would take for its own.
export default { turbopack: { root: join(import.meta.dirname, "../..") } };
