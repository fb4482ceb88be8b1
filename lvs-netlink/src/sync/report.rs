//! What became of a plan.

use super::Step;
use crate::Error;
use std::fmt;

/// This is what became of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum Outcome {
    /// The kernel did it.
    Done,
    /// Somebody else was quicker: what was to be added was there, or what was to be edited was gone; it now is as wanted.
    Adjusted,
    /// What was to be removed, or to be drained, was gone already.
    Gone,
    /// The kernel refused it; [`Report::failures`] tells why.
    Failed,
    /// No answer came, so it may have been done or not.
    Unknown,
    /// It was not tried: something before it ended the run, or was refused and is to replace what this step would take away.
    Skipped,
}

impl Outcome {
    /// Whether the kernel now is as the step wanted it.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Done | Self::Adjusted | Self::Gone)
    }
}

/// This is what a callback is told after each step.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The step's place in the plan, from 0.
    pub place: usize,
    /// The number of steps of the plan.
    pub total: usize,
    /// The step.
    pub step: &'a Step,
    /// What became of it.
    pub outcome: Outcome,
}

/// This says whether a refusal ends the application of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// No further window is sent. What was in the same window (128 steps) has been tried.
    #[default]
    Stop,
    /// The other steps are tried, too.
    Continue,
}

/// This tells what became of every step of a plan.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    pub(super) outcomes: Vec<Outcome>,
    pub(super) failures: Vec<Failure>,
    pub(super) lost: Option<Error>,
}

/// This is a step that the kernel refused.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failure {
    /// The step's place in the plan, from 0.
    pub place: usize,
    /// Why, and what to do about it.
    pub error: Error,
}

impl Report {
    /// The outcome of each step, in the order of the plan.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// How many steps had an outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.iter().filter(|&&found| found == outcome).count()
    }

    /// The steps that the kernel refused.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// Why the connection was lost, if that ended it.
    #[must_use]
    pub fn connection_error(&self) -> Option<&Error> {
        self.lost.as_ref()
    }

    /// Whether every step succeeded.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.is_success())
    }

    /// The report, or [`Incomplete`] if a step did not succeed.
    ///
    /// # Errors
    /// As said.
    pub fn complete(self) -> Result<Self, Incomplete> {
        if self.is_complete() { Ok(self) } else { Err(Incomplete(Box::new(self))) }
    }

    pub(super) fn fail(&mut self, place: usize, error: Error) -> Outcome {
        self.failures.push(Failure { place, error });
        Outcome::Failed
    }
}

/// This says that a plan was not done completely. What was done stays done, and the next plan contains the rest.
#[derive(Debug)]
pub struct Incomplete(Box<Report>);

impl Incomplete {
    /// What became of each step.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0
    }

    /// What became of each step.
    #[must_use]
    pub fn into_report(self) -> Report {
        *self.0
    }
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.0;
        let succeeded = report.outcomes.iter().filter(|outcome| outcome.is_success()).count();
        write!(f, "{succeeded} of {} steps succeeded", report.outcomes.len())?;
        for (outcome, words) in [
            (Outcome::Failed, "were refused"),
            (Outcome::Unknown, "got no answer"),
            (Outcome::Skipped, "were not tried"),
        ] {
            match report.count(outcome) {
                0 => {}
                count => write!(f, ", {count} {words}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Incomplete {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let first = self.0.failures.first().map(|failure| &failure.error);
        self.0.lost.as_ref().or(first).map(|error| error as _)
    }
}
