//! The card of a message app.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// The texts on the card of a message app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MiniAppLayoutInfo {
    /// Top left, the most prominent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub caption: Option<String>,
    /// Below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub subcaption: Option<String>,
    /// Top right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub trailing_caption: Option<String>,
    /// Below that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub trailing_subcaption: Option<String>,
    /// On the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub image_title: Option<String>,
    /// Below that, on the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub image_subtitle: Option<String>,
    /// Where the card cannot be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub summary: Option<String>,
}

/// The card of a message app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MiniAppContent {
    /// Apple's identifier of the app's maker.
    pub team_id: String,
    /// The app's extension.
    pub extension_bundle_id: String,
    /// The app's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub app_name: Option<String>,
    /// What the app is given when the card is opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub url: Option<String>,
    /// Shared by all versions of one card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub session_id: Option<String>,
    /// The app in the App Store; at most 2^53 − 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub app_store_id: Option<u64>,
    /// Whether the card is live.
    pub live: bool,
    /// The texts on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub layout: Option<MiniAppLayoutInfo>,
}
