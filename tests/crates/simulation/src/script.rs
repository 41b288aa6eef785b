//! What happens to the world and when, written down before it begins: a list can be shortened, a stream of dice cannot.

use fastrand::Rng;
use im_chats_protocol::client::OnGap;
use im_chats_protocol::wire::close::{self, Reaction};
use im_chats_protocol::wire::frame::Topic;

use crate::log::{CHAT_TYPES, CHATS, Filter, TYPES};
use crate::state::server::SUBJECTS;
use crate::tokens::{EVERY_CHAT, Rights};

/// Where a user's stream begins when there is no saved cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    Head,
    Beginning,
    /// This share, in thousandths, of the log; above 1000 it lies beyond the head.
    After(u64),
}

/// A place where a user may sit: one stream at a time, opened again from the saved cursor.
#[derive(Debug, Clone)]
pub struct SeatSpec {
    pub filter: Filter,
    pub origin: Origin,
    pub until_head: bool,
    pub resume: bool,
    pub on_gap: OnGap,
    /// The longest a batch is worked on, in milliseconds.
    pub pace_ms: u64,
    /// Whether coming back means from the saved cursor.
    pub saves: bool,
}

/// What one client is like.
#[derive(Debug, Clone)]
pub struct ClientSpec {
    pub window: u64,
    /// Largest ordinary delay of a frame, in milliseconds.
    pub latency_ms: u64,
    /// How long its tokens last, in milliseconds; absent = for ever.
    pub token_life_ms: Option<u64>,
    /// What they allow at the beginning.
    pub rights: Rights,
    pub seats: Vec<SeatSpec>,
}

/// One thing that happens. A number that names a client or a seat is taken modulo how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    // Users.
    Open {
        client: usize,
        seat: usize,
    },
    Leave {
        client: usize,
        seat: usize,
    },
    Stall {
        client: usize,
        seat: usize,
        ms: u64,
    },
    Crash {
        client: usize,
        abrupt: bool,
        ms: u64,
    },
    CloseClient {
        client: usize,
        ms: u64,
    },
    // The log.
    Append {
        count: u64,
        chat: usize,
        messages: bool,
    },
    Prune {
        thousandths: u64,
    },
    // The network, each on the client's present connection.
    Cut {
        client: usize,
        lose_up: bool,
        lose_down: bool,
    },
    HalfOpen {
        client: usize,
        up: bool,
        down_ms: u64,
        buffered: bool,
    },
    /// The server is heard, and hears nothing: a proxy that hangs on one side.
    Deaf {
        client: usize,
    },
    Delay {
        client: usize,
        up: bool,
        ms: u64,
    },
    Duplicate {
        client: usize,
        up: bool,
    },
    LoseEvents {
        client: usize,
    },
    SlowWrites {
        client: usize,
        ms: u64,
    },
    CloseCode {
        client: usize,
        code: u16,
    },
    Refuse {
        ms: u64,
        hang: bool,
    },
    // The server.
    Kill {
        ms: u64,
        silent: bool,
    },
    Drain {
        ms: u64,
    },
    Replace {
        events: u64,
        ms: u64,
    },
    SlowReads {
        ms: u64,
        by: u64,
    },
    FailReads {
        ms: u64,
    },
    SlowVerify {
        ms: u64,
        by: u64,
    },
    /// A subject's tokens are denied, or the key of all tokens is taken away.
    Revoke {
        subject: Option<u8>,
    },
    NoKeys {
        ms: u64,
    },
    // The client's machine.
    /// Its tokens allow something else from now on.
    Rights {
        client: usize,
        rights: Rights,
    },
    SlowToken {
        client: usize,
        ms: u64,
        by: u64,
    },
    FailToken {
        client: usize,
        ms: u64,
    },
    BadToken {
        client: usize,
        ms: u64,
        forbidden: bool,
    },
    ShortTokens {
        client: usize,
        ms: u64,
        life: u64,
    },
    Sleep {
        client: usize,
        ms: u64,
        wakes: bool,
        timers_first: bool,
    },
    Wake {
        client: usize,
    },
    Network {
        client: usize,
        online: bool,
    },
}

/// When, in milliseconds from the beginning, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub at: u64,
    pub action: Action,
}

