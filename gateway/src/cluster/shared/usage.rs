//! What users take, told all others twice a second. A report that is lost is not told again: too little is counted then, and never
//! anything twice.

use std::time::Duration;

use futures_util::StreamExt as _;
use prost::Message;
use tokio::time::MissedTickBehavior;

use super::super::connect::Nats;
use crate::service::shared::{SharedUsage, Usage, UsageReport};

/// How often.
const INTERVAL: Duration = Duration::from_millis(500);

/// Most users in one message: with 50 bytes each, it is far below what any server takes.
const MAX_USERS: usize = 1_000;

/// The longest name of a run of a relay.
const MAX_FRONT: usize = 64;

#[derive(Clone, PartialEq, Eq, Message)]
struct Told {
    /// The run of a relay's process.
    #[prost(string, tag = "1")]
    front: String,
    #[prost(bool, tag = "2")]
    full: bool,
    #[prost(message, repeated, tag = "3")]
    users: Vec<User>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct User {
    #[prost(bytes = "vec", tag = "1")]
    hash: Vec<u8>,
    #[prost(uint32, tag = "2")]
    calls: u32,
    #[prost(uint32, tag = "3")]
    rows: u32,
    #[prost(uint32, tag = "4")]
    sockets: u32,
    #[prost(uint32, tag = "5")]
    subscriptions: u32,
}

/// The messages of one report.
fn messages(front: &str, report: &UsageReport) -> Vec<Told> {
    let of = |full, users: &[Usage]| Told {
        front: front.to_owned(),
        full,
        users: users
            .iter()
            .map(|usage| {
                let Usage { user, calls, rows, sockets, subscriptions } = *usage;
                User { hash: user.to_vec(), calls, rows, sockets, subscriptions }
            })
            .collect(),
    };
    if report.users.is_empty() {
        return vec![of(report.full, &[])];
    }
    // The first one ends what was told before; the others add to it.
    report.users.chunks(MAX_USERS).enumerate().map(|(index, users)| of(report.full && index == 0, users)).collect()
}

/// A message, with the run of a relay that sent it; none when it is not one.
fn read(payload: &[u8]) -> Option<(String, UsageReport)> {
    let told = Told::decode(payload).ok().filter(|told| told.front.len() <= MAX_FRONT)?;
    let users = told.users.into_iter().filter_map(|user| {
        let User { hash, calls, rows, sockets, subscriptions } = user;
        Some(Usage { user: hash.try_into().ok()?, calls, rows, sockets, subscriptions })
    });
    Some((told.front, UsageReport { full: told.full, users: users.collect() }))
}

/// Tells and hears, for as long as it is asked to.
pub(super) async fn run(nats: &Nats, usage: &dyn SharedUsage) {
    let front = uuid::Uuid::new_v4().simple().to_string();
    let subject = nats.names.usage();
    let hear = async {
        loop {
            if let Ok(mut heard) = nats.client().subscribe(subject.clone()).await {
                while let Some(message) = heard.next().await {
                    if let Some((from, report)) = read(&message.payload)
                        && from != front
                    {
                        usage.elsewhere(&from, &report);
                    }
                }
            }
            tokio::time::sleep(INTERVAL).await;
        }
    };
    let tell = async {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for told in messages(&front, &usage.report()) {
                // While there is no connection, every relay is alone.
                if nats.tell(subject.clone(), told.encode_to_vec().into()).await.is_err() {
                    break;
                }
            }
        }
    };
    tokio::join!(hear, tell);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_the_same_after_its_way_and_a_large_one_goes_in_parts() {
        let users: Vec<_> = (0..=2_000_u32)
            .map(|number| {
                let mut user = [7; 16];
                user[..4].copy_from_slice(&number.to_be_bytes());
                Usage { user, calls: u32::MAX, rows: u32::MAX, sockets: u32::MAX, subscriptions: number }
            })
            .collect();
        let parts = messages("run", &UsageReport { full: true, users: users.clone() });
        assert!(parts.iter().all(|part| part.encoded_len() < 64 * 1024));
        let parts: Vec<_> = parts.iter().map(|part| read(&part.encode_to_vec()).unwrap()).collect();
        assert_eq!(parts.iter().map(|(_, report)| report.full).collect::<Vec<_>>(), [true, false, false]);
        assert!(parts.iter().all(|(front, _)| front == "run"));
        assert_eq!(parts.into_iter().flat_map(|(_, report)| report.users).collect::<Vec<_>>(), users);
        let empty = messages("run", &UsageReport { full: true, users: Vec::new() });
        assert_eq!(empty.iter().map(|part| (part.full, part.users.len())).collect::<Vec<_>>(), [(true, 0)]);
    }

    #[test]
    fn what_is_no_report_is_none() {
        assert!(read(b"\xff\xff").is_none());
        assert!(read(&Told { front: "x".repeat(65), full: false, users: vec![] }.encode_to_vec()).is_none());
        let user = User { hash: vec![1; 15], calls: 1, rows: 0, sockets: 0, subscriptions: 0 };
        let (_, report) = read(&Told { front: "x".to_owned(), full: false, users: vec![user] }.encode_to_vec()).unwrap();
        assert!(report.users.is_empty());
    }
}
