//! What happens to a connection: cuts, delays, losses, and what travels.

use im_chats_protocol::wire::close;

use crate::script::Action;
use crate::state::connection::Parcel;
use crate::world::{Event, World};

impl World<'_> {
    /// Something happens to a connection.
    pub fn disturb(&mut self, index: usize, action: Action) {
        let now = self.now;
        let connection = &mut self.connections[index];
        match action {
            Action::Cut { lose_up, lose_down, .. } => self.cut(index, lose_up, lose_down),
            Action::HalfOpen { up, down_ms, buffered, .. } => {
                // Bytes that nobody acknowledges stop the other direction, too, if only after a while.
                connection.down.swallows_at = Some(now + down_ms);
                connection.buffered = buffered;
                if up || down_ms > 0 {
                    connection.up.swallows_at = Some(now);
                }
            }
            Action::Deaf { .. } => connection.up.swallows_at = Some(now),
            Action::Delay { up: true, ms, .. } => connection.up.held_until = now + ms,
            Action::Delay { up: false, ms, .. } | Action::SlowWrites { ms, .. } => {
                connection.down.held_until = now + ms;
                connection.buffered = matches!(action, Action::Delay { .. });
            }
            Action::Duplicate { up: true, .. } => connection.up.duplicate_next = true,
            Action::Duplicate { .. } => connection.down.duplicate_next = true,
            Action::LoseEvents { .. } => connection.down.lose_next_events = true,
            Action::CloseCode { code, .. } => {
                self.send(index, false, Parcel::Close(code));
                self.send(index, true, Parcel::Close(close::GOING_AWAY));
            }
            _ => {}
        }
    }

    /// Cuts a connection: what is in flight may arrive or not, in each direction, and both sides learn of it.
    pub fn cut(&mut self, index: usize, lose_up: bool, lose_down: bool) {
        for (up, lose) in [(true, lose_up), (false, lose_down)] {
            let connection = &mut self.connections[index];
            let pipe = if up { &mut connection.up } else { &mut connection.down };
            if lose && !pipe.ended {
                pipe.flight += 1;
                pipe.last = 0;
            }
            self.send(index, up, Parcel::Close(close::ABNORMAL));
        }
    }

    /// Puts a parcel into a pipe.
    pub fn send(&mut self, index: usize, up: bool, parcel: Parcel) {
        let now = self.now;
        let connection = &mut self.connections[index];
        let mut delay = connection.delay();
        let pipe = if up { &mut connection.up } else { &mut connection.down };
        if pipe.ended {
            return;
        }
        let bytes = if let Parcel::Down(_, bytes) = &parcel { *bytes } else { 0 };
        let is_close = matches!(parcel, Parcel::Close(_));
        let is_events = matches!(&parcel, Parcel::Down(frame, _) if frame["type"] == "events");
        if pipe.swallows(now) {
            if bytes > 0 && connection.buffered {
                self.after(0, Event::Written { connection: index, bytes });
            }
            return;
        }
        pipe.ended = is_close;
        // No transport loses one frame of many; this is there to test the chain. A batch that took the last credit is spared:
        // what comes after it would wait for credit that the client believes to have given, and the chain shows only with
        // the next batch.
        let lost = is_events && !connection.starves && std::mem::take(&mut pipe.lose_next_events);
        let copies = if !is_close && std::mem::take(&mut pipe.duplicate_next) { 2 } else { usize::from(!lost) };
        let flight = pipe.flight;
        let buffered = connection.buffered;
        for copy in 0..copies {
            if copy > 0 {
                if let Parcel::Up(text) = &parcel
                    && (text.contains(r#""init""#) || text.contains(r#""subscribe""#))
                {
                    // The protocol calls a second `init`, or a name used twice, the client's bug: that is final.
                    let client = self.connections[index].client;
                    self.clients[client].accused = true;
                }
                delay = 0;
            }
            let connection = &mut self.connections[index];
            let pipe = if up { &mut connection.up } else { &mut connection.down };
            let at = pipe.arrival(now, delay);
            self.at(at, Event::Arrive { connection: index, up, flight, parcel: parcel.clone() });
        }
        if bytes > 0 {
            let held = if buffered { now } else { self.connections[index].down.held_until.max(now) };
            self.at(held, Event::Written { connection: index, bytes });
        }
    }

    pub fn arrive(&mut self, index: usize, up: bool, flight: u32, parcel: Parcel) {
        let now = self.now;
        let connection = &self.connections[index];
        let pipe = if up { &connection.up } else { &connection.down };
        if pipe.flight != flight || pipe.swallows(now) {
            return;
        }
        if up { self.server_parcel(index, parcel) } else { self.client_parcel(index, parcel) }
    }
}
