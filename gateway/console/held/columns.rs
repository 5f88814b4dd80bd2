//! What pages ask of a million entries at once, in columns: a page passes over some bytes of each entry, and reads only
//! those that it shows. Texts stand once, and a number for each where they occur.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use doelpoort_core::audit::alert::local;
use doelpoort_core::audit::filter::{Decided, Filter};
use doelpoort_core::audit::leaf::{Form, GRANTED, Kind, Leaf, Micros};
use jiff::civil::Date;

/// The entries of a log, in its order.
#[derive(Debug, Default)]
pub(in crate::console) struct Columns {
    times: Vec<Micros>,
    /// In the Netherlands.
    days: Vec<Date>,
    kinds: Vec<Kind>,
    recipients: Texts,
    purposes: Texts,
    datasets: Texts,
    decisions: Texts,
    forms: Vec<Option<Form>>,
    /// Zeros where there is none: no trace has that id (W3C Trace Context 3.2.2.3).
    traces: Vec<[u8; 16]>,
    /// When an organisation last got something under a purpose, by the numbers of both.
    last_granted: BTreeMap<(u32, u32), Micros>,
}

/// A column of texts of which there are few.
#[derive(Debug, Default)]
struct Texts {
    /// The number of each entry's text; 0 where it has none.
    codes: Vec<u32>,
    /// The texts, from number 1 on.
    distinct: Vec<Box<str>>,
    known: HashMap<Box<str>, u32>,
}

impl Texts {
    fn push(&mut self, text: Option<&str>) -> u32 {
        let code = text.map_or(0, |text| {
            if let Some(code) = self.known.get(text) {
                return *code;
            }
            let code = u32::try_from(self.distinct.len() + 1).unwrap_or(0);
            self.distinct.push(text.into());
            self.known.insert(text.into(), code);
            code
        });
        self.codes.push(code);
        code
    }

    fn at(&self, place: usize) -> Option<&str> {
        self.text(*self.codes.get(place)?)
    }

    fn text(&self, code: u32) -> Option<&str> {
        let place = usize::try_from(code).ok()?.checked_sub(1)?;
        self.distinct.get(place).map(AsRef::as_ref)
    }

    /// Whether an entry has this text; where none is wanted, each has.
    fn having<'c>(&'c self, text: Option<&str>) -> impl Fn(usize) -> bool + 'c {
        let code = text.map(|text| self.known.get(text).copied());
        move |place| match code {
            None => true,
            Some(None) => false,
            Some(code) => self.codes.get(place).copied() == code,
        }
    }
}

impl Columns {
    /// Takes the next entry.
    pub(super) fn push(&mut self, leaf: &Leaf) {
        let (event, time) = (&leaf.event, leaf.time);
        self.times.push(time);
        self.days.push(local(time).date());
        self.kinds.push(event.kind);
        let recipient = self.recipients.push(event.recipient.as_deref());
        let purpose = event.purpose.as_ref().map(|purpose| purpose.id.as_str());
        let purpose = self.purposes.push(purpose);
        self.datasets.push(event.dataset.as_deref());
        self.decisions.push(event.decision.as_deref());
        self.forms.push(event.form);
        self.traces.push(event.trace.unwrap_or_default());
        if granted(leaf) == Some(true) {
            self.last_granted.insert((recipient, purpose), time);
        }
    }

    /// The places of the entries from this moment on.
    pub(in crate::console) fn since(&self, time: Micros) -> Range<usize> {
        self.times.partition_point(|at| *at < time)..self.times.len()
    }

    /// The places of the entries that fulfil all conditions, from the newest on. The conditions on who acts for whom and on
    /// clauses are no columns: none of the pages has them.
    pub(in crate::console) fn matching<'c>(&'c self, filter: &'c Filter) -> impl Iterator<Item = usize> + 'c {
        let until = match filter.until {
            Some(until) => self.times.partition_point(|at| *at < until),
            None => self.times.len(),
        };
        let since = filter.since.map_or(0, |since| self.since(since).start);
        let recipient = self.recipients.having(filter.recipient.as_deref());
        let purpose = self.purposes.having(filter.purpose.as_deref());
        let dataset = self.datasets.having(filter.dataset.as_deref());
        let decided = self.decided(filter.decision.as_ref());
        let trace = filter.trace;
        let columns_have_all = filter.acting_for.is_none() && filter.clause.is_none();
        (since..until).rev().filter(move |place| {
            columns_have_all
                && recipient(*place)
                && purpose(*place)
                && dataset(*place)
                && decided(*place)
                && trace.is_none_or(|trace| self.traces.get(*place) == Some(&trace))
                && (filter.kinds.is_empty() || self.is_of(*place, &filter.kinds))
        })
    }

