//! What happens to the world and when, written down before it begins.

use fastrand::Rng;

/// One thing that happens. A number that names a process or a reader is taken modulo how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    // The upstream.
    Burst {
        count: u64,
    },
    Forget {
        thousandths: u64,
    },
    // Processes.
    Freeze {
        process: usize,
        ms: u64,
    },
    Kill {
        process: usize,
        ms: u64,
        wiped: bool,
    },
    Release {
        process: usize,
    },
    // The network between a process and the stream.
    Cut {
        process: usize,
        ms: u64,
    },
    Lose {
        process: usize,
        ms: u64,
        questions: u8,
        answers: u8,
    },
    Slow {
        process: usize,
        ms: u64,
        by: u64,
    },
    Double {
        process: usize,
        ms: u64,
    },
    Gaps {
        process: usize,
        ms: u64,
    },
    NewConsumer {
        process: usize,
    },
    // The stream and its store.
    Leader {
        mask: u32,
        ms: u64,
    },
    NoLeader {
        ms: u64,
    },
    Purge {
        thousandths: u64,
    },
    Delete {
        thousandths: u64,
    },
    Empty,
    Remake,
    /// Only in some runs: nobody can keep what a stream lost that had confirmed it.
    GoBack {
        thousandths: u64,
    },
    // Readers.
    Move {
        reader: usize,
        front: usize,
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
    /// For each process, whether it takes its turn at writing.
    pub processes: Vec<bool>,
    pub readers: usize,
    pub lease_ms: u64,
    pub timeout_ms: u64,
    /// Largest ordinary delay, in milliseconds.
    pub latency_ms: u64,
    /// The largest commit.
    pub most: usize,
    /// The largest step between two of the upstream's sequences.
    pub stride: u64,
    /// Events that are there before anybody comes.
    pub history: u64,
    pub steps: Vec<Step>,
    /// When the faults stop.
    pub calm_at: u64,
}

const KINDS: u8 = 18;

/// The scenario of a seed.
pub fn generate(seed: u64) -> Script {
    let mut rng = Rng::with_seed(seed ^ 0x10c0_0000_0000_0000);
    let calm_at = rng.u64(5_000..60_000);
    let mut processes = vec![true, rng.u8(0..4) > 0];
    for _ in 0..rng.usize(0..=2) {
        processes.push(rng.bool());
    }
    let goes_back = rng.u8(0..8) == 0;
    // Swarm testing: each scenario has only some kinds of trouble, so that rare pairs of them get room.
    let mut kinds: Vec<u8> = (0..KINDS).collect();
    rng.shuffle(&mut kinds);
    kinds.truncate(rng.usize(1..=8));
    let mut steps = Vec::new();
    for _ in 0..rng.usize(3..=25) {
        let count = if rng.u8(0..4) > 0 { rng.u64(1..=4) } else { rng.u64(5..=40) };
        steps.push(Step { at: rng.u64(0..calm_at), action: Action::Burst { count } });
    }
    for _ in 0..rng.usize(0..=5) {
        let action = Action::Move { reader: rng.usize(0..4), front: rng.usize(0..4) };
        steps.push(Step { at: rng.u64(0..calm_at), action });
    }
    for _ in 0..rng.usize(0..=18) {
        let Some(kind) = rng.choice(&kinds).copied() else { break };
        steps.push(Step { at: rng.u64(0..calm_at), action: fault(kind, &mut rng) });
    }
    if goes_back {
        for _ in 0..rng.usize(1..=2) {
            let action = Action::GoBack { thousandths: rng.u64(300..1000) };
            steps.push(Step { at: rng.u64(0..calm_at), action });
        }
    }
    steps.sort_by_key(|step| step.at);
    Script {
        processes,
        readers: rng.usize(1..=3),
        lease_ms: if rng.bool() { rng.u64(1_500..4_000) } else { 10_000 },
        timeout_ms: rng.u64(300..3_000),
        latency_ms: if rng.bool() { rng.u64(1..10) } else { rng.u64(10..300) },
        most: if rng.bool() { rng.usize(1..=3) } else { rng.usize(4..=16) },
        stride: if rng.bool() { 1 } else { rng.u64(2..9) },
        history: if rng.bool() { rng.u64(0..60) } else { rng.u64(0..3) },
        steps,
        calm_at,
    }
}

fn fault(kind: u8, rng: &mut Rng) -> Action {
    let process = rng.usize(0..4);
    let ms = if rng.bool() { rng.u64(1..3_000) } else { rng.u64(3_000..25_000) };
    let percent = |rng: &mut Rng| *rng.choice(&[0, 20, 60, 100]).unwrap_or(&0);
    match kind {
        0 | 1 => Action::Freeze { process, ms },
        2 => Action::Kill { process, ms, wiped: rng.u8(0..3) == 0 },
        3 => Action::Release { process },
        4 => Action::Cut { process, ms },
        5 => Action::Lose { process, ms, questions: percent(rng), answers: percent(rng) },
        6 | 7 => Action::Slow { process, ms, by: rng.u64(500..20_000) },
        8 => Action::Double { process, ms },
        9 => Action::Gaps { process, ms },
        10 => Action::NewConsumer { process },
        11 => Action::Leader { mask: rng.u32(0..16), ms },
        12 => Action::NoLeader { ms: rng.u64(1..6_000) },
        13 => Action::Purge { thousandths: rng.u64(0..=1000) },
        14 => Action::Delete { thousandths: rng.u64(0..=1000) },
        15 => {
            if rng.u8(0..3) == 0 {
                Action::Empty
            } else {
                Action::Purge { thousandths: 1000 }
            }
        }
        16 => Action::Remake,
        _ => Action::Forget { thousandths: rng.u64(0..=1000) },
    }
}
