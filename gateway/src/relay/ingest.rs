//! Carries the merge: streams, clock and log come together here, and nothing is decided.

use std::time::Duration;

use futures_util::stream::{self, BoxStream, ReadyChunks, StreamExt};
use im_chats_protocol::error::{Category, Error};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::event;
use super::frame::{Frame, RawEvent};
use super::merge::{Lane, Link, Merge, MergeInput, MergeOutput, Timing};
use super::token::Bearer;
use super::upstream::Upstream;
use crate::base::random::fraction;
use crate::log::{LogWriter, LoggedEvent};
use crate::service::health::Health;

/// Frames taken from a stream at once, which become one transaction.
const CHUNK: usize = 512;

/// Pause after the log could not be written, unless the error says when to try again.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// While the link is down: how often to look whether the token has changed.
const TOKEN_LOOK: Duration = Duration::from_millis(500);

type Frames<T> = ReadyChunks<BoxStream<'static, T>>;
type CatchUpFrame = Result<Frame, Error>;
type LiveFrame = (Lane, Result<Frame, Error>);

/// The task that keeps our log up with the upstream's.
pub struct Ingest {
    upstream: Upstream,
    writer: Box<dyn LogWriter>,
    timing: Timing,
    merge: Merge<LoggedEvent>,
    health: Health,
    started: Instant,
    live: Option<Frames<LiveFrame>>,
    catch_up: Option<Frames<CatchUpFrame>>,
    /// The lanes that the upstream refuses, until that was said.
    absent: Vec<(Lane, Error)>,
    /// Those of which it was said: once is enough, however often the link is opened.
    said_absent: Vec<Lane>,
    /// The link as it was reported last.
    reported: Link,
    /// The token of the last attempt.
    token: Bearer,
}

impl Ingest {
    /// Goes on where the log ends.
    ///
    /// # Errors
    /// What [`LogWriter::last`] says when the log cannot be read.
    pub async fn new(
        upstream: Upstream,
        mut writer: Box<dyn LogWriter>,
        timing: Timing,
        health: Health,
    ) -> Result<Self, Error> {
        let last = writer.last().await?;
        let merge = Merge::new(timing, writer.head(), last, 0);
        let token = upstream.token();
        Ok(Self {
            upstream,
            writer,
            timing,
            merge,
            health,
            started: Instant::now(),
            live: None,
            catch_up: None,
            absent: Vec::new(),
            said_absent: Vec::new(),
            reported: Link::Down(None),
            token,
        })
    }

    /// Works until `end` is cancelled.
    pub async fn run(mut self, end: CancellationToken) {
        while !end.is_cancelled() {
            let deadline = self.started + Duration::from_millis(self.merge.next_deadline());
            let look = matches!(self.merge.link(), Link::Down(Some(_)));
            let deadline = if look { deadline.min(Instant::now() + TOKEN_LOOK) } else { deadline };
            // Frames before the clock: silence is what is left when nothing waits to be taken.
            tokio::select! {
                biased;
                () = end.cancelled() => return,
                Some(frames) = next(&mut self.catch_up) => self.take_catch_up(frames).await,
                Some(frames) = next(&mut self.live) => self.take_live(frames).await,
                () = sleep_until(deadline) => {
                    if look && self.upstream.token() != self.token {
                        self.merge.retry();
                    }
                    self.tell(MergeInput::Tick);
                    self.carry_out().await;
                }
            }
            self.report();
        }
    }

