//! The card of a message app.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// The texts on the card of a message app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct MiniAppLayoutInfo {
    /// Top left, the most prominent; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub caption: Option<String>,
    /// Below `caption`; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub subcaption: Option<String>,
    /// Top right; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub trailing_caption: Option<String>,
    /// Below `trailingCaption`; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub trailing_subcaption: Option<String>,
    /// On the image; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub image_title: Option<String>,
    /// Below `imageTitle`, on the image; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub image_subtitle: Option<String>,
    /// What is shown where the card cannot be; absent when there is none.
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
    /// The app's name; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub app_name: Option<String>,
    /// What the app is given when the card is opened; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub url: Option<String>,
    /// An identifier that all versions of one card share; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub session_id: Option<String>,
    /// The app in the App Store; at most 2^53 − 1. Absent when it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub app_store_id: Option<u64>,
    /// Whether the card is live.
    pub live: bool,
    /// The texts on it; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub layout: Option<MiniAppLayoutInfo>,
}
