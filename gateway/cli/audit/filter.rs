//! Which entries: the conditions that several commands take.

use doelpoort_core::audit::filter::{Decided, Filter};
use doelpoort_core::audit::leaf::{Kind, Micros};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Conditions on entries; all must hold.
#[derive(Debug, clap::Args)]
pub(super) struct FilterArgs {
    /// From this day or moment on: `2026-11-01` (in UTC) or `2026-11-01T08:00:00Z`
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Micros>,
    /// Before this day or moment
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Micros>,
    /// The OIN of who received, delivered or asked
    #[arg(long, value_name = "OIN", value_parser = oin)]
    organisation: Option<String>,
    /// The OIN of an organisation it was done for
    #[arg(long, value_name = "OIN", value_parser = oin)]
    acting_for: Option<String>,
    /// The purpose
    #[arg(long)]
    purpose: Option<String>,
    /// The dataset
    #[arg(long)]
    dataset: Option<String>,
    /// What was decided: `granted`, `refused`, or the code of a refusal
    #[arg(long, value_name = "CODE")]
    decision: Option<String>,
    /// The clause that decided, such as `youth-atlas/grant/0`
    #[arg(long)]
    clause: Option<String>,
    /// The W3C trace id: 32 hex digits
    #[arg(long, value_name = "HEX", value_parser = trace)]
    trace: Option<[u8; 16]>,
    /// The kind of entry, such as `access-decided`; more than once for several
    #[arg(long, value_parser = kind)]
    kind: Vec<Kind>,
}

impl FilterArgs {
    pub(super) fn filter(&self) -> Result<Filter, String> {
        if let (Some(since), Some(until)) = (self.since, self.until)
            && until <= since
        {
            return Err("--until must be later than --since".to_owned());
        }
        Ok(Filter {
            since: self.since,
            until: self.until,
            recipient: self.organisation.clone(),
            acting_for: self.acting_for.clone(),
            purpose: self.purpose.clone(),
            dataset: self.dataset.clone(),
            decision: self.decision.as_ref().map(|decision| match decision.as_str() {
                "refused" => Decided::Refused,
                code => Decided::Code(code.to_owned()),
            }),
            clause: self.clause.clone(),
            trace: self.trace,
            kinds: self.kind.clone(),
        })
    }
}

/// A day, at its first moment in UTC, or a moment.
pub(super) fn moment(text: &str) -> Result<Micros, String> {
    let day = text
        .parse::<Date>()
        .ok()
        .filter(|_| text.len() == 10)
        .and_then(|day| day.to_zoned(TimeZone::UTC).ok())
        .map(|day| day.timestamp());
    day.or_else(|| text.parse::<Timestamp>().ok())
        .map(Timestamp::as_microsecond)
        .ok_or_else(|| "write a day as `2026-11-01` or a moment as `2026-11-01T08:00:00Z`".to_owned())
}

pub(super) fn oin(text: &str) -> Result<String, String> {
    if text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.to_owned())
    } else {
        Err("an OIN has 20 digits".to_owned())
    }
}

fn trace(text: &str) -> Result<[u8; 16], String> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "a trace id has 32 hex digits".to_owned())
}

fn kind(text: &str) -> Result<Kind, String> {
    Kind::ALL
        .iter()
        .copied()
        .find(|kind| kind.name() == text)
        .ok_or_else(|| {
            let names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
            format!("the kinds are {}", names.join(", "))
        })
}
