//! `photon.imessage.v1.EventService`: the log after a cursor, then `complete`.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use im_chats_protocol::wire::frame::Topic;
use tonic::{Request, Response, Status};

use super::Front;
use super::events::change;
use super::reader::Reader;
use super::stream::{LogReader, Range, Step};
use crate::service::convert::event::Change;
use crate::service::proto::catch_up_events_response::Payload;
use crate::service::proto::event_service_server::EventService;
use crate::service::proto::{CatchUpEventsComplete, CatchUpEventsRequest, CatchUpEventsResponse, Heartbeat};
use crate::service::status;

#[tonic::async_trait]
impl EventService for Front {
    type CatchUpEventsStream = BoxStream<'static, Result<CatchUpEventsResponse, Status>>;

    async fn catch_up_events(
        &self,
        request: Request<CatchUpEventsRequest>,
    ) -> Result<Response<Self::CatchUpEventsStream>, Status> {
        let mut reader = Reader::of(self, request.extensions())?;
        let filter = reader.sees(Topic::All, None)?;
        let wanted = request.into_inner().after_sequence;
        let log = self.guard.log();
        let watched = log.watch_head();
        let state = match wanted {
            None => log.state(),
            Some(after) => {
                let checked = reader.while_it_may(&self.drain, log.check_cursor(after)).await;
                checked.map_err(|error| status::from_error(&error))?
            }
        };
        let range = Range {
            log: state.id,
            after: wanted.unwrap_or(state.first),
            until: Some(state.head),
            filter,
            from_beginning: wanted.is_none(),
        };
        let steps = LogReader::new(self, watched, range, reader)?.steps();
        Ok(super::streaming(steps.map(|step| step.and_then(response)).boxed()))
    }
}

fn response(step: Step) -> Result<CatchUpEventsResponse, Status> {
    let (sequence, payload) = match step {
        Step::Event(event) => {
            let payload = match change(&event).map_err(|error| status::from_error(&error))? {
                Change::Chat(change) => Some(Payload::ChatChanged(change)),
                Change::Message(change) => Some(Payload::MessageChanged(*change)),
                Change::Group(change) => Some(Payload::GroupChanged(*change)),
                Change::Poll(change) => Some(Payload::PollChanged(*change)),
                Change::Unknown => None,
            };
            (Some(event.sequence), payload)
        }
        Step::Heartbeat => (None, Some(Payload::Heartbeat(Heartbeat {}))),
        Step::Complete(head_sequence) => (None, Some(Payload::Complete(CatchUpEventsComplete { head_sequence }))),
    };
    Ok(CatchUpEventsResponse { sequence, payload })
}
