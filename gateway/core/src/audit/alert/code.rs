//! The rules by name, each in a sentence.

use serde::Serialize;

use crate::text::Text;

/// Defines the rules.
macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $name:literal $nl:literal $en:literal,)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Code {
            $(#[doc = $en] #[serde(rename = $name)] $code,)*
        }

        impl Code {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$code => $name),* }
            }

            /// What it looks for.
            pub fn meaning(self) -> Text {
                let (nl, en) = match self { $(Self::$code => ($nl, $en)),* };
                Text { nl: nl.to_owned(), en: en.to_owned() }
            }
        }
    };
}

codes! {
    OffHours "off-hours"
        "Gegevens over leerlingen opgevraagd in de nacht of op een feestdag."
        "Data about pupils were asked for at night or on a holiday.",
    FirstCombination "first-combination"
        "Een organisatie krijgt voor het eerst gegevens uit deze dataset voor dit doel."
        "An organisation receives from this dataset for this purpose for the first time.",
    Bulk "bulk"
        "Eén antwoord gaat over zeer veel leerlingen."
        "One answer is about very many pupils.",
    Refusals "refusals"
        "Een groot deel van de vragen van een organisatie is vandaag geweigerd."
        "A large share of an organisation's requests was refused today.",
    NearIdentical "near-identical"
        "Vragen die bijna gelijk zijn: zo kan één leerling uit het verschil worden afgeleid."
        "Requests that are nearly the same: the difference may tell of one pupil.",
    Misses "misses"
        "Iemand vraagt naar veel leerlingen die niet worden gevonden: dat lijkt op raden."
        "Somebody asks for many pupils who are not found: that looks like guessing.",
    BreakGlass "break-glass"
        "De noodprocedure is gebruikt; dat wordt altijd bekeken."
        "The emergency procedure was used; that is always looked at.",
    MissingCompletion "missing-completion"
        "Van een antwoord dat in delen werd verstuurd is niet bekend hoe het eindigde; het geldt als verstrekt."
        "Of an answer that was sent in pieces nobody knows how it ended; it counts as disclosed.",
    StaleCheckpoint "stale-checkpoint"
        "Er zijn regels in het logboek die te lang niet door een ondertekend controlepunt zijn gedekt."
        "Entries of the log have not been covered by a signed checkpoint for too long.",
    Gap "gap"
        "Er ontbreekt een volgnummer: er is iets uit het logboek verdwenen of nooit aangekomen."
        "A number is missing: something vanished from the log, or never arrived.",
    Clock "clock"
        "De klok van de poort en die van het logboek lopen te ver uiteen."
        "The gateway's clock and the log's are too far apart.",
    VerifierFailure "verifier-failure"
        "De controle van het logboek slaagt niet: bel de beheerder en gebruik het logboek niet als bewijs."
        "The log does not verify: call the operator, and do not use the log as evidence.",
    PersonMany "person-many"
        "Eén medewerker opent op een dag veel meer leerlingen dan gewoonlijk, of meer dan de grens."
        "One member of staff opens many more pupils in a day than usual, or more than the limit.",
    PupilMany "pupil-many"
        "Eén leerling is in een week door opvallend veel medewerkers geopend."
        "One pupil was opened by remarkably many members of staff in a week.",
    Incident "incident"
        "De poort meldt een voorval."
        "The gateway reports an incident.",
}