/// A whole scenario.
#[derive(Debug, Clone)]
pub struct Script {
    pub clients: Vec<ClientSpec>,
    /// Events that are there before anybody comes.
    pub history: u64,
    pub heartbeat_ms: u64,
    pub max_batch: usize,
    pub max_reads: usize,
    /// Bytes that may wait for a slow client.
    pub high_water: usize,
    /// Events looked at by one read.
    pub scan: usize,
    pub steps: Vec<Step>,
    /// When the faults stop.
    pub calm_at: u64,
}

/// The scenario of a seed.
pub fn generate(seed: u64) -> Script {
    let mut rng = Rng::with_seed(seed ^ 0x5eed_0000_0000_0000);
    let clients = (0..rng.usize(1..=2)).map(|_| client(&mut rng)).collect::<Vec<_>>();
    let calm_at = rng.u64(5_000..90_000);
    // Swarm testing: each scenario has only some kinds of trouble, so that rare pairs of them get room.
    let mut kinds: Vec<u8> = (0..KINDS).collect();
    rng.shuffle(&mut kinds);
    kinds.truncate(rng.usize(1..=8));
    let trouble = rng.usize(0..=14);
    let mut steps = Vec::new();
    let mut put = |at: u64, action: Action| steps.push(Step { at, action });
    for (index, spec) in clients.iter().enumerate() {
        for seat in 0..spec.seats.len() {
            let at = if rng.u8(0..3) > 0 { rng.u64(0..200) } else { rng.u64(0..calm_at) };
            put(at, Action::Open { client: index, seat });
        }
    }
    for _ in 0..rng.usize(2..=12) {
        let count = if rng.u8(0..4) > 0 { rng.u64(1..=4) } else { rng.u64(5..=60) };
        put(rng.u64(0..calm_at), Action::Append { count, chat: rng.usize(0..=CHATS.len()), messages: rng.bool() });
    }
    for _ in 0..rng.usize(0..=6) {
        let (client, seat) = (rng.usize(0..2), rng.usize(0..24));
        let at = rng.u64(0..calm_at);
        match rng.u8(0..4) {
            0 => put(at, Action::Leave { client, seat }),
            1 => put(at, Action::Stall { client, seat, ms: rng.u64(1_000..60_000) }),
            _ => put(at, Action::Open { client, seat }),
        }
    }
    for _ in 0..if rng.bool() { rng.usize(0..=4) } else { 0 } {
        put(rng.u64(0..calm_at), Action::Rights { client: rng.usize(0..2), rights: rights(&mut rng) });
    }
    for _ in 0..trouble {
        let Some(kind) = rng.choice(&kinds).copied() else { break };
        let at = rng.u64(0..calm_at);
        put(at, fault(kind, &mut rng));
    }
    steps.sort_by_key(|step| step.at);
    Script {
        history: if rng.bool() { rng.u64(0..120) } else { rng.u64(0..4) },
        heartbeat_ms: if rng.bool() { 15_000 } else { rng.u64(2_000..8_000) },
        max_batch: if rng.bool() { 256 } else { rng.usize(1..16) },
        max_reads: rng.usize(1..=4),
        high_water: if rng.bool() { 262_144 } else { rng.usize(100..2_000) },
        scan: if rng.bool() { 8_192 } else { rng.usize(1..20) },
        clients,
        steps,
        calm_at,
    }
}

fn client(rng: &mut Rng) -> ClientSpec {
    ClientSpec {
        window: if rng.bool() { 2_048 } else { rng.u64(1..24) },
        latency_ms: if rng.bool() { rng.u64(0..5) } else { rng.u64(5..400) },
        token_life_ms: rng.bool().then(|| rng.u64(2_000..40_000)),
        rights: if rng.u8(0..3) > 0 { Rights { subject: 0, topic: Some(Topic::All), chats: EVERY_CHAT } } else { rights(rng) },
        seats: (0..if rng.u8(0..16) == 0 { rng.usize(4..=24) } else { rng.usize(1..=3) }).map(|_| seat(rng)).collect(),
    }
}