    /// What is wanted of a decision is looked up once for each text.
    fn decided<'c>(&'c self, wanted: Option<&'c Decided>) -> impl Fn(usize) -> bool + 'c {
        let per_kind = |kind: Kind| {
            let takes = |text: Option<&str>| wanted.is_none_or(|wanted| wanted.is(kind, text));
            let texts = self.decisions.distinct.iter();
            let rest = texts.map(|text| takes(Some(text.as_ref())));
            let all: Vec<bool> = std::iter::once(takes(None)).chain(rest).collect();
            (kind, all)
        };
        let table: Vec<(Kind, Vec<bool>)> = Kind::ALL.iter().copied().map(per_kind).collect();
        move |place| {
            if wanted.is_none() {
                return true;
            }
            let (Some(kind), Some(code)) = (self.kinds.get(place), self.decisions.codes.get(place)) else {
                return false;
            };
            let row = table.iter().find(|(of, _)| of == kind).map(|(_, row)| row);
            let code = usize::try_from(*code).unwrap_or(usize::MAX);
            row.and_then(|row| row.get(code)).copied().unwrap_or(false)
        }
    }

    /// The places of the entries of these kinds, from the newest on.
    pub(in crate::console) fn of_kinds<'c>(&'c self, kinds: &'c [Kind]) -> impl Iterator<Item = usize> + 'c {
        (0..self.kinds.len())
            .rev()
            .filter(|place| self.is_of(*place, kinds))
    }

    /// The places of the entries of a trace.
    pub(in crate::console) fn of_trace(&self, trace: [u8; 16]) -> impl Iterator<Item = usize> {
        let traces = self.traces.iter().enumerate();
        traces
            .filter(move |(_, one)| **one == trace)
            .map(|(place, _)| place)
    }

    pub(in crate::console) fn is_of(&self, place: usize, kinds: &[Kind]) -> bool {
        self.kinds.get(place).is_some_and(|kind| kinds.contains(kind))
    }

    /// The day of an entry, in the Netherlands.
    pub(in crate::console) fn day(&self, place: usize) -> Option<Date> {
        self.days.get(place).copied()
    }

    /// Whether a request was granted; none for what is no request.
    pub(in crate::console) fn granted(&self, place: usize) -> Option<bool> {
        self.is_of(place, &[Kind::AccessDecided])
            .then(|| self.decision(place) == Some(GRANTED))
    }

    /// What was decided.
    pub(in crate::console) fn decision(&self, place: usize) -> Option<&str> {
        self.decisions.at(place)
    }

    /// In which form.
    pub(in crate::console) fn form(&self, place: usize) -> Option<Form> {
        self.forms.get(place).copied().flatten()
    }

    /// Who asked or delivered.
    pub(in crate::console) fn recipient(&self, place: usize) -> Option<&str> {
        self.recipients.at(place)
    }

    /// Under which purpose.
    pub(in crate::console) fn purpose(&self, place: usize) -> Option<&str> {
        self.purposes.at(place)
    }

    /// Every organisation that asked or delivered something.
    pub(in crate::console) fn recipients(&self) -> impl Iterator<Item = &str> {
        self.recipients.distinct.iter().map(AsRef::as_ref)
    }

    /// Every dataset that something was asked of.
    pub(in crate::console) fn datasets(&self) -> impl Iterator<Item = &str> {
        self.datasets.distinct.iter().map(AsRef::as_ref)
    }

    /// When each organisation last got something under each purpose.
    pub(in crate::console) fn last_granted(&self) -> impl Iterator<Item = (&str, &str, Micros)> {
        self.last_granted
            .iter()
            .filter_map(|((recipient, purpose), time)| {
                Some((
                    self.recipients.text(*recipient)?,
                    self.purposes.text(*purpose)?,
                    *time,
                ))
            })
    }
}

/// Whether a request was granted; none for what is no request.
fn granted(leaf: &Leaf) -> Option<bool> {
    (leaf.event.kind == Kind::AccessDecided).then(|| leaf.event.decision.as_deref() == Some(GRANTED))
}

#[cfg(test)]
mod tests {
    use doelpoort_core::audit::leaf::{Event, PurposeVersion};
    use proptest::prelude::*;

