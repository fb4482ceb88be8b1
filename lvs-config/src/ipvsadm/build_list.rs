//! The options of `-L` and `-S`.

use lvs_model::ServiceKey;

use crate::Diagnostic;
use crate::span::Span;

use super::command::{Columns, Counters, Listing, Naming};
use super::option::Opt;
use super::problem::{Outcome, Problems};

/// The options that choose columns, the strongest first.
const COLUMNS: [(Opt, Columns); 5] = [
    (Opt::Stats, Columns::Statistics),
    (Opt::Rate, Columns::Rates),
    (Opt::Thresholds, Columns::Thresholds),
    (Opt::PersistentConn, Columns::PersistentConnections),
    (Opt::TunInfo, Columns::TunnelInfo),
];

#[derive(Default)]
pub(super) struct ListOptions {
    given: Vec<(Opt, Span)>,
}

impl ListOptions {
    pub(super) fn option(&mut self, opt: Opt, span: Span) {
        self.given.push((opt, span));
    }

    fn find(&self, opt: Opt) -> Option<Span> {
        self.given.iter().find(|(given, _)| *given == opt).map(|(_, span)| *span)
    }

    pub(super) fn naming(&self) -> Naming {
        if self.find(Opt::Numeric).is_some() { Naming::Numbers } else { Naming::Names }
    }

    pub(super) fn finish(
        &self,
        only: Option<ServiceKey>,
        service: Option<Span>,
        problems: &mut Problems<'_>,
    ) -> Option<Listing> {
        let subjects = [service, self.find(Opt::Connection), self.find(Opt::Timeout), self.find(Opt::Daemon)];
        let mut chosen = subjects.iter().flatten();
        if let (Some(first), Some(second)) = (chosen.next(), chosen.next()) {
            problems.error(
                Outcome::Refused,
                Diagnostic::error("conflicting-options", *second, "two things to list")
                    .with_label("choose one of a service, `-c`, `--timeout` and `--daemon`")
                    .with_related(*first, "the other one"),
            );
            return None;
        }
        let other_subject = service.is_none() && subjects.iter().any(Option::is_some);
        let columns = COLUMNS.iter().filter_map(|(opt, columns)| Some((*opt, *columns, self.find(*opt)?)));
        let misplaced = columns.clone().find(|(opt, ..)| match opt {
            Opt::TunInfo => false,
            Opt::PersistentConn => self.find(Opt::Connection).is_none(),
            _ => true,
        });
        if let (true, Some((opt, _, span))) = (other_subject, misplaced) {
            problems.error(
                Outcome::Refused,
                Diagnostic::error("conflicting-options", span, format!("`{}` is for services only", opt.title()))
                    .with_label("does not belong here"),
            );
            return None;
        }
        if self.find(Opt::Timeout).is_some() {
            return Some(Listing::Timeouts);
        }
        if self.find(Opt::Daemon).is_some() {
            return Some(Listing::Daemons);
        }
        if self.find(Opt::Connection).is_some() {
            return Some(Listing::Connections(self.naming()));
        }
        let view = columns.map(|(_, columns, _)| columns).next().unwrap_or_default();
        let counters = if self.find(Opt::Exact).is_some() { Counters::Exact } else { Counters::Scaled };
        Some(Listing::Services { only, view, counters, naming: self.naming() })
    }
}
