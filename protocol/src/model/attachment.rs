//! Files that come with a message.

use alloc::string::String;
use serde::{Deserialize, Serialize};

/// How far the file of an attachment has come.
///
/// - `pending`: it has not begun
/// - `transferring`: it is under way
/// - `failed`: it failed
/// - `finished`: the file is there
/// - `unknown`: the server did not say, or said what this version does not know
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum TransferState {
    /// It has not begun.
    #[serde(rename = "pending")]
    Pending,
    /// It is under way.
    #[serde(rename = "transferring")]
    Transferring,
    /// It failed.
    #[serde(rename = "failed")]
    Failed,
    /// The file is there.
    #[serde(rename = "finished")]
    Finished,
    /// The server did not say, or said what this version does not know.
    #[serde(rename = "unknown")]
    Unknown,
}

/// What the second file of an attachment is.
///
/// - `live-photo-video`: the video of a live photo
/// - `unknown`: something this version does not know
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
pub enum CompanionKind {
    /// The video of a live photo.
    #[serde(rename = "live-photo-video")]
    LivePhotoVideo,
    /// Something this version does not know.
    #[serde(rename = "unknown")]
    Unknown,
}

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct AttachmentInfo {
    /// The server's identifier of it.
    pub guid: String,
    /// The identifier it had where it came from; absent when that is this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub original_guid: Option<String>,
    /// Name of the file.
    pub file_name: String,
    /// Media type, such as `image/jpeg`.
    pub mime_type: String,
    /// Apple's uniform type identifier, such as `public.jpeg`.
    pub uti: String,
    /// Size in bytes; at most 2^53 − 1.
    pub total_bytes: u64,
    /// Whether this account sent it.
    pub is_outgoing: bool,
    /// How far the file has come.
    pub transfer_state: TransferState,
    /// Whether Messages hides it.
    pub is_hidden: bool,
    /// Whether it is a sticker.
    pub is_sticker: bool,
    /// What its second file is; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", tsify(optional))]
    pub companion_kind: Option<CompanionKind>,
}

/// The second file of a live photo.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub struct CompanionInfo {
    /// Its name.
    pub file_name: String,
    /// Its media type.
    pub mime_type: String,
    /// Its size in bytes.
    pub total_bytes: u64,
    /// What it is to the first file.
    pub kind: CompanionKind,
}
