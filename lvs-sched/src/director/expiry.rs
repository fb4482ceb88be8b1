//! This is what happens without packets: timers end, removed destinations are given up, schedulers forget.

use alloc::vec::Vec;
use core::time::Duration;

use lvs_model::Thresholds;

use super::clock::{END, Tick};
use super::entry::{INACTIVE, NIL, TEMPLATE};
use super::servers::{Home, Server};
use super::{Director, Virtual};
use crate::algo::{AnyScheduler, DestinationId, Draws, Generation, Load, Scheduled, Scheduler};

/// The timeout that a template falls to when its time is over while connections under it go on, in seconds.
const CONTROLLING: u32 = 60;

impl<D: Draws> Director<D> {
    /// This lets time pass: connections and templates whose time is over end, and whatever else timers do is done.
    ///
    /// [`inbound`](Self::inbound) and [`outbound`](Self::outbound) do it too; call it before counters or connections are read, or when no packets
    /// come for long. The cost is that of what ends, not of the time that passes.
    pub fn advance(&mut self, now: Duration) {
        let now = now.min(END);
        if now <= self.now {
            return;
        }
        self.now = now;
        let tick = Tick::at(now);
        if tick == self.tick {
            return;
        }
        self.tick = tick;
        loop {
            let minute = self.minutes.first().map(|&(at, _)| at);
            let due = [self.flush, self.servers.next_round(), minute].into_iter().flatten().min();
            let due = due.filter(|&due| due <= tick);
            while let Some(id) = self.table.expire(due.unwrap_or(tick)) {
                self.timer(id);
            }
            let Some(due) = due else { return };
            if self.flush == Some(due) {
                self.flush = None;
                self.flush_unavailable();
            } else if self.servers.next_round() == Some(due) {
                self.trash_round(due);
            } else {
                self.minute();
            }
        }
    }

    /// This is the earliest time at which [`advance`](Self::advance) may have something to do, for callers that sleep until then.
    #[must_use]
    pub fn next_event(&self) -> Option<Duration> {
        let minute = self.minutes.first().map(|&(at, _)| at);
        let events = [self.flush, self.servers.next_round(), minute, self.table.next_event()];
        events.into_iter().flatten().min().map(|at| at.since(Tick::default()))
    }

    /// Restarts the timer of a connection or template with its present timeout.
    pub(super) fn restart(&mut self, id: u32) {
        let deadline = self.tick.after_seconds(self.table.at(id).timeout);
        self.table.arm(id, deadline);
    }

    /// Lets a connection end at the next tick, unless it controls others.
    pub(super) fn expire_now(&mut self, id: u32) {
        if self.table.at(id).children == 0 {
            self.table.arm(id, self.tick.next());
        }
    }

    /// The time of a connection or template is over.
    fn timer(&mut self, id: u32) {
        let entry = self.table.at_mut(id);
        if entry.children > 0 {
            entry.timeout = CONTROLLING;
            let deadline = entry.deadline.after_seconds(CONTROLLING);
            self.table.arm(id, deadline);
        } else {
            self.end(id);
        }
    }

    /// Ends a connection or template that controls nothing.
    pub(super) fn end(&mut self, id: u32) {
        let entry = self.table.remove(id);
        if entry.control != NIL {
            self.table.at_mut(entry.control).children -= 1;
        }
        if entry.destination == NIL {
            return;
        }
        if entry.has(TEMPLATE) {
            self.load(entry.destination, -1, Scheduled::unbind_template, Load::unbind_template);
        } else if entry.has(INACTIVE) {
            self.load(entry.destination, -1, Scheduled::unbind, Load::unbind);
        } else {
            self.load(entry.destination, -1, Scheduled::unbind_active, Load::unbind_active);
        }
    }

    /// `expire_nodest_conn`: ends the connections of removed destinations, and the templates that controlled only such.
    fn flush_unavailable(&mut self) {
        let removed = |id: u32| self.server_of(id).is_some_and(|server| !server.available);
        let doomed: Vec<u32> = self.table.iter().map(|(id, _)| id).filter(|&id| removed(id)).collect();
        // Connections first: a template among them goes when nothing is under it any more.
        let (mut templates, connections): (Vec<u32>, Vec<u32>) =
            doomed.into_iter().partition(|&id| self.table.at(id).has(TEMPLATE));
        for id in connections {
            let control = self.table.at(id).control;
            self.end(id);
            if control != NIL {
                templates.push(control);
            }
        }
        templates.sort_unstable();
        templates.dedup();
        for id in templates {
            if self.table.at(id).children == 0 {
                self.end(id);
            }
        }
    }

    /// Gives up removed destinations that nothing refers to any more.
    fn trash_round(&mut self, due: Tick) {
        let due = recent(due, self.tick, 5);
        let services = &self.services;
        let remembered = |server: &Server| match server.home {
            Home::Service(service, id) => {
                services[service as usize].as_ref().is_some_and(|service| service.scheduled.scheduler().remembers(id))
            }
            Home::Orphan(_) => false,
        };
        for server in self.servers.round(due, remembered) {
            if let Home::Service(service, id) = server.home
                && let Some(service) = &mut self.services[service as usize]
            {
                service.scheduled.forget(id);
            }
        }
    }

    /// Tells one scheduler that a minute has passed.
    fn minute(&mut self) {
        let Some((at, id)) = self.minutes.pop_first() else { return };
        if let Some(service) = &mut self.services[id as usize] {
            let at = recent(at, self.tick, 35);
            service.scheduled.elapsed(at.since(Tick::default()));
            service.minute = at.after_seconds(60);
            self.minutes.insert((service.minute, id));
        }
    }

    /// Changes the load of a destination, in its service or, when that is gone, where it is kept.
    pub(super) fn load(
        &mut self,
        number: u32,
        references: i32,
        in_service: fn(&mut Scheduled<AnyScheduler>, DestinationId) -> bool,
        orphaned: fn(&mut Load, Generation, Thresholds),
    ) {
        let Some(server) = self.servers.at_mut(number) else { return };
        server.references = server.references.saturating_add_signed(references);
        match &mut server.home {
            Home::Service(service, id) => {
                if let Some(Virtual { scheduled, .. }) = &mut self.services[*service as usize] {
                    in_service(scheduled, *id);
                }
            }
            Home::Orphan(load) => orphaned(load, self.kernel.generation, server.destination.thresholds),
        }
    }
}

/// The time of something that recurs every minute: the one that is due, or after a long sleep one of the last `rounds`, as those
/// before it found nothing that these do not find.
fn recent(due: Tick, now: Tick, rounds: u64) -> Tick {
    let minute = Tick(0).after_seconds(60).0;
    let late = now.0.saturating_sub(due.0) / minute;
    Tick(due.0 + late.saturating_sub(rounds) * minute)
}
