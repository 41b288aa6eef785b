//! The log of several relays on NATS JetStream: `--log` and what belongs to it. It may use `base`, `metrics`, the log and
//! `service`.
//!
//! `flags` is the command line, `connect` the connection and what it refuses, `proof` whether the servers write to their disks, `names` what
//! is what in NATS.
//!
//! `turn` says whose turn it is to write, `writer` writes and `retain` drops what is too old; `follow` keeps the copy up that a relay serves
//! from. Their rules are in `im_chats_replication`; `stream`, `pointer` and `commit` are how NATS carries them. `shared` is what relays share
//! beside the log.

pub mod commit;
pub mod connect;
mod credentials;
mod ends;
pub mod error;
mod events;
pub mod flags;
mod follow;
mod member;
pub mod names;
mod pointer;
mod proof;
mod relay_name;
mod retain;
pub mod shared;
mod stream;
mod turn;
mod version;
mod writer;

pub use connect::{Nats, connect};
pub use error::ClusterError;
pub use flags::{ClusterArgs, Role};
pub use member::{Member, MemberError, MemberParts, term};
pub use names::Names;
pub use relay_name::RelayName;
pub use turn::Term;
pub use writer::StreamWriter;