fn seat(rng: &mut Rng) -> SeatSpec {
    let topic = if rng.bool() { Topic::All } else { Topic::Chats };
    let chat = rng.bool().then(|| rng.usize(0..CHATS.len()));
    let chats = (chat.is_none() && rng.bool()).then(|| rng.u8(1..1 << CHATS.len()));
    let most = if topic == Topic::All { TYPES.len() } else { CHAT_TYPES };
    let filter = Filter { topic, chat, chats, types: (rng.u8(0..3) == 0).then(|| rng.u8(1..1 << most)) };
    let until_head = rng.u8(0..4) == 0;
    SeatSpec {
        filter,
        origin: match rng.u8(0..12) {
            0..4 if !until_head => Origin::Head,
            0..8 => Origin::Beginning,
            8..11 => Origin::After(rng.u64(0..=1000)),
            _ => Origin::After(rng.u64(900..1100)),
        },
        until_head,
        resume: rng.u8(0..6) > 0,
        on_gap: if rng.bool() { OnGap::Skip } else { OnGap::Fail },
        pace_ms: *rng.choice(&[0, 1, 5, 50, 2_000]).unwrap_or(&0),
        saves: rng.u8(0..4) > 0,
    }
}

fn rights(rng: &mut Rng) -> Rights {
    Rights {
        subject: if rng.u8(0..12) == 0 { rng.u8(0..SUBJECTS as u8) } else { 0 },
        topic: match rng.u8(0..10) {
            0 => None,
            1..4 => Some(Topic::Chats),
            _ => Some(Topic::All),
        },
        chats: if rng.bool() { EVERY_CHAT } else { rng.u8(1..1 << CHATS.len()) },
    }
}

const KINDS: u8 = 25;

fn fault(kind: u8, rng: &mut Rng) -> Action {
    let client = rng.usize(0..2);
    let ms = if rng.bool() { rng.u64(1..3_000) } else { rng.u64(3_000..40_000) };
    match kind {
        0 | 1 => Action::Cut { client, lose_up: rng.bool(), lose_down: rng.bool() },
        2 => Action::HalfOpen {
            client,
            up: rng.bool(),
            down_ms: if rng.bool() { 0 } else { rng.u64(1..40_000) },
            buffered: rng.bool(),
        },
        3 => Action::Delay { client, up: rng.bool(), ms },
        4 => Action::Duplicate { client, up: rng.u8(0..3) == 0 },
        5 => Action::LoseEvents { client },
        6 => Action::SlowWrites { client, ms },
        7 => {
            let survived = close::ALL.iter().filter(|row| row.meaning.reaction() == Reaction::Retry).map(|row| row.code);
            let codes: Vec<u16> = survived.collect();
            Action::CloseCode { client, code: rng.choice(codes).unwrap_or(close::ABNORMAL) }
        }
        8 => Action::Refuse { ms, hang: rng.bool() },
        9 | 10 => Action::Kill { ms, silent: rng.u8(0..4) == 0 },
        11 => Action::Drain { ms },
        12 => Action::Replace { events: rng.u64(0..40), ms },
        13 => Action::Prune { thousandths: rng.u64(0..=1000) },
        14 => Action::SlowReads { ms, by: rng.u64(1..8_000) },
        15 => Action::FailReads { ms: rng.u64(1..4_000) },
        16 => Action::SlowVerify { ms, by: rng.u64(1..14_000) },
        17 => Action::Revoke { subject: rng.bool().then(|| rng.u8(0..SUBJECTS as u8)) },
        23 => Action::NoKeys { ms },
        18 => Action::SlowToken { client, ms, by: rng.u64(1..20_000) },
        19 => match rng.u8(0..4) {
            1 => Action::ShortTokens { client, ms, life: rng.u64(1..3_000) },
            0 => Action::BadToken { client, ms, forbidden: rng.u8(0..4) == 0 },
            _ => Action::FailToken { client, ms },
        },
        20 => Action::Sleep { client, ms: rng.u64(1_000..120_000), wakes: rng.bool(), timers_first: rng.bool() },
        21 => match rng.u8(0..3) {
            0 => Action::Wake { client },
            _ => Action::Network { client, online: rng.bool() },
        },
        22 => Action::Deaf { client },
        _ => match rng.bool() {
            true => Action::Crash { client, abrupt: rng.bool(), ms },
            false => Action::CloseClient { client, ms },
        },
    }
}
