//! The rules of the live streams, one by one.

use im_chats_gateway::relay::merge::{GRACE_MS, HELD, Lane, Link, Merge, MergeInput, MergeOutput, UNPROVEN_MS};
use im_chats_protocol::error::{Error, ErrorCode};

use super::TIMING;
use super::upstream::Ev;

type Output = MergeOutput<Ev>;

fn event(sequence: u64, lane: Lane) -> Ev {
    Ev { sequence, log: 1, lane: Some(lane) }
}

struct Case {
    merge: Merge<Ev>,
    now: u64,
}

impl Case {
    /// With a link that is being opened, and a log that is empty on both sides.
    fn opened() -> Self {
        let mut case = Self { merge: Merge::new(TIMING, 0, None, 0), now: 0 };
        assert_eq!(case.tell(MergeInput::Tick), [Output::OpenLive, Output::OpenCatchUp(None)]);
        case
    }

    /// With these lanes attached and every catch-up that follows from that done.
    fn attached(lanes: &[Lane]) -> Self {
        let mut case = Self::opened();
        for lane in lanes {
            assert_eq!(case.tell(MergeInput::LiveHeartbeat(*lane)), []);
        }
        // One for the beginning, and one for what happened before the proofs.
        assert_eq!(case.tell(MergeInput::Complete(0)), [Output::OpenCatchUp(None)]);
        assert_eq!(case.tell(MergeInput::Complete(0)), []);
        case
    }

    fn tell(&mut self, input: MergeInput<Ev>) -> Vec<Output> {
        self.merge.handle(self.now, 0.5, input);
        self.merge.poll()
    }

    fn live(&mut self, sequence: u64, lane: Lane) -> Vec<Output> {
        self.tell(MergeInput::Live(lane, event(sequence, lane)))
    }

    /// Lets time pass until the machine wants to be woken.
    fn wake(&mut self) -> (u64, Vec<Output>) {
        let waited = self.merge.next_deadline() - self.now;
        self.now += waited;
        (waited, self.tell(MergeInput::Tick))
    }

    /// The same, with every lane alive meanwhile.
    fn wake_alive(&mut self, lanes: &[Lane]) -> (u64, Vec<Output>) {
        let began = self.now;
        loop {
            for lane in lanes {
                assert_eq!(self.tell(MergeInput::LiveHeartbeat(*lane)), []);
            }
            self.now = self.merge.next_deadline().min(self.now + 1_000);
            let outputs = self.tell(MergeInput::Tick);
            if !outputs.is_empty() {
                return (self.now - began, outputs);
            }
        }
    }
}

fn commits(events: &[(u64, Lane)]) -> Vec<Output> {
    events.iter().map(|(sequence, lane)| Output::Commit(event(*sequence, *lane))).collect()
}

fn refusal() -> Error {
    Error::new(ErrorCode::OperationNotSupported, "no such method")
}

#[test]
fn lanes_that_overtake_each_other_are_put_in_order_without_a_catch_up() {
    use Lane::{Chats, Groups, Messages, Polls};
    let mut case = Case::attached(&Lane::ALL);
    assert_eq!(case.live(3, Polls), []);
    case.now += GRACE_MS / 2;
    assert_eq!(case.live(1, Messages), commits(&[(1, Messages)]));
    // What is missing now is another one, and has its own time.
    case.now += GRACE_MS - 1;
    assert_eq!(case.tell(MergeInput::Tick), []);
    assert_eq!(case.live(5, Chats), []);
    assert_eq!(case.live(2, Groups), commits(&[(2, Groups), (3, Polls)]));
    assert_eq!(case.live(4, Messages), commits(&[(4, Messages), (5, Chats)]));
    case.now += GRACE_MS * 2;
    assert_eq!(case.tell(MergeInput::Tick), [], "nothing is missing any more");
}

#[test]
fn what_does_not_come_by_itself_soon_is_fetched() {
    let mut case = Case::attached(&Lane::ALL);
    assert_eq!(case.live(1, Lane::Chats), commits(&[(1, Lane::Chats)]));
    assert_eq!(case.live(3, Lane::Chats), []);
    case.now += 5;
    assert_eq!(case.live(4, Lane::Polls), [], "a second one gives the first no more time");
    assert_eq!(case.wake(), (GRACE_MS - 5, vec![Output::OpenCatchUp(None)]));
    case.tell(MergeInput::CatchUp(event(1, Lane::Chats)));
    let found = case.tell(MergeInput::CatchUp(event(3, Lane::Chats)));
    assert_eq!(found, commits(&[(3, Lane::Chats), (4, Lane::Polls)]), "2 was nobody's");
}

#[test]
fn without_every_lane_nobody_waits_for_what_may_never_come() {
    let three = [Lane::Chats, Lane::Messages, Lane::Groups];
    let mut case = Case::opened();
    let outputs = case.tell(MergeInput::LiveEnded(Lane::Polls, refusal()));
    assert_eq!(outputs, [Output::LaneAbsent(Lane::Polls, refusal())]);
    for lane in three {
        case.tell(MergeInput::LiveHeartbeat(lane));
    }
    case.tell(MergeInput::Complete(0));
    case.tell(MergeInput::Complete(0));
    assert_eq!(case.merge.link(), &Link::Up);
    assert_eq!(case.live(2, Lane::Messages), [Output::OpenCatchUp(None)]);
}

