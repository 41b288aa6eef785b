"use client";

import { createClient } from "im-chats";
import { useEffect } from "react";

import { inPage } from "../../story.js";

/** A client component: rendered on the server once, then alive in the browser. */
export function Live() {
  useEffect(() => void inPage(createClient), []);
  return <p>live</p>;
}
