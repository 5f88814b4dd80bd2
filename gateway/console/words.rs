//! All words of the FG's console, in Dutch and in English. A word without one of the two does not compile.

mod casework;
mod policies;

use doelpoort_core::text::Language;

pub(super) use casework::CaseWord;
pub(super) use policies::PolicyWord;

/// Words of the console.
pub(super) trait Said: Copy {
    /// The text in a language.
    fn said(self, language: Language) -> &'static str;
}

/// A closed list of words, each in both languages.
macro_rules! words {
    ($name:ident: $($word:ident $nl:literal $en:literal,)*) => {
        /// A text of the console.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::console) enum $name { $($word,)* }

        impl $name {
            #[cfg(test)]
            pub(in crate::console) const ALL: &[Self] = &[$(Self::$word),*];

            /// The text in a language.
            pub(in crate::console) const fn in_language(self, language: doelpoort_core::text::Language) -> &'static str {
                use doelpoort_core::text::Language;
                match (self, language) {
                    $((Self::$word, Language::Dutch) => $nl, (Self::$word, Language::English) => $en,)*
                }
            }
        }

        impl $crate::console::words::Said for $name {
            fn said(self, language: doelpoort_core::text::Language) -> &'static str {
                self.in_language(language)
            }
        }
    };
}
pub(super) use words;

