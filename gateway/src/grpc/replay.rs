//! `photon.imessage.v1.EventService`: the log after a cursor, then `complete`.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use im_chats::wire::frame::Topic;
use tonic::{Request, Response, Status};

use super::deadline::End;
use super::events::Change;
use super::stream::{Cursor, Range, Step};
use super::{Front, status};
use crate::live::machine::LogState;
use crate::proto::catch_up_events_response::Payload;
use crate::proto::event_service_server::EventService;
use crate::proto::{CatchUpEventsComplete, CatchUpEventsRequest, CatchUpEventsResponse, Heartbeat};

#[tonic::async_trait]
impl EventService for Front {
    type CatchUpEventsStream = BoxStream<'static, Result<CatchUpEventsResponse, Status>>;

    async fn catch_up_events(
        &self,
        request: Request<CatchUpEventsRequest>,
    ) -> Result<Response<Self::CatchUpEventsStream>, Status> {
        let end = End::of(request.extensions());
        let wanted = request.into_inner().after_sequence;
        let log = &self.state.log;
        let watched = log.watch_head();
        // The head last: it is never below the beginning that was read before it.
        let first = log.first();
        let head = log.head();
        if let Some(after) = wanted {
            let state = LogState { id: log.id().into(), first, head };
            state.check(after).map_err(|error| status::from_error(&error))?;
        }
        let range = Range {
            after: wanted.unwrap_or(first),
            until: Some(head),
            topic: Topic::All,
            chat: None,
            from_beginning: wanted.is_none(),
        };
        let steps = Cursor::new(&self.state, watched, range, end)?.steps();
        Ok(Response::new(steps.map(|step| step.and_then(response)).boxed()))
    }
}

fn response(step: Step) -> Result<CatchUpEventsResponse, Status> {
    let (sequence, payload) = match step {
        Step::Event(event) => {
            let payload = match Change::of(&event).map_err(|error| status::from_error(&error))? {
                Change::Chat(change) => Payload::ChatChanged(change),
                Change::Message(change) => Payload::MessageChanged(*change),
            };
            (Some(event.sequence), payload)
        }
        Step::Heartbeat => (None, Payload::Heartbeat(Heartbeat {})),
        Step::Complete(head_sequence) => (None, Payload::Complete(CatchUpEventsComplete { head_sequence })),
    };
    Ok(CatchUpEventsResponse { sequence, payload: Some(payload) })
}
