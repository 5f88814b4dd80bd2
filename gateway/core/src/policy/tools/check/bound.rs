//! How much figures tell of one bit of one pupil: printed by `policy check`, and refused where it is too much.

use std::collections::BTreeMap;

use super::super::words::{self, both};
use super::Found;
use crate::catalogue::{Catalogue, Name};
use crate::figures::bound::{AttributeBound, Past, bounds};
use crate::policy::Draft;
use crate::purpose::{Purpose, Warning};
use crate::text::Text;

/// Purposes that are looked at together, and what was released before them.
struct Set<'a> {
    catalogue: &'a Catalogue,
    purposes: BTreeMap<&'a Name, &'a Purpose>,
    past: Option<Past<'a>>,
}

impl<'a> Set<'a> {
    fn of(draft: &'a Draft, past: Option<Past<'a>>) -> Self {
        let purposes = draft.purposes.iter().map(|(id, (purpose, _))| (id, purpose));
        Self {
            catalogue: &draft.catalogue,
            purposes: purposes.collect(),
            past,
        }
    }

    /// The bound of each attribute of each population that figures are about.
    fn bounds(&self) -> Vec<(Name, AttributeBound)> {
        let purposes = || self.purposes.values().copied();
        let populations = self.catalogue.populations();
        populations
            .flat_map(|population| {
                let found = bounds(self.catalogue, population, purposes(), self.past);
                found.into_iter().map(|bound| (population.name.clone(), bound))
            })
            .collect()
    }

    /// What is over its bound, and no purpose that tips it over says why that is in order.
    fn refusals(&self) -> Vec<String> {
        let explained = |purpose: &Name| {
            self.purposes.get(purpose).is_some_and(|purpose| {
                purpose
                    .explanations
                    .iter()
                    .any(|one| one.warning == Warning::FigureBound)
            })
        };
        self.over()
            .into_iter()
            .filter(|found| !explained(&found.purpose))
            .map(|found| format!("purpose `{}`: {}", found.purpose, found.message.en))
            .collect()
    }

    fn over(&self) -> Vec<Found> {
        let bounds = self.bounds();
        bounds
            .iter()
            .filter(|(_, bound)| !bound.holds())
            .filter_map(|(population, bound)| {
                Some(Found {
                    purpose: self.tipping(population, bound)?,
                    grant: None,
                    warning: Warning::FigureBound,
                    message: message(self.catalogue, bound),
                })
            })
            .collect()
    }

    /// The first purpose, by name, with which those up to it are over: taking it away would mend it.
    fn tipping(&self, population: &Name, bound: &AttributeBound) -> Option<Name> {
        let population = self.catalogue.population(population)?;
        let sharing: Vec<&Purpose> = bound
            .purposes
            .iter()
            .filter_map(|(name, _)| self.purposes.get(name).copied())
            .collect();
        let tips = |until: &usize| {
            let some = sharing.iter().take(until + 1).copied();
            let bounds = bounds(self.catalogue, population, some, self.past);
            bounds
                .iter()
                .any(|one| one.attribute == bound.attribute && !one.holds())
        };
        let place = (0..sharing.len()).find(tips)?;
        sharing.get(place).map(|purpose| purpose.id.clone())
    }
}

/// What keeps a set from coming into force: an attribute over its bound, alone or with what is released, and no purpose
/// that shares it says why that is in order.
pub fn refusals(draft: &Draft, past: Option<Past<'_>>) -> Vec<String> {
    Set::of(draft, past).refusals()
}

/// The same of one epoch that is about to be released for these purposes.
pub fn refusals_at_close<'p>(
    catalogue: &Catalogue,
    purposes: impl Iterator<Item = &'p Purpose>,
    past: Past<'_>,
) -> Vec<String> {
    let purposes: Vec<&Purpose> = purposes.collect();
    let set = Set {
        catalogue,
        purposes: purposes.iter().map(|purpose| (&purpose.id, *purpose)).collect(),
        past: Some(past),
    };
    set.refusals()
}

/// One finding for each attribute that is over its bound, at the purpose that tips it over.
pub(super) fn over(draft: &Draft, past: Option<Past<'_>>) -> Vec<Found> {
    Set::of(draft, past).over()
}

fn message(catalogue: &Catalogue, bound: &AttributeBound) -> Text {
    let sharing: Vec<String> = bound
        .purposes
        .iter()
        .map(|(purpose, cells)| format!("`{purpose}` ({cells})"))
        .collect();
    let sharing = sharing.join(", ");
    let field = words::field(catalogue, &bound.attribute);
    let per_cent = |thousandths: u16| format!("{}.{} %", thousandths / 10, thousandths % 10);
    let (once, three) = (per_cent(bound.in_one), per_cent(bound.in_three_years));
    let (once_max, three_max) = (per_cent(bound.limits.0), per_cent(bound.limits.1));
    let cells = bound.cells;
    let (nl, en) = former(bound);
    both(
        format!(
            "{}: {cells} cellen die met één gegeven van één leerling anders zijn; wie verder alles weet raadt goed met kans {once} (hoogstens {once_max}), \
             in drie jaar {three} (hoogstens {three_max}); gedeeld door {sharing}{nl}",
            field.nl
        ),
        format!(
            "{}: {cells} cells that are another with one bit of one pupil; who knows all else guesses right with probability {once} (at most \
             {once_max}), in three years {three} (at most {three_max}); shared by {sharing}{en}",
            field.en
        ),
    )
}

/// Which released epochs are among the three years.
fn former(bound: &AttributeBound) -> (String, String) {
    let (epochs, purposes) = &bound.former;
    if *epochs == 0 {
        return (String::new(), String::new());
    }
    let purposes: Vec<String> = purposes.iter().map(|purpose| format!("`{purpose}`")).collect();
    let purposes = purposes.join(", ");
    (
        format!("; wat al vrijgegeven is telt mee: {epochs} peilmomenten voor {purposes}"),
        format!("; what is released already counts too: {epochs} epochs for {purposes}"),
    )
}

/// What `policy check` prints: one line an attribute.
pub fn lines(draft: &Draft, past: Option<Past<'_>>) -> Vec<String> {
    let bounds = Set::of(draft, past).bounds();
    bounds
        .iter()
        .map(|(population, bound)| {
            let verdict = if bound.holds() { "within" } else { "over" };
            let message = message(&draft.catalogue, bound);
            format!("bound of `{population}`, {verdict}: {}", message.en)
        })
        .collect()
}
