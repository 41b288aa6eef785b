import type { MessageEffect as MessageEffectId } from "./wasm/im_chats.js";

/**
 * Full-screen and bubble effects of a message, by short name: for the option `effect` of `chats.create`, and to compare with
 * the `expressiveSendStyleId` of a message.
 *
 * @example
 * await im.chats.create(["alice@example.com"], { message: "Congratulations!", effect: MessageEffect.confetti });
 */
export const MessageEffect = {
  // begin effects: from protocol/src/model/effect.rs; gateway/tests/documented.rs compares
  /** The bubble slams down. */
  slam: "com.apple.MobileSMS.expressivesend.impact",
  /** The bubble swells. */
  loud: "com.apple.MobileSMS.expressivesend.loud",
  /** The bubble starts small. */
  gentle: "com.apple.MobileSMS.expressivesend.gentle",
  /** The text hides until it is touched. */
  invisible: "com.apple.MobileSMS.expressivesend.invisibleink",
  /** Confetti over the screen. */
  confetti: "com.apple.messages.effect.CKConfettiEffect",
  /** Fireworks over the screen. */
  fireworks: "com.apple.messages.effect.CKFireworksEffect",
  /** Balloons over the screen. */
  balloons: "com.apple.messages.effect.CKBalloonEffect",
  /** A growing heart. */
  heart: "com.apple.messages.effect.CKHeartEffect",
  /** Lasers over the screen. */
  lasers: "com.apple.messages.effect.CKLasersEffect",
  /** A burst of light. */
  celebration: "com.apple.messages.effect.CKHappyBirthdayEffect",
  /** Sparkles over the screen. */
  sparkles: "com.apple.messages.effect.CKSparklesEffect",
  /** A spotlight on the bubble. */
  spotlight: "com.apple.messages.effect.CKSpotlightEffect",
  /** The bubble many times over. */
  echo: "com.apple.messages.effect.CKEchoEffect",
  // end effects
} as const satisfies Record<string, MessageEffectId>;

/** Apple's identifier of a message effect: one of the texts in {@link MessageEffect}. */
export type MessageEffect = MessageEffectId;
