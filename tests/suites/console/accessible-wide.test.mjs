// What axe-core finds at 1280 pixels.

import { accessible } from "./axe.mjs";

accessible("wide", { viewport: { width: 1280, height: 800 } });
