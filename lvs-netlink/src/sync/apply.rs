//! Doing what a plan says.
//!
//! Steps are sent in windows. Another program may have been quicker, and answers may get lost, so every step is one that can be done twice:
//! what is there already is edited, what is gone already counts as removed, and a window without an answer is sent once more.

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
    /// [`Incomplete`] with the outcome of every step, unless all succeeded. The first refusal is its source.
    pub fn apply(&self, client: &mut Client) -> Result<Report, Incomplete> {
        self.apply_with(client, OnFailure::Stop, |_| ControlFlow::Continue(()))
    }

    /// Does every step, and tells after each what became of it. Breaking stops before the next window.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_with(
        &self,
        client: &mut Client,
        on_failure: OnFailure,
        mut progress: impl FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Report, Incomplete> {
        let mut run = Run { plan: self, client, on_failure, report: Report::default(), scheduled: scheduled(self) };
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
}

impl Run<'_> {
    fn all(&mut self, progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>) {
        let steps = &self.plan.steps;
        let total = steps.len();
        let mut from = 0;
        let mut tried_before = false;
        while let Some(window) = steps.get(from..total.min(from + WINDOW)).filter(|window| !window.is_empty()) {
            let (answers, lost) = self.send(window);
            let answered = answers.len();
            let mut flow = ControlFlow::Continue(());
            for ((place, step), answer) in (from..).zip(window).zip(answers) {
                let outcome = self.settle(place, step, answer);
                if let Some(slot) = self.report.outcomes.get_mut(place) {
                    *slot = outcome;
                }
                if progress(Progress { place, total, step, outcome }).is_break()
                    || (outcome == Outcome::Failed && self.on_failure == OnFailure::Stop)
                {
                    flow = ControlFlow::Break(());
                }
            }
            from += answered;
            if let Some(error) = lost
                && (tried_before && answered == 0 || !is_worth_a_retry(&error))
            {
                self.give_up(from, window.len() - answered, error);
                return;
            }
            tried_before = answered < window.len();
            if flow.is_break() {
                return;
            }
        }
    }

    /// Sends one window and gives the answers that came, in order.
    fn send(&mut self, window: &[Step]) -> (Vec<Result<(), Error>>, Option<Error>) {
        let requests: Vec<Request<'_>> = window.iter().map(|step| Request::from(&step.change)).collect();
        let mut answers = Vec::with_capacity(window.len());
        let lost = self.client.submit(&requests, |_, answer| {
            answers.push(answer);
            ControlFlow::Continue(())
        });
        (answers, lost.err())
    }

    fn give_up(&mut self, from: usize, unanswered: usize, error: Error) {
        for outcome in self.report.outcomes.iter_mut().skip(from).take(unanswered) {
            *outcome = Outcome::Unknown;
        }
        self.report.lost = Some(error);
    }

    /// Turns an answer into an outcome, after putting right what another program's doing had put wrong.
    fn settle(&mut self, place: usize, step: &Step, answer: Result<(), Error>) -> Outcome {
        let Err(error) = answer else { return Outcome::Done };
        let repaired = match (&step.change, error.kind()) {
            (Change::AddService(service), ErrorKind::ServiceExists) => {
                // What stands at the end of its steps says all of its settings, and says the scheduler that this one leaves open.
                if self.scheduled.contains(service.key()) {
                    return Outcome::Adjusted;
                }
                self.client.upsert_service(service).map(drop)
            }
            (Change::AddDestination { service, destination }, ErrorKind::DestinationExists) => {
                match self.client.edit_destination(service, destination) {
                    Err(gone) if matches!(gone.kind(), ErrorKind::DestinationMissing) => {
                        self.client.upsert_destination(service, destination).map(drop)
                    }
                    edited => edited,
                }
            }
            (Change::EditDestination { .. }, ErrorKind::DestinationMissing) if step.purpose == Purpose::Quiesce => {
                return Outcome::Gone;
            }
            (Change::EditDestination { service, to, .. }, ErrorKind::DestinationMissing) => {
                self.client.upsert_destination(service, to).map(drop)
            }
            (
                Change::RemoveService(_) | Change::RemoveDestination { .. },
                ErrorKind::ServiceMissing | ErrorKind::DestinationMissing,
            ) => return Outcome::Gone,
            _ => Err(error),
        };
        match repaired {
            Ok(()) => Outcome::Adjusted,
            Err(error) => self.report.fail(place, error),
        }
    }
}

/// A connection that was only lost is opened again by the client; one that cannot be had will not come by asking again.
fn is_worth_a_retry(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut(_) | ErrorKind::AnswersLost | ErrorKind::Malformed(_))
}
