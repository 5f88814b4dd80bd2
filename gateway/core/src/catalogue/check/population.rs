//! Checks of populations.

use std::collections::{BTreeMap, BTreeSet};

use super::reporter::Reporter;
use super::{Folders, declared};
use crate::catalogue::dataset::{About, Dataset};
use crate::catalogue::file::{CalendarFile, PopulationFile};
use crate::catalogue::name::Name;
use crate::catalogue::population::{Calendar, Population};

/// A population of datasets about pupils, with calendars.
pub(super) fn population(
    report: &mut Reporter<'_>,
    file: PopulationFile,
    folders: &Folders<'_>,
    datasets: &BTreeMap<Name, Dataset>,
) -> Population {
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
    }
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