words! { Word:
    // The frame.
    Console "Console van de functionaris gegevensbescherming" "Console of the data protection officer",
    Skip "Naar de inhoud" "Skip to content",
    Menu "Hoofdmenu" "Main menu",
    Logout "Afmelden" "Sign out",
    Foot "Doelpoort. Deze console draait op uw eigen computer; de sleutels verlaten die niet. Vraag? Zie de gids voor de functionaris gegevensbescherming." "Doelpoort. This console runs on your own computer; the keys do not leave it. A question? See the guide for the data protection officer.",
    Problem "Dat gaat niet" "That does not work",
    BackToOverview "Terug naar het overzicht" "Back to the overview",
    Missing "Deze pagina bestaat niet." "This page does not exist.",
    BadForm "Het formulier is niet goed aangekomen. Ga terug en probeer het opnieuw." "The form did not arrive well. Go back and try again.",
    ForeignForm "Dit formulier kwam niet van een pagina van deze console, of is te oud. Ga terug, laad de pagina opnieuw en probeer het nog eens." "This form did not come from a page of this console, or is too old. Go back, load the page again and try once more.",
    Yes "ja" "yes",
    No "nee" "no",
    None "geen" "none",
    Unknown "onbekend" "unknown",
    Requests "Verzoeken" "Requests",
    Reviews "Nakijken" "Reviews",
    Breaches "Datalekken" "Data breaches",
    // Signing in.
    Login "Aanmelden" "Sign in",
    LoginLead "Deze console laat zien wie welke gegevens gebruikte, en waarvoor. Alleen de functionaris gegevensbescherming mag erin." "This console shows who used which data, and for what. Only the data protection officer may enter.",
    LoginCode "Aanmeldcode" "Sign-in code",
    LoginHint "De code staat in het venster waarin u de opdracht “doelpoort console” startte. Hij werkt één keer, tien minuten lang." "The code is in the window in which you started the command “doelpoort console”. It works once, for ten minutes.",
    LoginNew "Zet een nieuwe code in het venster" "Print a new code in the window",
    WrongCode "Deze code klopt niet of is verlopen. Vraag een nieuwe code aan." "This code is wrong or has expired. Ask for a new code.",
    StepUp "Waarom kijkt u?" "Why are you looking?",
    StepUpLead "U gaat gegevens openen die over personen gaan, of gegevens meenemen. Dat komt met uw reden in het logboek, vóórdat u iets ziet. Dit geldt een kwartier." "You are about to open data about persons, or to take data out. That is put in the log with your reason, before you see anything. It holds for a quarter of an hour.",
    StepUpCode "Bevestigingscode" "Confirmation code",
    StepUpHint "Zeven tekens, in het venster van “doelpoort console”." "Seven characters, in the window of “doelpoort console”.",
    StepUpAsk "1. Vraag de code aan" "1. Ask for the code",
    StepUpGive "2. Vul in en ga verder" "2. Fill in and go on",
    Reason "Reden" "Reason",
    ReasonAccess "Inzageverzoek van een ouder of leerling" "Request of a parent or pupil",
    ReasonReview "Controle" "Review",
    ReasonIncident "Mogelijk datalek" "Possible data breach",
    ReasonComplaint "Klacht" "Complaint",
    CaseNumber "Zaaknummer" "Case number",
    CaseHint "Zoals in uw eigen register. Geen naam of BSN." "As in your own register. No name or citizen service number.",
    CaseWrong "Geef een zaaknummer van 1 tot 64 letters, cijfers of streepjes, en geen nummer van een persoon." "Give a case number of 1 to 64 letters, digits or dashes, and no number of a person.",
    // The copy of the log.
    Fetching "Het logboek wordt opgehaald en nagerekend" "The log is being fetched and checked",
    FetchingLead "Elke regel wordt nagerekend tot de handtekening. Deze pagina ververst vanzelf." "Each entry is recomputed up to the signature. This page refreshes by itself.",
    FetchFailed "Het logboek kan niet worden getoond" "The log cannot be shown",
    TryAgain "Probeer opnieuw" "Try again",
    // Overview.
    Overview "Overzicht" "Overview",
    Intact "Het logboek klopt" "The log is intact",
    CheckedUpTo "Nagerekend tot en met regel" "Checked up to entry",
    Answered "Beantwoord, 30 dagen" "Answered, 30 days",
    RefusedCount "Geweigerd, 30 dagen" "Refused, 30 days",
    Attention "Vraagt aandacht, 30 dagen" "Needs attention, 30 days",
    ActivePurposes "Doelen die werken" "Purposes that act",
    PerDay "Beantwoord en geweigerd per dag" "Answered and refused a day",
    PerPurpose "Per doel, laatste 30 dagen" "By purpose, last 30 days",
    Expiring "Doelen die binnen 90 dagen aflopen" "Purposes that expire within 90 days",
    NothingExpires "Geen enkel doel loopt binnen 90 dagen af." "No purpose expires within 90 days.",
    Table "Tabel" "Table",
    Day "Dag" "Day",
    Granted "Beantwoord" "Answered",
    Refused "Geweigerd" "Refused",
    // The log.
    Log "Logboek" "Log",
    LogLead "Elke vraag, levering en wijziging, nieuwste eerst. Klik op een cel om daarop te filteren." "Each request, delivery and change, newest first. Click a cell to filter on it.",
    Filters "Filters" "Filters",
    From "Vanaf" "From",
    Until "Tot en met" "Up to and including",
    Organisation "Organisatie" "Organisation",
    Purpose "Doel" "Purpose",
    Dataset "Dataset" "Dataset",
    Decision "Besluit" "Decision",
    Trace "Traceernummer" "Trace id",
    Kind "Soort" "Kind",
    All "alle" "all",
    Apply "Filter" "Filter",
    Clear "Wis filters" "Clear filters",
    Found "regels gevonden" "entries found",
    Entry "Regel" "Entry",
    Time "Tijd" "Time",
    Older "Oudere regels" "Older entries",
    Newest "Nieuwste regels" "Newest entries",
    BadFilter "Dit filter is niet te begrijpen" "This filter cannot be understood",
    Export "Neem mee" "Take out",
    ExportLead "Zonder gegevens over personen. Dat u exporteert, komt eerst in het logboek." "Without data about persons. That you export is put in the log first.",
    // An entry.
    Public "Wat het logboek openbaar vastlegt" "What the log records in public",
    Open "Open het verzegelde deel" "Open the sealed part",
    OpenLead "Wie het vroeg, over hoeveel leerlingen, en wat er is beantwoord. Alleen uw sleutel opent dit." "Who asked, about how many pupils, and what was answered. Only your key opens this.",
    Opened "Het verzegelde deel" "The sealed part",
    NothingSealed "Deze regel heeft geen verzegeld deel, of het is vernietigd." "This entry has no sealed part, or it was destroyed.",
    LookLogged "Dat u dit bekijkt, staat in het logboek als regel" "That you look at this is in the log as entry",
    Staff "Medewerker" "Member of staff",
    Proved "Bewezen door de eigen organisatie" "Proved by their own organisation",
    ReleasedBy "Vrijgegeven door" "Released by",
    Pupils "Aantal leerlingen" "Number of pupils",
    Rows "Aantal rijen" "Number of rows",
    Asked "Wat is gevraagd" "What was asked",
    Clause "Bepaling die besliste" "Clause that decided",
    Replay "Het besluit opnieuw" "The decision again",
    ReplaySame "Opnieuw beslist met de regels van toen: dezelfde uitkomst." "Decided again by the rules of that time: the same outcome.",
    ReplayOther "Opnieuw beslist komt er iets anders uit. Onderzoek dit." "Decided again, the outcome differs. Look into this.",
    ReplayNot "Hier is niets beslist volgens de regels van een doel." "Nothing was decided here by the rules of a purpose.",
    ReplayFailed "Het besluit kan niet opnieuw worden genomen" "The decision cannot be made again",
    Proof "Bewijs" "Proof",
    ProofLead "Dit bestand bewijst dat deze regel in het logboek staat. Iedereen met de openbare sleutel kan het zelf nakijken, zonder ons te vertrouwen:" "This file proves that this entry is in the log. Anyone with the public key can check it themselves, without trusting us:",
    ProofDownload "Download het bewijs" "Download the proof",
    Copy "Kopieer" "Copy",
    Copied "Gekopieerd" "Copied",
    Raw "Ruwe gegevens" "Raw data",
    SameTrace "Alle regels met dit traceernummer" "All entries with this trace id",
    // Integrity.
    Integrity "Controle" "Integrity",
    IntegrityLead "Het logboek is een boom van hashes, ondertekend. Weghalen of veranderen valt op, ook als de beheerder het doet." "The log is a signed tree of hashes. Removing or changing anything shows, also when the operator does it.",
    CheckNow "Controleer nu" "Check now",
    Origin "Logboek" "Log",
    Size "Aantal regels" "Number of entries",
    Root "Wortel" "Root",
    Replicas "Starts van de poort" "Starts of the gateway",
    NotChecked "Wat deze controle niet nagaat" "What this check does not tell",
    Checkpoint "Ondertekend controlepunt" "Signed checkpoint",
    Stamps "Tijdstempels en ankers" "Time stamps and anchors",
    Gaps "Gaten en voorvallen" "Gaps and incidents",
    NoGaps "Geen gaten: elk volgnummer is er, elke handtekening klopt." "No gaps: each number is there, each signature holds.",
    Bundle "Download de bundel" "Download the bundle",
    BundleLead "De bundel bevat het hele openbare logboek. Kijk hem na op een andere computer:" "The bundle holds the whole public log. Check it on another computer:",
    Certificate "Verklaring" "Certificate",
    CertificateText "Ondergetekende verklaart dat het hieronder genoemde logboek op het genoemde moment is nagerekend: elke regel staat op haar plaats, de wortel is die van het ondertekende controlepunt, en geen volgnummer ontbreekt." "The undersigned declares that the log named below was recomputed at the moment named: each entry is in its place, the root is that of the signed checkpoint, and no number is missing.",
    Print "Druk af" "Print",
    Signature "Handtekening" "Signature",
    // Subject access.
    Access "Inzageverzoek" "Subject access",
    AccessLead "Wie keek naar de gegevens van een leerling, en waarom? U krijgt een brief voor de ouder en een bestand met het bewijs." "Who looked at a pupil's data, and why? You get a letter for the parent and a file with the proof.",
    NumberKind "Soort nummer" "Kind of number",
    Bsn "Burgerservicenummer (BSN)" "Citizen service number (BSN)",
    Eck "ECK iD" "ECK iD",
    Number "Nummer van de leerling" "The pupil's number",
    NumberHint "Gaat versleuteld naar de poort en wordt nergens bewaard. Twee personen staan hiervoor in." "Goes to the gateway encrypted and is kept nowhere. Two persons stand for this.",
    Period "Periode" "Period",
    ThisYear "Dit schooljaar" "This school year",
    FromDay "Vanaf een dag" "From a day on",
    DayMissing "Kies de dag." "Choose the day.",
    OneFolder "Eén map tekent nu voor twee personen. Dat is alleen voor een demo: start de console met --colleague en de map van uw collega." "One folder signs for two persons now. That is for a demo only: start the console with --colleague and your colleague's folder.",
    TwoFolders "Hier staan twee personen voor in. Laat uw collega de eigen sleutel aansluiten voor u verdergaat." "Two persons stand for this. Have your colleague connect their own key before you go on.",
    StaffSearch "Zoek een medewerker" "Search a member of staff",
    StaffLead "Elke regel waarvoor deze persoon de vraag stelde of vrijgaf. Dat u zoekt, komt eerst in het logboek; twee personen staan ervoor in." "Each entry for which this person asked or released. That you search is put in the log first; two persons stand for it.",
    StaffName "Naam zoals de eigen organisatie die opgeeft" "Name as their own organisation gives it",
    StaffHint "De naam gaat naar niemand: er wordt gezocht in de kopie op uw computer." "The name goes to nobody: the copy on your computer is searched.",
    StaffFind "Zoek" "Search",
    StaffMissing "Vul de naam in, van 1 tot 200 tekens." "Fill in the name, of 1 to 200 characters.",
    AcrossParties "Dezelfde vraag bij anderen" "The same request at the others",
    AcrossPartiesLead "Dit traceernummer staat ook in de logboeken van wie de vraag stelde en van wie het antwoord gaf. Vraag hun de regels met dit nummer, en leg ze ernaast." "This trace id is in the logs of who asked and of who answered as well. Ask them for the entries with this id, and lay them beside these.",
    Everything "Alles wat er is" "Everything there is",
    Withhold "Tel deze doelen alleen, toon ze niet" "Count these purposes only, do not show them",
    WithholdHint "Voor wat vertrouwelijk is, of over een ander gaat. De brief zegt hoeveel het er zijn." "For what is confidential, or about somebody else. The letter says how many there are.",
    Search "Zoek en maak de brief" "Search and make the letter",
    NumberMissing "Vul het nummer van de leerling in." "Fill in the pupil's number.",
    AccessFailed "Zoeken is niet gelukt" "The search failed",
    NoLetter "Er is nog geen brief. Zoek eerst een leerling." "There is no letter yet. Search a pupil first.",
    Letter "Brief" "Letter",
    LetterTitle "Wie keek naar de gegevens van uw kind?" "Who looked at your child's data?",
    LetterDear "Beste ouder of verzorger," "Dear parent or guardian,",
    LetterOpening "U vroeg wie gegevens van uw kind heeft gebruikt. In deze brief leest u dat. U leest ook waarom dat gebeurde." "You asked who used data of your child. You read that in this letter. You also read why.",
    LetterNobody "In deze periode heeft geen enkele organisatie via Doelpoort gegevens van uw kind gekregen." "In this period no organisation received data of your child through Doelpoort.",
    LetterNobodyShown "In deze brief staat geen organisatie. Lees bij “Wat u niet ziet” waarom." "This letter names no organisation. Read why under “What you do not see”.",
    LetterTime "keer" "time",
    LetterTimes "keer" "times",
    LetterSummary "In het kort" "In short",
    LetterWhen "Wanneer" "When",
    LetterWhat "Welke gegevens" "Which data",
    LetterWhy "Waarom" "Why",
    LetterLaw "Volgens welke wet" "Under which law",
    LetterKeep "Zo lang mag de organisatie dit bewaren" "How long the organisation may keep this",
    LetterPseudonym "zonder naam of nummer: onder een schuilnaam" "without name or number: under a pseudonym",
    LetterErased "niet meer bekend" "no longer known",
    LetterOther "Wat u niet ziet" "What you do not see",
    LetterRefused "een vraag over uw kind is niet beantwoord. Er zijn toen geen gegevens gegeven." "a question about your child was not answered. No data were given then.",
    LetterWithheld "niet getoond. Dat ging ook over iemand anders, of moet nog vertrouwelijk blijven." "not shown. That is about somebody else too, or must stay confidential for now.",
    LetterEarlier "vóór de periode waar u om vroeg. Dat staat niet in deze brief." "before the period that you asked about. That is not in this letter.",
    LetterTermsGone "De tekst van toen is niet meer bekend." "The text of that time is no longer known.",
    LetterUnread "oude regels zijn vernietigd. Niemand kan nog zien over wie die gingen." "old entries were destroyed. Nobody can tell any more whom they were about.",
    LetterNothingHidden "Er is niets weggelaten." "Nothing was left out.",
    LetterProofTitle "Klopt deze brief?" "Is this letter right?",
    LetterProof "U hoeft ons niet te geloven. Bij deze brief hoort een bestand. Daarmee kunt u, of iemand die u helpt, zelf nagaan dat er niets ontbreekt. Vraag ons erom." "You need not believe us. A file comes with this letter. With it you, or somebody who helps you, can check that nothing is missing. Ask us for it.",
    LetterRights "Wat kunt u doen?" "What can you do?",
    LetterRightsText "Klopt er iets niet? Of wilt u niet dat gegevens worden gebruikt? Laat het ons weten. U kunt ook een klacht indienen bij de Autoriteit Persoonsgegevens." "Is something wrong? Or do you not want the data to be used? Tell us. You can also complain to the data protection authority (Autoriteit Persoonsgegevens).",
    LetterGreeting "Met vriendelijke groet," "Kind regards,",
    LetterSigned "De functionaris gegevensbescherming" "The data protection officer",
    LetterChild "Naam van uw kind" "Name of your child",
    LetterCase "Zaaknummer" "Case number",
    LetterDate "Datum" "Date",
    LetterEntry "nummer in het logboek" "number in the log",
    HandOut "Download het bewijsbestand" "Download the file with the proof",
    // Alerts.
    Alerts "Signalen" "Alerts",
    AlertsLead "Wat een keer nakijken waard is. Een signaal zegt niet dat er iets fout ging." "What is worth a look. An alert does not say that something went wrong.",
    NoAlerts "Er zijn geen signalen." "There are no alerts.",
    Rule "Wat opviel" "What stood out",
    FoundLimit "Gevonden / grens" "Found / limit",
    // Purposes.
    Purposes "Doelen" "Purposes",
    PurposesLead "Waarvoor gegevens mogen worden gebruikt. Een doel werkt alleen als iedereen die het moet tekenen dat deed." "What data may be used for. A purpose acts only if everybody who must sign it did.",
    NoPolicies "De regels van dit moment zijn niet in het archief van de poort." "The policies of this moment are not in the gateway's archive.",
    Version "versie" "version",
    State "Stand" "State",
    Acts "werkt" "acts",
    Sleeps "slaapt" "sleeps",
    Missing1 "Akkoord ontbreekt van" "Approval is missing of",
    Why "Waarom" "Why",
    Basis "Grondslag" "Legal basis",
    Controllers "Verwerkingsverantwoordelijken" "Controllers",
    Valid "Geldig" "Valid",
    Retention "Bewaartermijn" "Retention",
    Contact "Contact" "Contact",
    UsedInLog "Gebruik in het logboek" "Use in the log",
    Grants "Wat binnen dit doel mag" "What this purpose allows",
    // The matrix.
    Matrix "Wie mag wat" "Who may what",
    MatrixLead "Elk veld dat een organisatie kan krijgen of leveren, en wanneer dat doel voor het laatst is gebruikt." "Each field that an organisation can receive or deliver, and when that purpose was last used.",
    Field "Veld" "Field",
    LastUsed "Laatst gebruikt" "Last used",
    Never "nooit: intrekken?" "never: withdraw?",
    LongAgo "meer dan 90 dagen geleden: intrekken?" "more than 90 days ago: withdraw?",
    WholeRow "de rij zelf" "the row itself",
    // The month.
    MonthReport "Maandrapport" "Monthly report",
    MonthLead "Voor bestuur en toezicht; druk het af of bewaar het als pdf." "For the board; print it, or save it as PDF.",
    MonthWrong "Geef een maand zoals 2026-11." "Give a month such as 2026-11.",
    Earlier "Maand eerder" "Month before",
    Later "Maand later" "Month after",
    Volumes "Gebruik per organisatie en doel" "Use by organisation and purpose",
    Form "Vorm" "Form",
    Refusals "Weigeringen" "Refusals",
    Readings "Inzage in het logboek zelf" "Readings of the log itself",
    PolicyChanges "Wijzigingen van doelen" "Changes of purposes",
    Incidents "Voorvallen" "Incidents",
}

#[cfg(test)]
mod tests {
    use doelpoort_core::text::Language;

    use super::*;

    #[test]
    fn each_word_is_there_in_both_languages() {
        fn check<W: Said + std::fmt::Debug>(words: &[W]) {
            for word in words {
                for language in [Language::Dutch, Language::English] {
                    let text = word.said(language);
                    assert!(!text.trim().is_empty() && text.trim() == text, "{word:?}");
                }
            }
        }
        check(Word::ALL);
        check(CaseWord::ALL);
        check(PolicyWord::ALL);
    }

    #[test]
    fn a_parent_reads_short_sentences() {
        // B1: as a rule no sentence of a letter is longer than this many words.
        const WORDS_MAX: usize = 16;
        let letter = Word::ALL
            .iter()
            .filter(|word| format!("{word:?}").starts_with("Letter"));
        for word in letter {
            for sentence in word.in_language(Language::Dutch).split(['.', '?']) {
                let words = sentence.split_whitespace().count();
                assert!(words <= WORDS_MAX, "{sentence}: {words} words");
            }
        }
    }
}
