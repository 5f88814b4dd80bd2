use super::*;
use crate::policy::tests::shipped;

fn told(change: impl FnOnce(&mut PolicyFiles)) -> Vec<Change> {
    let before = shipped();
    let mut after = before.clone();
    change(&mut after);
    let (old, new) = (Draft::read(&before).unwrap(), Draft::read(&after).unwrap());
    diff(
        Side {
            files: &before,
            draft: &old,
        },
        Side {
            files: &after,
            draft: &new,
        },
    )
}

fn lines(changes: &[Change]) -> String {
    let lines = changes.iter().map(|change| {
        let Change { about, effect, text } = change;
        format!("{about} ({effect:?})\n  {}\n  {}\n", text.nl, text.en)
    });
    lines.collect::<Vec<_>>().concat()
}

fn replace(files: &mut [(String, String)], name: &str, pairs: &[(&str, &str)]) {
    let file = files.iter_mut().find(|(file, _)| file == name).unwrap();
    for (from, to) in pairs {
        assert!(file.1.contains(from), "{from}");
        file.1 = file.1.replacen(from, to, 1);
    }
}

#[test]
fn the_same_folder_has_no_changes() {
    assert_eq!(told(|_| {}), Vec::new());
}

#[test]
fn who_may_newly_see_what_is_a_sentence() {
    let changes = told(|files| {
        replace(
            &mut files.purposes,
            "purposes/case-consultation.toml",
            &[
                ("version = 1", "version = 2"),
                ("retention = \"P1Y\"", "retention = \"P6M\""),
                (
                    "\"absence.kind\",\n  \"absence.weeks\"",
                    "\"absence.reason\",\n  \"absence.weeks\"",
                ),
                ("requests = \"600/h\"", "requests = \"60/min\""),
                ("page_max = 1000", "page_max = 100"),
            ],
        );
    });
    insta::assert_snapshot!(lines(&changes), @"
purpose case-consultation (Wider)
  Onder `case-consultation` mag Passend Onderwijs Almere (primair onderwijs) (rol `consulent`) nu ook zien: Verzuim: Reden (`absence.reason`).
  Under `case-consultation`, Passend Onderwijs Almere (primair onderwijs) (role `consulent`) may newly see Absence: Reason (`absence.reason`).
purpose case-consultation (Wider)
  Onder `case-consultation` mag Passend Onderwijs Almere (voortgezet onderwijs) (rol `consulent`) nu ook zien: Verzuim: Reden (`absence.reason`).
  Under `case-consultation`, Passend Onderwijs Almere (voortgezet onderwijs) (role `consulent`) may newly see Absence: Reason (`absence.reason`).
purpose case-consultation (Narrower)
  Onder `case-consultation` mag Passend Onderwijs Almere (primair onderwijs) (rol `consulent`) niet langer zien: Verzuim: Soort (`absence.kind`).
  Under `case-consultation`, Passend Onderwijs Almere (primair onderwijs) (role `consulent`) may no longer see Absence: Kind (`absence.kind`).
purpose case-consultation (Narrower)
  Onder `case-consultation` mag Passend Onderwijs Almere (voortgezet onderwijs) (rol `consulent`) niet langer zien: Verzuim: Soort (`absence.kind`).
  Under `case-consultation`, Passend Onderwijs Almere (voortgezet onderwijs) (role `consulent`) may no longer see Absence: Kind (`absence.kind`).
purpose case-consultation (Other)
  Bewaartermijn: eerst 1 jaar, nu 6 maanden.
  Retention: first 1 year, now 6 months.
purpose case-consultation (Other)
  Toestemming 0: eerst ten hoogste 600 verzoeken per uur, nu ten hoogste 60 verzoeken per minuut.
  Grant 0: first at most 600 requests per hour, now at most 60 requests per minute.
purpose case-consultation (Other)
  Toestemming 0: eerst ten hoogste 1000 regels per bladzijde, nu ten hoogste 100 regels per bladzijde.
  Grant 0: first at most 1000 rows a page, now at most 100 rows a page.
purpose case-consultation (Other)
  Versie: eerst 1, nu 2.
  Version: first 1, now 2.
");
}

#[test]
fn a_finer_level_and_another_recipient_are_wider() {
    let changes = told(|files| {
        replace(
            &mut files.purposes,
            "purposes/neighbourhood-absence.toml",
            &[
                ("{ organisation = \"municipality\", role = \"dashboard\" },\n", ""),
                (
                    "\"absence.reason\", \"enrolment.neighbourhood@district",
                    "\"absence.reason\", \"enrolment.neighbourhood@neighbourhood",
                ),
            ],
        );
    });
    insta::assert_snapshot!(lines(&changes), @r#"
purpose neighbourhood-absence (Narrower)
  Onder `neighbourhood-absence` mag Gemeente Almere (rol `dashboard`) niet langer aantallen zien naar Inschrijving: Wijk (`enrolment.neighbourhood`) per stad, Inschrijving: Wijk (`enrolment.neighbourhood`) per stadsdeel, Inschrijving: Wijk (`enrolment.neighbourhood`) per wijk en Inschrijving: Onderwijssoort (`enrolment.sector`) per fase; beperken op Verzuim: Soort (`absence.kind`) = Ongeoorloofd, Inschrijving: Wijk (`enrolment.neighbourhood`) per stad, Inschrijving: Wijk (`enrolment.neighbourhood`) per stadsdeel, Inschrijving: Wijk (`enrolment.neighbourhood`) per wijk en Inschrijving: Onderwijssoort (`enrolment.sector`) per fase; tellen: `per-1000(enrolment)` en leerlingen.
  Under `neighbourhood-absence`, Gemeente Almere (role `dashboard`) may no longer see figures by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by city, Enrolment: Neighbourhood (`enrolment.neighbourhood`) by district, Enrolment: Neighbourhood (`enrolment.neighbourhood`) by neighbourhood and Enrolment: Sector (`enrolment.sector`) by phase; narrow by Absence: Kind (`absence.kind`) = Unauthorised, Enrolment: Neighbourhood (`enrolment.neighbourhood`) by city, Enrolment: Neighbourhood (`enrolment.neighbourhood`) by district, Enrolment: Neighbourhood (`enrolment.neighbourhood`) by neighbourhood and Enrolment: Sector (`enrolment.sector`) by phase; count `per-1000(enrolment)` and pupils.
purpose neighbourhood-absence (Wider)
  Onder `neighbourhood-absence` mag Gemeente Almere (rol `dashboard`) nu ook aantallen zien naar Inschrijving: Wijk (`enrolment.neighbourhood`) per wijk; beperken op Inschrijving: Wijk (`enrolment.neighbourhood`) per wijk.
  Under `neighbourhood-absence`, Gemeente Almere (role `dashboard`) may newly see figures by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by neighbourhood; narrow by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by neighbourhood.
purpose neighbourhood-absence (Wider)
  Onder `neighbourhood-absence` mag Passend Onderwijs Almere (primair onderwijs) (rol `dashboard`) nu ook aantallen zien naar Inschrijving: Wijk (`enrolment.neighbourhood`) per wijk; beperken op Inschrijving: Wijk (`enrolment.neighbourhood`) per wijk.
  Under `neighbourhood-absence`, Passend Onderwijs Almere (primair onderwijs) (role `dashboard`) may newly see figures by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by neighbourhood; narrow by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by neighbourhood.
purpose neighbourhood-absence (Wider)
  Onder `neighbourhood-absence` mag Passend Onderwijs Almere (voortgezet onderwijs) (rol `dashboard`) nu ook aantallen zien naar Inschrijving: Wijk (`enrolment.neighbourhood`) per wijk; beperken op Inschrijving: Wijk (`enrolment.neighbourhood`) per wijk.
  Under `neighbourhood-absence`, Passend Onderwijs Almere (voortgezet onderwijs) (role `dashboard`) may newly see figures by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by neighbourhood; narrow by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by neighbourhood.
purpose neighbourhood-absence (Narrower)
  Onder `neighbourhood-absence` mag Gemeente Almere (rol `dashboard`) niet langer aantallen zien naar Inschrijving: Wijk (`enrolment.neighbourhood`) per stadsdeel; beperken op Inschrijving: Wijk (`enrolment.neighbourhood`) per stadsdeel.
  Under `neighbourhood-absence`, Gemeente Almere (role `dashboard`) may no longer see figures by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by district; narrow by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by district.
purpose neighbourhood-absence (Narrower)
  Onder `neighbourhood-absence` mag Passend Onderwijs Almere (primair onderwijs) (rol `dashboard`) niet langer aantallen zien naar Inschrijving: Wijk (`enrolment.neighbourhood`) per stadsdeel; beperken op Inschrijving: Wijk (`enrolment.neighbourhood`) per stadsdeel.
  Under `neighbourhood-absence`, Passend Onderwijs Almere (primair onderwijs) (role `dashboard`) may no longer see figures by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by district; narrow by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by district.
purpose neighbourhood-absence (Narrower)
  Onder `neighbourhood-absence` mag Passend Onderwijs Almere (voortgezet onderwijs) (rol `dashboard`) niet langer aantallen zien naar Inschrijving: Wijk (`enrolment.neighbourhood`) per stadsdeel; beperken op Inschrijving: Wijk (`enrolment.neighbourhood`) per stadsdeel.
  Under `neighbourhood-absence`, Passend Onderwijs Almere (voortgezet onderwijs) (role `dashboard`) may no longer see figures by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by district; narrow by Enrolment: Neighbourhood (`enrolment.neighbourhood`) by district.
purpose neighbourhood-absence (Other)
  Het bestand is gewijzigd en de versie is nog 3: verhoog haar.
  The file has changed and the version is still 3: raise it.
"#);
}

#[test]
fn purposes_that_come_and_go_say_who_gets_what() {
    let changes = told(|files| {
        files
            .purposes
            .retain(|(name, _)| name != "purposes/admissibility-status.toml");
        let (_, text) = files
            .purposes
            .iter()
            .find(|(name, _)| name == "purposes/delivery-caseload.toml")
            .unwrap();
        let copy = text.replace("delivery-caseload", "delivery-anew");
        files
            .purposes
            .push(("purposes/delivery-anew.toml".to_owned(), copy));
    });
    insta::assert_snapshot!(lines(&changes), @"
purpose admissibility-status (Narrower)
  Doel `admissibility-status` vervalt: Stand van de toelaatbaarheidsverklaring.
  Purpose `admissibility-status` goes: State of the declaration of admissibility.
purpose admissibility-status (Narrower)
  Onder `admissibility-status` mag elk schoolbestuur (rol `school`) niet langer zien: Toelaatbaarheid: Soort (`admissibility.kind`), Toelaatbaarheid: Uitkomst (`admissibility.outcome`), Toelaatbaarheid: Geldig van (`admissibility.valid-from`) en Toelaatbaarheid: Geldig tot en met (`admissibility.valid-until`); vragen of een leerling voorkomt in Toelaatbaarheid.
  Under `admissibility-status`, each school board (role `school`) may no longer see Admissibility: Kind (`admissibility.kind`), Admissibility: Outcome (`admissibility.outcome`), Admissibility: Valid from (`admissibility.valid-from`) and Admissibility: Valid through (`admissibility.valid-until`); ask whether a pupil is in Admissibility.
purpose delivery-anew (Wider)
  Nieuw doel `delivery-anew`: Levering van caseload van consulenten.
  New purpose `delivery-anew`: Delivery of caseload of consulents.
purpose delivery-anew (Wider)
  Onder `delivery-anew` mag Passend Onderwijs Almere (primair onderwijs) (rol `delivery`) nu ook rijen leveren van Caseload.
  Under `delivery-anew`, Passend Onderwijs Almere (primair onderwijs) (role `delivery`) may newly deliver rows of Caseload.
purpose delivery-anew (Wider)
  Onder `delivery-anew` mag Passend Onderwijs Almere (voortgezet onderwijs) (rol `delivery`) nu ook rijen leveren van Caseload.
  Under `delivery-anew`, Passend Onderwijs Almere (voortgezet onderwijs) (role `delivery`) may newly deliver rows of Caseload.
");
}

#[test]
fn what_purposes_rest_on_says_who_must_sign_again() {
    let changes = told(|files| {
        replace(
            &mut files.catalogue,
            "populations/children.toml",
            &[("\"10-01\"", "\"10-02\"")],
        );
        let organisations = &mut files.organisations.1;
        *organisations = organisations.replacen(
            "oin = \"00000099000000000034\"",
            "oin = \"00000099000000000035\"",
            1,
        );
    });
    insta::assert_snapshot!(lines(&changes), @r#"
populations/children.toml (Other)
  Bestand `populations/children.toml` is gewijzigd; opnieuw te ondertekenen: `accountability`, `admissibility-flow`, `board-report`, `covering-network`, `cross-border`, `funding-insight`, `neighbourhood-absence`, `neighbourhood-report`, `participation`, `provision-closure`, `support-demand`, `team-steering`, `youth-atlas`.
  File `populations/children.toml` has changed; to be signed again: `accountability`, `admissibility-flow`, `board-report`, `covering-network`, `cross-border`, `funding-insight`, `neighbourhood-absence`, `neighbourhood-report`, `participation`, `provision-closure`, `support-demand`, `team-steering`, `youth-atlas`.
organisation municipality (Other)
  Gemeente Almere: een ander OIN.
  Gemeente Almere: another OIN.
"#);
}
