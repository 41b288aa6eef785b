// What axe-core finds on a phone.

import { accessible } from "./axe.mjs";

accessible("narrow", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
