//! What a subject may take, and what other relays know of it.

use super::*;
use im_chats_protocol::grant::Scopes;

fn subjects(limits: SubjectLimits) -> Subjects {
    Subjects::new(limits, &ServerLimits::default())
}

fn user(name: &str) -> Grant {
    Grant { subject: Some(name.into()), scopes: Scopes::ALL, chats: None, expires_in_ms: None }
}

#[test]
fn a_user_has_a_rate_of_its_own_and_the_operator_has_none() {
    let limits = SubjectLimits { max_subject_calls_per_second: 1, max_subject_call_burst: 2, ..SubjectLimits::default() };
    let subjects = subjects(limits);
    assert!(subjects.of(&Grant::ADMIN).is_none());
    let greedy = subjects.of(&user("greedy")).unwrap();
    assert_eq!((greedy.call(), greedy.call()), (Ok(()), Ok(())));
    let error = subjects.of(&user("greedy")).unwrap().call().unwrap_err();
    assert_eq!((error.code.as_ref(), error.retryable), ("burstRateExceeded", true));
    assert!((1..=1_001).contains(&error.retry_after_ms.unwrap()), "{:?}", error.retry_after_ms);
    assert_eq!(subjects.of(&user("modest")).unwrap().call(), Ok(()));
}

#[test]
fn sockets_and_subscriptions_come_back() {
    let limits = SubjectLimits { max_subject_sockets: 1, max_subject_subscriptions: 3, ..SubjectLimits::default() };
    let subject = subjects(limits).of(&user("u")).unwrap();
    let place = subject.socket().unwrap();
    let error = subject.socket().unwrap_err();
    assert_eq!((error.code.as_ref(), error.context_value("limit")), ("subscriptionLimitExceeded", Some("1")));
    drop(place);
    assert!(subject.socket().is_ok());

    let (mut one, mut two) = (Subscriptions::of(Arc::clone(&subject)), Subscriptions::of(subject));
    let room = |subscriptions: &mut Subscriptions, own: usize| {
        let mut room = 0;
        subscriptions.change(|left| {
            room = left;
            own
        });
        room
    };
    assert_eq!((room(&mut one, 2), room(&mut two, 1), room(&mut two, 1)), (3, 1, 0));
    assert_eq!(room(&mut one, 1), 0);
    drop(one);
    assert_eq!(room(&mut two, 0), 2);
}

#[tokio::test]
async fn a_reader_of_more_than_its_rate_waits() {
    let limits = SubjectLimits { max_subject_rows_per_second: 1_000, ..SubjectLimits::default() };
    let subject = subjects(limits).of(&user("u")).unwrap();
    assert_eq!(subject.read(10_000), Duration::ZERO, "ten seconds' worth at once");
    assert!(subject.read(2_000) > Duration::from_secs(1), "and no more");
    assert!(tokio::time::timeout(Duration::from_millis(1), subject.pace()).await.is_err());
}

/// Gateways that report to each other every interval; every lost one is `None`.
struct Joined(Vec<Option<Subjects>>);

impl Joined {
    fn new(count: usize, limits: &SubjectLimits) -> Self {
        Self((0..count).map(|_| Some(Subjects::shared(limits.clone(), &ServerLimits::default()))).collect())
    }

    fn at(&self, front: usize) -> &Subjects {
        self.0[front].as_ref().unwrap()
    }

    fn subject(&self, front: usize) -> Arc<Subject> {
        self.at(front).of(&user("u")).unwrap()
    }

    /// An interval goes by, and each one reports.
    async fn step(&self) {
        tokio::time::advance(REPORT_INTERVAL).await;
        self.report();
    }

    fn report(&self) {
        for (from, reporting) in self.0.iter().enumerate() {
            let Some(report) = reporting.as_ref().map(SharedUsage::report) else { continue };
            for (to, other) in self.0.iter().enumerate() {
                if let (true, Some(other)) = (to != from, other) {
                    other.elsewhere(&from.to_string(), &report);
                }
            }
        }
    }
}

fn rates(calls: u32, burst: u32) -> SubjectLimits {
    SubjectLimits { max_subject_calls_per_second: calls, max_subject_call_burst: burst, ..SubjectLimits::default() }
}

