//! Effects of a message: Apple's identifiers and their short names.

use serde::{Deserialize, Serialize};

macro_rules! effects {
    ($(#[doc = $doc:literal] $variant:ident, $name:literal = $id:literal;)*) => {
        /// A full-screen or bubble effect of a message, by Apple's identifier.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
        pub enum MessageEffect {
            $(#[doc = $doc] #[serde(rename = $id)] $variant,)*
        }

        /// The short name of an effect, which a program may write instead of the identifier; `MessageEffect` says what each
        /// does: `slam`, `loud`, `gentle` and `invisible` of the bubble; `confetti`, `fireworks`, `balloons`, `heart`,
        /// `lasers`, `celebration`, `sparkles`, `spotlight` and `echo` over the whole screen.
        #[cfg(feature = "typescript")]
        #[derive(Serialize, tsify::Tsify)]
        #[expect(dead_code, reason = "only its TypeScript declaration is used")]
        enum MessageEffectName {
            $(#[doc = $doc] #[serde(rename = $name)] $variant,)*
        }

        impl MessageEffect {
            /// Every effect the service documents.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Apple's identifier, which is what travels.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// The short name: the key in the `MessageEffect` object.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it looks like, in words.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$variant => $doc,)* }
            }
        }
    };
}

effects! {
    /// The bubble slams down.
    Slam, "slam" = "com.apple.MobileSMS.expressivesend.impact";
    /// The bubble swells.
    Loud, "loud" = "com.apple.MobileSMS.expressivesend.loud";
    /// The bubble starts small.
    Gentle, "gentle" = "com.apple.MobileSMS.expressivesend.gentle";
    /// The text hides until it is touched.
    Invisible, "invisible" = "com.apple.MobileSMS.expressivesend.invisibleink";
    /// Confetti over the screen.
    Confetti, "confetti" = "com.apple.messages.effect.CKConfettiEffect";
    /// Fireworks over the screen.
    Fireworks, "fireworks" = "com.apple.messages.effect.CKFireworksEffect";
    /// Balloons over the screen.
    Balloons, "balloons" = "com.apple.messages.effect.CKBalloonEffect";
    /// A growing heart.
    Heart, "heart" = "com.apple.messages.effect.CKHeartEffect";
    /// Lasers over the screen.
    Lasers, "lasers" = "com.apple.messages.effect.CKLasersEffect";
    /// A burst of light.
    Celebration, "celebration" = "com.apple.messages.effect.CKHappyBirthdayEffect";
    /// Sparkles over the screen.
    Sparkles, "sparkles" = "com.apple.messages.effect.CKSparklesEffect";
    /// A spotlight on the bubble.
    Spotlight, "spotlight" = "com.apple.messages.effect.CKSpotlightEffect";
    /// The bubble many times over.
    Echo, "echo" = "com.apple.messages.effect.CKEchoEffect";
}
