//! Unions on `type`, as TypeScript knows them: every member is an interface with a name and a `type` of its own.

/// Declares an enum whose JSON is tagged with `type`, and its TypeScript: a union of its members' interfaces.
///
/// To serde the tag belongs to the enum, to TypeScript every member has it: see `type_tag`.
macro_rules! tagged_union {
    (
        $(#[$about:meta])*
        pub enum $Union:ident {
            $($(#[$meaning:meta])* $Variant:ident($Member:ident) = $tag:literal,)*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "type")]
        pub enum $Union {
            $($(#[$meaning])* #[serde(rename = $tag)] $Variant($Member),)*
        }

        impl $Union {
            /// Every value of `type`, in the order of the members.
            pub const TAGS: &'static [&'static str] = &[$($tag),*];
        }

        #[cfg(feature = "typescript")]
        const _: () = {
            $(#[$about])*
            #[derive(serde::Serialize, tsify::Tsify)]
            #[serde(untagged)]
            #[expect(dead_code, reason = "only its TypeScript declaration is used")]
            enum $Union {
                $($Variant($Member),)*
            }
        };

        $(type_tag!($Member, $tag);)*
    };
}

/// Declares the `type` of a union's member. TypeScript merges it with the member's interface, which its struct gives.
macro_rules! type_tag {
    ($Member:ident, $tag:literal) => {
        #[cfg(feature = "typescript")]
        const _: () = {
            #[wasm_bindgen::prelude::wasm_bindgen(typescript_custom_section)]
            const TAG: &str = concat!(
                "export interface ",
                stringify!($Member),
                " {\n    /** Tells it from the other members of its union: always `\"",
                $tag,
                "\"`. */\n    type: \"",
                $tag,
                "\";\n}\n",
            );
        };
    };
}
