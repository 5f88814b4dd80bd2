//! Provisions: special schools, and groups at regular schools. The groups are **made up**: where the partnerships
//! have theirs is not public.

use jiff::civil::Date;
use serde::Serialize;

use super::calendar::{Calendar, end_of_july};
use super::code::{Brin6, SwvNumber};
use super::declaration::{SWV_PRIMARY, SWV_SECONDARY};
use super::draw::whole;
use super::places::in_almere;
use super::rows::{Sector, codes};
use super::tables::{Site, Tables};

/// Groups of each partnership: **an assumption**.
const GROUPS: [(&str, Sector, usize); 2] = [(SWV_PRIMARY, Sector::Bo, 12), (SWV_SECONDARY, Sector::Vo, 6)];
/// The most pupils of a group: **an assumption**.
const GROUP_PLACES: usize = 14;
/// How many more places a special school has than pupils: **an assumption**.
const ROOM: f64 = 1.04;

codes! {
    /// What a provision is.
    ProvisionKind {
        /// A special school.
        SpecialSchool = "special-school",
        /// A group at a regular school.
        Group = "group",
    }
}

/// A row of `provision`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProvisionRow {
    /// Its code at the partnership.
    pub code: String,
    /// Its name.
    pub name: String,
    /// School or group.
    pub kind: ProvisionKind,
    /// The kind of school.
    pub sector: Sector,
    /// Where it is.
    pub site: Brin6,
    /// How many pupils it can take.
    pub places: usize,
    /// How many it has.
    pub taken: usize,
    /// When it closes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closing_date: Option<Date>,
}

/// A group at a regular school.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) code: String,
    pub(crate) swv: SwvNumber,
    pub(crate) sector: Sector,
    site: Brin6,
}

/// The groups: at every so many of the sites of their sector, in the order of the sites.
pub(crate) fn groups(tables: &Tables) -> Vec<Group> {
    let mut groups = Vec::new();
    for (number, sector, count) in GROUPS {
        let Ok(swv) = number.parse::<SwvNumber>() else {
            continue;
        };
        let fits = |site: &&Site| in_almere(site) && site.sector == sector && site.board.is_some();
        let sites: Vec<&Site> = tables.sites.values().filter(fits).collect();
        let step = (sites.len() / count).max(1);
        let chosen = sites.iter().step_by(step).take(count).zip(1..);
        groups.extend(chosen.map(|(site, place)| Group {
            code: format!("{swv}-G{place:02}"),
            swv,
            sector,
            site: site.brin6,
        }));
    }
    groups
}

/// The table of one partnership; `in_group` and `at_school` count who is there today.
pub(crate) fn provisions(
    swv: SwvNumber,
    (groups, sites): (&[Group], &[&Site]),
    calendar: Calendar,
    in_group: impl Fn(&str) -> usize,
    at_school: impl Fn(Brin6) -> usize,
) -> Vec<ProvisionRow> {
    let special = |site: &&&Site| {
        let kind = matches!(site.sector, Sector::Sbo | Sector::So | Sector::Vso);
        kind && site.swv == Some(swv)
    };
    let schools = sites.iter().filter(special).map(|site| {
        let taken = at_school(site.brin6);
        ProvisionRow {
            code: format!("{swv}-{}", site.brin6),
            name: site.name.clone(),
            kind: ProvisionKind::SpecialSchool,
            sector: site.sector,
            site: site.brin6,
            places: with_room(taken),
            taken,
            closing_date: None,
        }
    });
    let own: Vec<&Group> = groups.iter().filter(|group| group.swv == swv).collect();
    let last = own.len();
    let groups = own.into_iter().zip(1..).map(|(group, place)| ProvisionRow {
        code: group.code.clone(),
        name: format!("Voorziening {place} (verzonnen)"),
        kind: ProvisionKind::Group,
        sector: group.sector,
        site: group.site,
        places: GROUP_PLACES.max(in_group(&group.code)),
        taken: in_group(&group.code),
        // One of them closes, so that there is something to ask about.
        closing_date: (place == last).then(|| end_of_july(calendar.count_date.year() + 1)),
    });
    schools.chain(groups).collect()
}

fn with_room(pupils: usize) -> usize {
    let pupils = f64::from(u32::try_from(pupils).unwrap_or(u32::MAX));
    usize::try_from(whole((pupils * ROOM).ceil())).unwrap_or(usize::MAX)
}