#[test]
fn a_lane_that_is_not_there_keeps_the_poll_and_is_asked_for_again_with_the_next_link() {
    let three = [Lane::Chats, Lane::Messages, Lane::Groups];
    let mut case = Case::opened();
    for error in [refusal(), Error::new(ErrorCode::ServiceUnavailable, "the stream has ended")] {
        let known = case.merge.poll().is_empty();
        let outputs = case.tell(MergeInput::LiveEnded(Lane::Polls, error));
        assert!(known && outputs.len() < 2 && !outputs.contains(&Output::DropLink), "{outputs:?}");
    }
    assert_eq!(case.live(9, Lane::Polls), [], "what such a lane gives does not count");
    for lane in three {
        case.tell(MergeInput::LiveHeartbeat(lane));
    }
    case.tell(MergeInput::Complete(0));
    for _ in 0..5 {
        case.tell(MergeInput::Complete(0));
        assert_eq!(case.wake_alive(&three), (TIMING.poll_ms, vec![Output::OpenCatchUp(None)]));
    }
    let cut = Error::new(ErrorCode::ServiceUnavailable, "cut");
    assert_eq!(case.tell(MergeInput::LiveEnded(Lane::Chats, cut)), [Output::DropLink]);
    assert_eq!(case.wake().1, [Output::OpenLive, Output::OpenCatchUp(None)]);
    assert_eq!(case.live(1, Lane::Polls), [], "held until a catch-up has shown that it is the same log");
    assert_eq!(case.tell(MergeInput::Complete(0)), [Output::Commit(event(1, Lane::Polls)), Output::OpenCatchUp(None)]);
}

#[test]
fn a_refusal_of_a_lane_that_was_attached_is_the_end_of_the_link() {
    let mut case = Case::attached(&Lane::ALL);
    assert_eq!(case.tell(MergeInput::LiveEnded(Lane::Groups, refusal())), [Output::DropLink]);
    assert_eq!(case.merge.link(), &Link::Down(Some(refusal())));
}

#[test]
fn with_every_lane_attached_the_poll_is_a_rare_safety_net() {
    let mut case = Case::attached(&Lane::ALL);
    let open = || vec![Output::OpenCatchUp(None)];
    // One more soon: the catch-up after the proof may have read a copy that was behind.
    assert_eq!(case.wake_alive(&Lane::ALL), (TIMING.poll_ms, open()));
    for _ in 0..3 {
        assert_eq!(case.tell(MergeInput::Complete(0)), []);
        assert_eq!(case.wake_alive(&Lane::ALL), (TIMING.safety_ms, open()));
    }
}

#[test]
fn each_lane_needs_its_own_proof() {
    let mut case = Case::attached(&[Lane::Chats, Lane::Messages, Lane::Groups]);
    for _ in 0..3 {
        assert_eq!(case.wake(), (UNPROVEN_MS, vec![Output::OpenCatchUp(None)]));
        case.tell(MergeInput::Complete(0));
    }
    assert_eq!(case.tell(MergeInput::LiveHeartbeat(Lane::Polls)), [Output::OpenCatchUp(None)], "for what happened before");
}

#[test]
fn one_silent_lane_is_noticed_however_lively_the_others_are() {
    let lively = [Lane::Chats, Lane::Messages, Lane::Polls];
    let mut case = Case::attached(&Lane::ALL);
    loop {
        let (_, outputs) = case.wake_alive(&lively);
        if outputs == [Output::DropLink] {
            break;
        }
        assert!(outputs == [Output::OpenCatchUp(None)] && case.now < TIMING.live_silence_ms, "{outputs:?}");
        case.tell(MergeInput::Complete(0));
    }
    assert_eq!(case.now, TIMING.live_silence_ms);
    let Link::Down(Some(error)) = case.merge.link() else { panic!("the link is up") };
    assert!(error.message.contains("the live stream of groups"), "{error}");
}

#[test]
fn a_flood_that_nothing_has_confirmed_waits_for_a_catch_up_and_is_complete() {
    let mut case = Case::attached(&Lane::ALL);
    let (most, end) = (HELD as u64, HELD as u64 * 3);
    let mut outputs = Vec::new();
    for sequence in 1..=end {
        outputs.extend(case.live(sequence, Lane::ALL[usize::try_from(sequence % 4).unwrap()]));
    }
    assert_eq!((outputs.len() as u64, outputs.pop()), (most + 1, Some(Output::OpenCatchUp(None))), "one more than has room");
    assert_eq!(case.merge.head(), most);
    for sequence in 1..=end {
        case.tell(MergeInput::CatchUp(event(sequence, Lane::ALL[usize::try_from(sequence % 4).unwrap()])));
    }
    assert_eq!(case.merge.head(), end);
}
