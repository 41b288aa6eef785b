//! Someone who reads the log, now from this front, now from that one.

use super::event::Event;
use super::state::Reader;
use super::world::World;

impl World<'_> {
    pub fn poll(&mut self, reader: usize) {
        let delay = self.rng.u64(100..800);
        self.after(delay, Event::Poll { reader });
        let Reader { front, cursor } = self.readers[reader];
        let process = &self.processes[front];
        if !process.alive || self.now < process.frozen_until {
            self.readers[reader].front = (front + 1) % self.processes.len();
            return;
        }
        let disk = &process.disk;
        let mut after = cursor;
        if cursor < disk.begin {
            self.report.figures.gaps += 1;
            after = disk.begin;
        }
        if disk.head <= after {
            self.readers[reader].cursor = after;
            return;
        }
        let from = disk.events.partition_point(|event| *event <= after);
        let (given, head) = (&disk.events[from..], disk.head);
        let (count, fits) = (given.len() as u64, given == self.upstream.between(after, head));
        self.report.figures.delivered += count;
        self.readers[reader].cursor = head;
        if !fits {
            self.fail(format!("p{front} gives reader {reader} something else than what follows {after} up to {head}"));
        }
    }
}
