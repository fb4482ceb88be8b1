//! Doing what a plan says.
//!
//! Steps are sent in windows. Another program may have been quicker, and answers may get lost, so every step is one that can be done twice:
//! what is there already is edited, what is gone already counts as removed, and a window without an answer is sent once more.
//!
//! Nothing is taken away before its replacement is there: a step that takes away is never in one window with those that it waits for, and is
//! held back when one of them was refused.

use super::report::{Incomplete, OnFailure, Outcome, Progress, Report};
use super::{Plan, Purpose, Step};
use crate::wire::Request;
use crate::{Client, Error, ErrorKind};
use lvs_model::{Change, ServiceKey};
use std::collections::HashSet;
use std::ops::ControlFlow;

/// How many steps are sent before their answers are looked at.
const WINDOW: usize = 128;

impl Plan {
    /// Does every step, and stops after the window in which the kernel refused one.
    ///
    /// # Errors
    /// [`Incomplete`] with the outcome of every step, unless all succeeded. Why the connection was lost is its source, or the first refusal.
    pub fn apply(&self, client: &mut Client) -> Result<Report, Incomplete> {
        self.apply_with(client, OnFailure::Stop, |_| ControlFlow::Continue(()))
    }

    /// Does every step, and tells after each what became of it. Breaking stops before the next window.
    ///
    /// Also with [`OnFailure::Continue`] the destinations of a service stay, and none begins to drain, when an addition or an edit of that service was
    /// refused; and services stay when anything was refused that is added, which may be what was to replace them.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_with(
        &self,
        client: &mut Client,
        on_failure: OnFailure,
        mut progress: impl FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Report, Incomplete> {
        let (report, refused) = (Report::default(), Refused::default());
        let mut run = Run { plan: self, client, on_failure, report, scheduled: scheduled(self), refused };
        run.report.outcomes = vec![Outcome::Skipped; self.steps.len()];
        run.all(&mut progress);
        run.report.complete()
    }
}

/// The new services whose last step says all of their settings, so that nothing is to be put right before.
fn scheduled(plan: &Plan) -> HashSet<ServiceKey> {
    let last = plan.steps.iter().filter(|step| step.purpose == Purpose::Schedule);
    last.map(|step| *step.change.service()).collect()
}

struct Run<'a> {
    plan: &'a Plan,
    client: &'a mut Client,
    on_failure: OnFailure,
    report: Report,
    scheduled: HashSet<ServiceKey>,
    refused: Refused,
}

/// What was refused, as far as others wait for it.
#[derive(Default)]
struct Refused {
    services: HashSet<ServiceKey>,
    is_addition: bool,
}

impl Refused {
    fn note(&mut self, step: &Step) {
        self.services.insert(*step.change.service());
        self.is_addition |= matches!(step.purpose, Purpose::Add | Purpose::Schedule);
    }

    fn holds_back(&self, step: &Step) -> bool {
        match step.change {
            Change::RemoveService(_) => self.is_addition,
            _ => takes_away(step) && self.services.contains(step.change.service()),
        }
    }
}

/// Whether a step leaves clients with less than they had.
fn takes_away(step: &Step) -> bool {
    matches!(step.purpose, Purpose::Quiesce | Purpose::Remove)
}

