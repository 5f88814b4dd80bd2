//! The report for people.

use std::fmt;

use super::{MonthReport, Others, Volume};

/// For people; all of it is in the JSON.
impl fmt::Display for MonthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.integrity_lines(f)?;
        self.volume_lines(f)?;
        self.other_lines(f)?;
        writeln!(f, "\nnot checked:")?;
        self.integrity
            .not_checked
            .iter()
            .try_for_each(|line| writeln!(f, "  - {line}"))
    }
}

impl Others {
    fn lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = match self.witnesses.as_slice() {
            [] => "nobody".to_owned(),
            names => names.join(", "),
        };
        let enough = match self.witnessed {
            Some(size) => format!("enough of them up to {size}"),
            None => "never enough of them".to_owned(),
        };
        writeln!(
            f,
            "witnessed by {names}: {} cosignatures, {enough}",
            self.cosignatures
        )?;
        let last = self.last_stamp.as_deref().unwrap_or("never");
        writeln!(f, "stamped   {} times, the last {last}", self.stamps)?;
        let mut findings = self.findings.iter();
        findings.try_for_each(|finding| writeln!(f, "          {finding}"))
    }
}

impl MonthReport {
    fn integrity_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let integrity = &self.integrity;
        let result = if integrity.intact { "intact" } else { "NOT INTACT" };
        writeln!(f, "month     {}", self.month)?;
        writeln!(f, "log       {}", integrity.origin)?;
        let (size, root) = (integrity.size, &integrity.root);
        writeln!(f, "integrity {result}: {size} entries, root {root}")?;
        let (software, checkpoints) = (&integrity.software, integrity.checkpoints);
        writeln!(f, "verified  by {software}, {checkpoints} checkpoints")?;
        for finding in &integrity.findings {
            writeln!(f, "          {finding}")?;
        }
        if let Some(others) = &self.others {
            others.lines(f)?;
        }
        let range = integrity
            .range
            .map(|(first, last)| format!(", {first} to {last}"));
        writeln!(f, "entries   {}{}", self.entries, range.unwrap_or_default())
    }

    fn volume_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\nvolumes: organisation, purpose, dataset, form: granted, refused, rows delivered"
        )?;
        for volume in &self.volumes {
            let name = |text: &str| {
                if text.is_empty() {
                    "-".to_owned()
                } else {
                    text.to_owned()
                }
            };
            let (purpose, dataset) = (name(&volume.purpose), name(&volume.dataset));
            let Volume {
                organisation,
                form,
                granted,
                refused,
                rows,
                ..
            } = volume;
            writeln!(
                f,
                "  {organisation} {purpose} {dataset} {form}: {granted}, {refused}, {rows}"
            )?;
        }
        Ok(())
    }

    fn other_lines(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusals = counts(self.refusals.iter().map(|(code, count)| (code.as_str(), *count)));
        let alerts = counts(self.alerts.iter().map(|(code, count)| (*code, *count)));
        writeln!(f, "\nrefusals: {refusals}\nalerts: {alerts}")?;
        for sample in &self.samples {
            writeln!(
                f,
                "sample {}: {} drawn at size {}, {} signed off, {} not in order",
                sample.announcement,
                sample.drawn,
                sample.drawn_at_size,
                sample.signed_off,
                sample.not_in_order
            )?;
        }
        for (name, events) in [
            ("readings of the log", &self.readings),
            ("retention and erasure", &self.retention),
            ("incidents", &self.incidents),
            ("policy changes and withdrawals", &self.policies),
            ("keys", &self.keys),
            ("anchors", &self.anchors),
        ] {
            writeln!(f, "{name}: {}", events.count)?;
        }
        writeln!(f, "answers presumed disclosed: {}", self.presumed_disclosed)
    }
}

fn counts<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let told: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
    if told.is_empty() {
        "none".to_owned()
    } else {
        told.join(", ")
    }
}
