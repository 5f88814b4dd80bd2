//! The log in other forms: rows, lines, and the records of Dutch standards. Streamed, so that a log of any length is
//! exported in the same memory. Personal data come only from private parts that the caller opened.

use std::collections::VecDeque;
use std::io::Write;

use doelpoort_core::audit::filter::Filter;
use doelpoort_core::audit::ldv::{LdvRecord, Register, SubjectKey, otlp, records};
use doelpoort_core::audit::private::Private;
use doelpoort_core::audit::record::{COLUMNS, Record};
use doelpoort_core::audit::{adl, nen7513};

use super::{AuditError, Entries, Entry, Ods};
use crate::otlp::{Collector, Signal};

/// The version that records name.
const SOFTWARE: &str = env!("CARGO_PKG_VERSION");

/// Which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A row an entry, with a line of names.
    Csv,
    /// A spreadsheet: a row an entry, with a row of names.
    Ods,
    /// A JSON object a line.
    Ndjson,
    /// Logboek Dataverwerkingen: an OTLP request (JSON) a line.
    Ldv,
    /// Authorization Decision Log: a record a decision, a line each.
    Adl,
    /// NEN 7513: a message a line.
    Nen7513,
}

/// Gives the private part of an entry, where there is one that this process may open. Is given every entry, in order.
pub type OpenPrivate<'o> = dyn FnMut(&Entry) -> Result<Option<Private>, AuditError> + Send + Sync + 'o;

/// What opens private parts; without it there is nothing of a person in an export.
pub struct Opened<'o> {
    /// Gives private parts.
    pub open: &'o mut OpenPrivate<'o>,
    /// Codes of pupils in records.
    pub subjects: SubjectKey,
}

/// What is exported.
pub struct Export<'e> {
    /// From where.
    pub entries: &'e Entries,
    /// Which entries.
    pub filter: Filter,
    /// Where names in records lead to.
    pub register: Register,
    /// With what of persons.
    pub opened: Option<Opened<'e>>,
}

impl Export<'_> {
    /// Writes the entries in a form; tells how many entries that were.
    pub async fn write(mut self, form: Form, out: impl Write) -> Result<u64, AuditError> {
        let mut out = match form {
            Form::Csv => Out::Csv(Box::new(csv::Writer::from_writer(out))),
            Form::Ods => Out::Ods(Box::new(Ods::new(out)?)),
            _ => Out::Lines(out),
        };
        match &mut out {
            Out::Csv(out) => out.write_record(COLUMNS)?,
            Out::Ods(out) => out.row(COLUMNS)?,
            Out::Lines(_) => {}
        }
        let mut count = 0;
        let mut pages = self.pages().await?;
        while let Some(page) = pages.next().await? {
            for entry in page {
                let private = self.private(&entry)?;
                if !self.filter.takes(&entry.leaf) {
                    continue;
                }
                count += 1;
                match &mut out {
                    Out::Csv(out) => out.write_record(record(&entry, private.as_ref()).row())?,
                    Out::Ods(out) => {
                        let row = record(&entry, private.as_ref()).row();
                        out.row(row.iter().map(String::as_str))?;
                    }
                    Out::Lines(out) => self.lines(form, &entry, private.as_ref(), out)?,
                }
            }
        }
        match out {
            Out::Csv(mut out) => out.flush()?,
            Out::Ods(out) => out.finish()?,
            Out::Lines(mut out) => out.flush()?,
        }
        Ok(count)
    }

    /// Sends the records of the Logboek Dataverwerkingen to a collector, which must confirm each; tells how many records
    /// that were.
    pub async fn send(mut self, collector: &Collector) -> Result<u64, AuditError> {
        let mut count = 0;
        let mut waiting = Waiting::default();
        let mut pages = self.pages().await?;
        while let Some(page) = pages.next().await? {
            for entry in page {
                let private = self.private(&entry)?;
                if self.filter.takes(&entry.leaf) {
                    let records = self.ldv(&entry, private.as_ref());
                    waiting
                        .0
                        .extend(records.into_iter().map(|record| (entry.index, record)));
                }
                while waiting.0.len() >= Collector::SPANS_AT_ONCE_MAX {
                    count += waiting.send(collector).await?;
                }
            }
        }
        while !waiting.0.is_empty() {
            count += waiting.send(collector).await?;
        }
        Ok(count)
    }

    /// From the filter's first moment on; what is later than its last is not there yet, or passed over.
    async fn pages(&self) -> Result<super::Pages, AuditError> {
        let from = match self.filter.since {
            Some(since) => self.entries.first_at(since).await?,
            None => 0,
        };
        let until = match (self.filter.until, self.entries) {
            (Some(until), Entries::Database(_)) => self.entries.first_at(until).await?,
            _ => u64::MAX,
        };
        Ok(match self.opened {
            None => self.entries.pages(from..until),
            // From the beginning: what opens private parts must have seen the seeds before them.
            Some(_) => self.entries.pages_with_sealed(0..until),
        })
    }

    fn private(&mut self, entry: &Entry) -> Result<Option<Private>, AuditError> {
        match &mut self.opened {
            Some(opened) => (opened.open)(entry),
            None => Ok(None),
        }
    }

    fn ldv(&self, entry: &Entry, private: Option<&Private>) -> Vec<LdvRecord> {
        let opened = private.zip(self.opened.as_ref().map(|opened| &opened.subjects));
        records(&entry.leaf, &self.register, opened)
    }

    fn lines(
        &self,
        form: Form,
        entry: &Entry,
        private: Option<&Private>,
        out: &mut impl Write,
    ) -> Result<(), AuditError> {
        let opened = private.zip(self.opened.as_ref().map(|opened| &opened.subjects));
        match form {
            Form::Csv | Form::Ods | Form::Ndjson => line(out, &record(entry, private)),
            Form::Ldv => match self.ldv(entry, private).as_slice() {
                [] => Ok(()),
                records => line(out, &otlp(records, SOFTWARE)),
            },
            Form::Adl => match adl::record(&entry.leaf, &self.register, private) {
                None => Ok(()),
                Some(record) => line(out, &record),
            },
            Form::Nen7513 => nen7513::messages(&entry.leaf, &self.register, opened)
                .iter()
                .try_for_each(|message| line(out, message)),
        }
    }
}

/// Records on their way, each with the index of its entry.
#[derive(Default)]
struct Waiting(VecDeque<(u64, LdvRecord)>);

impl Waiting {
    /// Sends the first ones; tells how many.
    async fn send(&mut self, collector: &Collector) -> Result<u64, AuditError> {
        let first = self.0.front().map_or(0, |(index, _)| *index);
        let many = self.0.len().min(Collector::SPANS_AT_ONCE_MAX);
        let records: Vec<LdvRecord> = self.0.drain(..many).map(|(_, record)| record).collect();
        let sent = collector.send(Signal::Traces, &otlp(&records, SOFTWARE)).await;
        sent.map_err(|error| AuditError::Collector { error, before: first })?;
        Ok(many as u64)
    }
}

enum Out<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Ods(Box<Ods<W>>),
    Lines(W),
}

fn record(entry: &Entry, private: Option<&Private>) -> Record {
    Record::new(entry.index, &entry.bytes, &entry.leaf, private)
}

fn line(out: &mut impl Write, value: &impl serde::Serialize) -> Result<(), AuditError> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    Ok(())
}