#[test]
fn alone_nothing_is_reported_and_nothing_heard() {
    let subjects = subjects(rates(1, 2));
    let subject = subjects.of(&user("u")).unwrap();
    assert!(subject.call().is_ok());
    assert_eq!(subjects.report(), UsageReport::default());
    let calls = Usage { user: hash("u"), calls: 100, sockets: 100, ..Usage::default() };
    subjects.elsewhere("other", &UsageReport { full: true, users: vec![calls] });
    assert!(subject.call().is_ok() && subject.socket().is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_moves_from_front_to_front_is_charged_once_and_within_the_rate_never_refused() {
    // Half a second's worth is more than may be taken at once.
    for (count, limits) in [(2, rates(50, 10)), (5, rates(20, 5))] {
        let rate = limits.max_subject_calls_per_second;
        let joined = Joined::new(count, &limits);
        let steps = 40 * rate;
        for step in 0..steps {
            tokio::time::advance(Duration::from_secs(1) / rate).await;
            let front = usize::try_from(step / 7).unwrap() % count;
            assert_eq!(joined.subject(front).call(), Ok(()), "{step}");
            if step % (rate / 2) == 0 {
                joined.report();
            }
        }
    }
    // What was taken at one is missing at the other, and comes back in time.
    let joined = Joined::new(2, &rates(1, 10));
    for _ in 0..10 {
        joined.subject(0).call().unwrap();
    }
    joined.report();
    let error = joined.subject(1).call().unwrap_err();
    assert!((501..=1_001).contains(&error.retry_after_ms.unwrap()), "{:?}", error.retry_after_ms);
    tokio::time::advance(Duration::from_secs(10)).await;
    joined.report();
    let taken = (0..20).filter(|_| joined.subject(1).call().is_ok()).count();
    assert_eq!(taken, 10);
}

#[tokio::test(start_paused = true)]
async fn places_hold_for_all_and_come_back_when_a_front_falls_silent() {
    let limits = SubjectLimits { max_subject_sockets: 3, max_subject_subscriptions: 5, ..SubjectLimits::default() };
    let mut joined = Joined::new(2, &limits);
    let (one, two) = (joined.subject(0), joined.subject(1));
    let mut places = vec![one.socket().unwrap(), one.socket().unwrap()];
    let (mut first, mut second) = (Subscriptions::of(Arc::clone(&one)), Subscriptions::of(Arc::clone(&two)));
    first.change(|_| 4);
    joined.step().await;
    let mut left = 0;
    second.change(|room| {
        left = room;
        0
    });
    assert_eq!(left, 1);
    let own = two.socket().unwrap();
    assert!(two.socket().is_err());
    joined.step().await;
    assert!(one.socket().is_err());
    places.pop();
    joined.step().await;
    drop((two.socket().unwrap(), own));
    // Whoever comes later is told what is open, although it has not changed.
    joined.0.push(Some(Subjects::shared(limits, &ServerLimits::default())));
    let three = joined.subject(2);
    for _ in 0..2 {
        joined.step().await;
    }
    let held = (three.socket().unwrap(), three.socket().unwrap());
    assert!(three.socket().is_err());
    drop(held);

    joined.0[0] = None;
    for _ in 0..5 {
        joined.step().await;
    }
    let held = (two.socket().unwrap(), two.socket().unwrap());
    assert!(two.socket().is_err(), "it may be slow");
    joined.step().await;
    assert!(two.socket().is_ok());
    second.change(|room| {
        left = room;
        0
    });
    assert_eq!(left, 5);
    drop(held);
}

#[tokio::test(start_paused = true)]
async fn a_lost_report_is_made_good_by_a_full_one_and_idle_users_are_not_in_any() {
    let joined = Joined::new(2, &SubjectLimits { max_subject_sockets: 1, ..SubjectLimits::default() });
    joined.step().await;
    joined.step().await;
    let place = joined.subject(0).socket().unwrap();
    assert_eq!(joined.at(0).report().users.len(), 1, "and is lost");
    assert!(joined.at(0).report().users.is_empty(), "nothing is new");
    for _ in 0..FULL_EVERY {
        joined.step().await;
    }
    assert!(joined.subject(1).socket().is_err());
    drop(place);
    joined.at(0).report();
    for _ in 0..FULL_EVERY {
        joined.step().await;
    }
    assert!(joined.subject(1).socket().is_ok());
    assert!((0..2 * FULL_EVERY).all(|_| joined.at(0).report().users.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn rows_that_were_read_elsewhere_count_and_debts_are_not_forgotten() {
    let limits =
        SubjectLimits { max_subject_rows_per_second: 1_000, max_subject_calls_per_second: 1, ..SubjectLimits::default() };
    let joined = Joined::new(2, &limits);
    joined.subject(0).read(200_000);
    joined.step().await;
    let wait = joined.subject(1).read(0);
    assert!(wait > Duration::from_secs(189) && wait <= Duration::from_secs(190), "{wait:?}");
    tokio::time::advance(MEMORY + Duration::from_secs(1)).await;
    let _other = joined.at(1).of(&user("other"));
    assert!(joined.subject(1).read(0) > Duration::from_secs(60));
    tokio::time::advance(MEMORY).await;
    let _other = joined.at(1).of(&user("other"));
    assert_eq!(joined.at(1).0.known.lock().subjects.len(), 1, "paid, and forgotten");
}

proptest::proptest! {
    /// Whatever is asked of however many: together they let through what one may, and what others have not told of yet.
    #[test]
    fn together_they_let_through_what_one_user_may(
        count in proptest::sample::select(vec![2_usize, 5]),
        rate in 1_u32..100,
        burst in 1_u32..300,
        asked in proptest::collection::vec((0_usize..5, 1_u32..40, 0_u64..120), 1..200),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let joined = Joined::new(count, &rates(rate, burst));
            let burst = f64::from(burst.min(rate * 120));
            let (started, mut reported, mut total) = (Instant::now(), Instant::now(), 0_u32);
            let mut untold = vec![0_u32; count];
            for (front, calls, pause) in asked {
                tokio::time::advance(Duration::from_millis(pause)).await;
                if reported.elapsed() >= REPORT_INTERVAL {
                    reported = Instant::now();
                    joined.report();
                    untold.fill(0);
                }
                let front = front % count;
                for _ in 0..calls {
                    if joined.subject(front).call().is_ok() {
                        total += 1;
                        untold[front] += 1;
                        let others: u32 = untold.iter().sum::<u32>() - untold[front];
                        let most = burst + started.elapsed().as_secs_f64() * f64::from(rate) + f64::from(others);
                        assert!(f64::from(total) <= most + 0.001, "{total} of {most}");
                    }
                }
            }
        });
    }
}