    use super::*;

    const NAMES: [Option<&str>; 3] = [None, Some("a"), Some("b")];
    const DECISIONS: [Option<&str>; 4] = [None, Some(GRANTED), Some("rate-exceeded"), Some("merges-applied")];

    /// What an entry tells, and how many half days after the one before it.
    fn event() -> impl Strategy<Value = (i64, Event)> {
        let names = prop::array::uniform3(prop::sample::select(NAMES.to_vec()));
        let kind = prop::sample::select(Kind::ALL.to_vec());
        let decision = prop::sample::select(DECISIONS.to_vec());
        (kind, decision, names, 0_u8..3, 0_i64..3).prop_map(|(kind, decision, names, trace, wait)| {
            let [recipient, purpose, dataset] = names.map(|name| name.map(str::to_owned));
            let mut event = Event::new(kind, [1; 16]);
            event.recipient = recipient;
            event.purpose = purpose.map(|id| PurposeVersion { id, version: 1 });
            event.dataset = dataset;
            event.decision = decision.map(str::to_owned);
            event.trace = (trace > 0).then_some([trace; 16]);
            (wait, event)
        })
    }

    fn leaves() -> impl Strategy<Value = Vec<Leaf>> {
        const HALF_DAY_US: i64 = 12 * 60 * 60 * 1_000_000;
        prop::collection::vec(event(), 0..40).prop_map(|events| {
            let mut time = 0;
            let timed = events.into_iter().map(|(wait, event)| {
                time += wait * HALF_DAY_US;
                Leaf {
                    time,
                    replica: [0; 16],
                    sequence: 0,
                    event,
                }
            });
            timed.collect()
        })
    }

    fn columns(leaves: &[Leaf]) -> Columns {
        let mut columns = Columns::default();
        for leaf in leaves {
            columns.push(leaf);
        }
        columns
    }

    fn filter() -> impl Strategy<Value = Filter> {
        let name = || prop::sample::select(vec![None, Some("a"), Some("b"), Some("c")]);
        let decided = prop::sample::select(vec![
            None,
            Some(Decided::Refused),
            Some(Decided::Code(GRANTED.to_owned())),
            Some(Decided::Code("x".to_owned())),
        ]);
        let kinds = prop::collection::vec(prop::sample::select(Kind::ALL.to_vec()), 0..3);
        let moment = || prop::option::of(0_i64..3_000_000_000_000);
        (
            name(),
            name(),
            name(),
            decided,
            kinds,
            0_u8..3,
            moment(),
            moment(),
        )
            .prop_map(
                |(recipient, purpose, dataset, decision, kinds, trace, since, until)| Filter {
                    since,
                    until,
                    recipient: recipient.map(str::to_owned),
                    purpose: purpose.map(str::to_owned),
                    dataset: dataset.map(str::to_owned),
                    decision,
                    trace: (trace > 0).then_some([trace; 16]),
                    kinds,
                    ..Filter::default()
                },
            )
    }

    proptest! {
        #[test]
        fn columns_take_what_the_filter_takes(leaves in leaves(), filter in filter()) {
            let columns = columns(&leaves);
            let expected: Vec<usize> = leaves.iter().enumerate().rev().filter(|(_, leaf)| filter.takes(leaf)).map(|(place, _)| place).collect();
            // A range that ends before it begins holds nothing.
            let found: Vec<usize> = columns.matching(&filter).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn columns_tell_what_the_entries_told(leaves in leaves()) {
            let columns = columns(&leaves);
            let mut last = BTreeMap::new();
            for (place, leaf) in leaves.iter().enumerate() {
                let event = &leaf.event;
                prop_assert_eq!(columns.granted(place), granted(leaf));
                prop_assert_eq!(columns.decision(place), event.decision.as_deref());
                prop_assert_eq!(columns.day(place), Some(local(leaf.time).date()));
                if let (Some(true), Some(recipient), Some(purpose)) = (granted(leaf), event.recipient.as_deref(), &event.purpose) {
                    last.insert((recipient, purpose.id.as_str()), leaf.time);
                }
            }
            let told = columns.last_granted().map(|(recipient, purpose, time)| ((recipient, purpose), time));
            prop_assert_eq!(told.collect::<BTreeMap<_, _>>(), last);
            prop_assert_eq!(columns.since(1).len(), leaves.iter().filter(|leaf| leaf.time >= 1).count());
        }
    }
}
