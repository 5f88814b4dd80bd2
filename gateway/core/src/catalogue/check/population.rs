//! Checks of populations.

use std::collections::BTreeSet;

use super::reporter::Reporter;
use super::{Folders, declared};
use crate::catalogue::Catalogue;
use crate::catalogue::dataset::About;
use crate::catalogue::file::{CalendarFile, PopulationFile, SoleHolderFile};
use crate::catalogue::population::{Calendar, Population, SoleHolder};

/// A population of datasets about pupils, with calendars.
pub(super) fn population(
    report: &mut Reporter<'_>,
    file: PopulationFile,
    folders: &Folders<'_>,
    catalogue: &Catalogue,
    sound: bool,
) -> Population {
    let datasets = &catalogue.datasets;
    if file.datasets.get_ref().is_empty() {
        report.at(file.datasets.span(), "a population has at least one dataset");
    }
    for reference in file.datasets.get_ref() {
        report.refers_to("dataset", reference, &declared(&folders.datasets));
        if datasets
            .get(reference.get_ref())
            .is_some_and(|dataset| dataset.about != About::Pupil)
        {
            report.at(
                reference.span(),
                format!("dataset `{}` is not about pupils", reference.get_ref()),
            );
        }
    }
    let mut seen = BTreeSet::new();
    for calendar in &file.calendar {
        if !seen.insert(calendar.name.get_ref()) {
            report.at(
                calendar.name.span(),
                format!("calendar `{}` occurs twice", calendar.name.get_ref()),
            );
        }
    }
    let calendars = file
        .calendar
        .into_iter()
        .map(|file| calendar(report, file))
        .collect();
    let sole_holders = file
        .sole_holder
        .iter()
        .filter(|_| sound)
        .filter_map(|one| sole_holder(report, one, catalogue))
        .collect();
    let bound = file
        .bound
        .as_ref()
        .map(|bound| *bound.get_ref())
        .unwrap_or_default();
    let in_range = |thousandths: u16| (501..1_000).contains(&thousandths);
    if let Some(place) = file.bound.as_ref().map(toml::Spanned::span)
        && ![bound.normal, bound.sensitive, bound.total]
            .into_iter()
            .all(in_range)
    {
        report.at(place, "a bound is from 501 to 999 thousandths; 500 is a guess");
    }
    Population {
        name: file.population.into_inner(),
        version: file.version,
        title: file.title,
        datasets: file
            .datasets
            .into_inner()
            .into_iter()
            .map(toml::Spanned::into_inner)
            .collect(),
        calendars,
        sole_holders,
        bound,
    }
}

/// Codes at which one organisation holds all. Whether there is such an organisation is known when policies are read.
fn sole_holder(
    report: &mut Reporter<'_>,
    file: &SoleHolderFile,
    catalogue: &Catalogue,
) -> Option<SoleHolder> {
    let when = match catalogue.dimension(file.when.get_ref()) {
        Ok(when) => when,
        Err(error) => {
            report.at(file.when.span(), error.to_string());
            return None;
        }
    };
    for (code, _) in &file.pairs {
        if catalogue.code(&when, code.get_ref()).is_none() {
            report.at(code.span(), format!("`{when}` has no code `{}`", code.get_ref()));
        }
    }
    let pairs = file.pairs.iter();
    Some(SoleHolder {
        when,
        pairs: pairs
            .map(|(code, holder)| (code.get_ref().clone(), holder.get_ref().clone()))
            .collect(),
    })
}

fn calendar(report: &mut Reporter<'_>, file: CalendarFile) -> Calendar {
    let place = file.days.span();
    let mut days = file.days.into_inner();
    if days.is_empty() {
        report.at(place, "a calendar has at least one day");
    }
    days.sort_unstable();
    days.dedup();
    Calendar {
        name: file.name.into_inner(),
        title: file.title,
        days,
    }
}
