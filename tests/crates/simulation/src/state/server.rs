//! The server's process as it is at present.

use std::sync::Arc;

use im_chats_protocol::server::SessionLimits;

/// How many people have tokens.
pub const SUBJECTS: usize = 2;

/// What the process is like at present. Times are when a trouble ends.
pub struct Server {
    pub limits: Arc<SessionLimits>,
    pub up: bool,
    /// Counts the processes of the server, from 0.
    pub epoch: u32,
    pub refuse_until: u64,
    /// Whether refusing means not answering.
    pub hangs: bool,
    pub slow_reads_until: u64,
    pub slow_reads_by: u64,
    pub fail_reads_until: u64,
    pub slow_verify_until: u64,
    pub slow_verify_by: u64,
    /// Tokens issued before are refused: their key was taken away.
    pub revoked_before: u64,
    /// Those issued before to a subject are denied.
    pub blocked_before: [u64; SUBJECTS],
    /// The keys that tokens are judged by cannot be had.
    pub no_keys_until: u64,
}

impl Server {
    pub fn new(limits: Arc<SessionLimits>) -> Self {
        Self {
            limits,
            up: true,
            epoch: 0,
            refuse_until: 0,
            hangs: false,
            slow_reads_until: 0,
            slow_reads_by: 0,
            fail_reads_until: 0,
            slow_verify_until: 0,
            slow_verify_by: 0,
            revoked_before: 0,
            blocked_before: [0; SUBJECTS],
            no_keys_until: 0,
        }
    }

    pub fn calm(&mut self) {
        self.refuse_until = 0;
        self.slow_reads_until = 0;
        self.fail_reads_until = 0;
        self.slow_verify_until = 0;
        self.no_keys_until = 0;
    }
}
