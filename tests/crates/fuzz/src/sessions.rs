//! Inputs to begin with.

use im_chats_transcript::Step;

/// The sessions of `docs/protocol.md`, each a list of lines that `line` makes of its steps.
///
/// # Panics
/// When the page cannot be read.
pub(crate) fn sessions(line: impl Fn(&Step) -> Option<String>) -> Vec<Vec<u8>> {
    let transcripts = match im_chats_transcript::parse(include_str!("../../../../docs/protocol.md")) {
        Ok(transcripts) => transcripts,
        Err(error) => panic!("docs/protocol.md: {error}"),
    };
    let session =
        |steps: &[(usize, Step)]| steps.iter().filter_map(|(_, step)| line(step)).collect::<Vec<_>>().join("\n").into_bytes();
    transcripts.iter().map(|transcript| session(&transcript.steps)).collect()
}