    fn tell(&mut self, input: MergeInput<LoggedEvent>) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.merge.handle(now, fraction(), input);
    }

    async fn take_live(&mut self, frames: Vec<LiveFrame>) {
        for (lane, frame) in frames {
            self.tell(match frame {
                Ok(Frame::Event(raw)) => live_event(lane, raw),
                Ok(_) => MergeInput::LiveHeartbeat(lane),
                Err(error) => MergeInput::LiveEnded(lane, error),
            });
            // What follows belongs to streams that are over.
            if self.merge.poll_ends(false) {
                break;
            }
        }
        self.carry_out().await;
    }

    async fn take_catch_up(&mut self, frames: Vec<CatchUpFrame>) {
        for frame in frames {
            let ended = frame.is_err();
            self.tell(match frame {
                Ok(Frame::Event(raw)) => event::logged(raw).map_or_else(MergeInput::CatchUpEnded, MergeInput::CatchUp),
                Ok(Frame::Heartbeat) => MergeInput::CatchUpHeartbeat,
                Ok(Frame::Complete(head)) => MergeInput::Complete(head),
                Err(error) => MergeInput::CatchUpEnded(error),
            });
            if ended {
                self.catch_up = None;
            }
            if ended || self.merge.poll_ends(true) {
                break;
            }
        }
        self.carry_out().await;
    }

    async fn carry_out(&mut self) {
        let mut batch = Vec::new();
        for output in self.merge.poll() {
            if !matches!(output, MergeOutput::Commit(_)) {
                let events = std::mem::take(&mut batch);
                if !events.is_empty() {
                    let written = self.writer.append(events).await;
                    if !self.goes_on(written).await {
                        return;
                    }
                }
            }
            match output {
                MergeOutput::Commit(event) => batch.push(event),
                MergeOutput::OpenLive => {
                    self.token = self.upstream.token();
                    self.live = Some(self.lanes().ready_chunks(CHUNK));
                }
                MergeOutput::LaneAbsent(lane, error) => self.absent.push((lane, error)),
                MergeOutput::OpenCatchUp(after) => self.catch_up = Some(self.upstream.catch_up(after).ready_chunks(CHUNK)),
                MergeOutput::DropCatchUp => self.catch_up = None,
                MergeOutput::DropLink => {
                    (self.live, self.catch_up) = (None, None);
                    self.absent.clear();
                    self.upstream.reconnect();
                }
                MergeOutput::Skip(through) => {
                    tracing::warn!(
                        through,
                        "the upstream no longer holds events that were not read yet; readers behind get an error"
                    );
                    let skipped = self.writer.skip_to(through).await;
                    if !self.goes_on(skipped).await {
                        return;
                    }
                }
                MergeOutput::Replace => {
                    tracing::warn!(
                        "the upstream has another log; ours begins again with a new id, and its readers get an error"
                    );
                    let replaced = self.writer.replace().await;
                    if !self.goes_on(replaced).await {
                        return;
                    }
                }
            }
        }
        if !batch.is_empty() {
            let written = self.writer.append(batch).await;
            self.goes_on(written).await;
        }
        if self.merge.has_settled() {
            self.catch_up = None;
        }
    }

    /// All live streams, as one.
    fn lanes(&self) -> BoxStream<'static, LiveFrame> {
        let lanes = Lane::ALL.map(|lane| self.upstream.live(lane).map(move |frame| (lane, frame)).boxed());
        stream::select_all(lanes).boxed()
    }

    /// Whether that went well. If not, everything begins again where the log ends.
    async fn goes_on(&mut self, written: Result<(), Error>) -> bool {
        let Err(error) = written else { return true };
        self.health.degraded(&error);
        (self.live, self.catch_up) = (None, None);
        let pause = error.retry_after_ms.map_or(WRITE_PAUSE, Duration::from_millis);
        tokio::time::sleep(pause).await;
        let last = self.writer.last().await.ok().flatten();
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.merge = Merge::new(self.timing, self.writer.head(), last, now);
        self.reported = Link::Down(Some(error));
        false
    }

    /// Tells the operator, once for each change.
    fn report(&mut self) {
        self.report_absent();
        let link = self.merge.link();
        if *link == self.reported {
            return;
        }
        match link {
            Link::Up => {
                tracing::info!(head = self.merge.head(), "the upstream is connected, and the log is up with it");
                self.health.ok();
            }
            Link::Down(None) => {}
            Link::Down(Some(error)) => {
                self.health.degraded(error);
                if error.category() == Category::Authentication {
                    tracing::error!(code = %error.code, "the upstream refuses the token: {}; trying again", error.message);
                } else {
                    tracing::warn!(code = %error.code, "the upstream is away: {}; trying again", error.message);
                }
            }
        }
        self.reported = link.clone();
    }

    /// Says which lanes the upstream refuses. Only while the link is up: a token that is refused everywhere is another matter.
    fn report_absent(&mut self) {
        if *self.merge.link() != Link::Up {
            return;
        }
        for (lane, error) in std::mem::take(&mut self.absent) {
            if self.said_absent.contains(&lane) {
                continue;
            }
            self.said_absent.push(lane);
            let (lane, poll_ms) = (lane.name(), self.timing.poll_ms);
            tracing::warn!(
                code = %error.code,
                "the upstream gives no live events of {lane}: {}; it is asked for them every {poll_ms} ms instead",
                error.message
            );
        }
    }
}

async fn next<T>(frames: &mut Option<Frames<T>>) -> Option<Vec<T>> {
    match frames {
        Some(frames) => frames.next().await,
        None => std::future::pending().await,
    }
}

fn live_event(lane: Lane, raw: RawEvent) -> MergeInput<LoggedEvent> {
    event::logged(raw).map_or_else(|error| MergeInput::LiveEnded(lane, error), |event| MergeInput::Live(lane, event))
}