impl Run<'_> {
    fn all(&mut self, progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>) {
        let steps = &self.plan.steps;
        let total = steps.len();
        let mut from = 0;
        let mut tried_before = false;
        while from < total {
            let end = self.window(from);
            let places: Vec<usize> = (from..end).filter(|&place| !self.refused.holds_back(&steps[place])).collect();
            let (answers, lost) = self.send(&places);
            let answered = answers.len();
            let mut answers = places.iter().zip(answers).peekable();
            let mut flow = ControlFlow::Continue(());
            // What is behind the last answer is told in its own window.
            let told = places.get(answered).copied().unwrap_or(end);
            for (place, step) in (from..told).zip(&steps[from..told]) {
                let outcome = match answers.next_if(|(answered, _)| **answered == place) {
                    Some((_, answer)) => self.settle(place, step, answer),
                    None => Outcome::Skipped,
                };
                if outcome == Outcome::Failed && !takes_away(step) {
                    self.refused.note(step);
                }
                self.report.outcomes[place] = outcome;
                let stops = outcome == Outcome::Failed && self.on_failure == OnFailure::Stop;
                if progress(Progress { place, total, step, outcome }).is_break() || stops {
                    flow = ControlFlow::Break(());
                }
            }
            from = told;
            if let Some(error) = lost
                && (flow.is_break() || tried_before && answered == 0 || !is_worth_a_retry(&error))
            {
                self.give_up(&places[answered..], error);
                return;
            }
            tried_before = answered < places.len();
            // A connection that is lost while something is put right has been tried twice.
            if flow.is_break() || self.report.lost.is_some() {
                return;
            }
        }
    }

    /// Where the window that begins at a place ends: before the first step that waits for another one in it.
    fn window(&self, from: usize) -> usize {
        let steps = &self.plan.steps;
        let most = steps.len().min(from + WINDOW);
        let mut awaited = Refused::default();
        for (place, step) in (from..most).zip(&steps[from..most]) {
            if awaited.holds_back(step) {
                return place;
            }
            if !takes_away(step) {
                awaited.note(step);
            }
        }
        most
    }

    /// Sends the steps at these places and gives the answers that came, in order.
    fn send(&mut self, places: &[usize]) -> (Vec<Result<(), Error>>, Option<Error>) {
        let steps = places.iter().map(|&place| &self.plan.steps[place]);
        let requests: Vec<Request<'_>> = steps.map(|step| Request::from(&step.change)).collect();
        let mut answers = Vec::with_capacity(places.len());
        let lost = self.client.submit(&requests, |_, answer| {
            answers.push(answer);
            ControlFlow::Continue(())
        });
        (answers, lost.err())
    }

    fn give_up(&mut self, unanswered: &[usize], error: Error) {
        for &place in unanswered {
            self.report.outcomes[place] = Outcome::Unknown;
        }
        self.report.lost = Some(error);
    }

    /// Turns an answer into an outcome, after putting right what another program's doing had put wrong.
    fn settle(&mut self, place: usize, step: &Step, answer: Result<(), Error>) -> Outcome {
        let Err(error) = answer else { return Outcome::Done };
        let gone = matches!(error.kind(), ErrorKind::ServiceMissing | ErrorKind::DestinationMissing);
        if gone && takes_away(step) {
            return Outcome::Gone;
        }
        // What stands at the end of its steps says all of its settings, and says the scheduler that this one leaves open.
        if let (Change::AddService(service), ErrorKind::ServiceExists) = (&step.change, error.kind())
            && self.scheduled.contains(service.key())
        {
            return Outcome::Adjusted;
        }
        let repaired = match self.repair(step, error.kind()) {
            Some(Err(lost)) if is_worth_a_retry(&lost) => self.repair(step, error.kind()),
            repaired => repaired,
        };
        match repaired {
            None => self.report.fail(place, error),
            Some(Ok(())) => Outcome::Adjusted,
            Some(Err(lost)) if is_worth_a_retry(&lost) || matches!(lost.kind(), ErrorKind::Io(_)) => {
                self.report.lost = Some(lost);
                Outcome::Unknown
            }
            Some(Err(error)) => self.report.fail(place, error),
        }
    }

    /// Puts right what another program's doing had put wrong, if it is that; as every step it can be done twice.
    fn repair(&mut self, step: &Step, refusal: &ErrorKind) -> Option<Result<(), Error>> {
        let client = &mut *self.client;
        Some(match (&step.change, refusal) {
            (Change::AddService(service), ErrorKind::ServiceExists) => client.upsert_service(service).map(drop),
            (Change::AddDestination { service, destination }, ErrorKind::DestinationExists) => {
                match client.edit_destination(service, destination) {
                    Err(gone) if matches!(gone.kind(), ErrorKind::DestinationMissing) => {
                        client.upsert_destination(service, destination).map(drop)
                    }
                    edited => edited,
                }
            }
            (Change::EditDestination { service, to, .. }, ErrorKind::DestinationMissing) => {
                client.upsert_destination(service, to).map(drop)
            }
            _ => return None,
        })
    }
}

/// A connection that was only lost is opened again by the client; one that cannot be had will not come by asking again.
fn is_worth_a_retry(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut(_) | ErrorKind::AnswersLost | ErrorKind::Malformed(_))
}
