use serde_json::json;

use super::*;
use crate::fixture::{now, organisation, policies};

fn told(slug: &str, role: &str, staff: Option<bool>, body: &serde_json::Value) -> String {
    let caller = TestCaller::new(organisation(slug), role.to_owned(), staff).unwrap();
    let title = |code: &str| {
        (code == "field-not-granted")
            .then(|| both("Dit veld is niet toegestaan", "This field is not granted"))
    };
    let explained = explain(policies(), &caller, &body.to_string(), now(), &title).unwrap();
    let sentences = explained
        .sentences
        .iter()
        .map(|one| format!("{}\n{}\n", one.nl, one.en));
    format!(
        "{}\n{}",
        explained.outcome,
        sentences.collect::<Vec<_>>().concat()
    )
}

#[test]
fn a_grant_is_explained_clause_by_clause() {
    let body = json!({ "purpose": "neighbourhood-absence", "question": "stay-at-homes-by-district" });
    insta::assert_snapshot!(told("municipality", "dashboard", None, &body), @r#"
granted
Gemeente Almere vraagt met de rol `dashboard` op 22 november 2026, alsof alles is ondertekend.
Gemeente Almere asks with the role `dashboard` on 22 November 2026, as if everything were signed.
Het doel `neighbourhood-absence`, versie 3 (Ongeoorloofd verzuim per wijk), geldt van 1 augustus 2025 tot en met 31 juli 2027.
The purpose `neighbourhood-absence`, version 3 (Unauthorised absence by neighbourhood), holds from 1 August 2025 to 31 July 2027.
Toegestaan door `neighbourhood-absence/grant/1`.
Granted by `neighbourhood-absence/grant/1`.
Toestemming 0 (cijfers, Verzuim) staat dit niet toe: no-such-question (`no-such-question`); zij geldt voor: Passend Onderwijs Almere (primair onderwijs) (rol `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (rol `dashboard`) en Gemeente Almere (rol `dashboard`); rijen van alle bronhouders; altijd alleen Verzuim: Soort (`absence.kind`) = Ongeoorloofd; ten hoogste 2 indelingen naast de plaats; ten hoogste 5000 cellen per peilmoment; ten hoogste 600 verzoeken per uur.
Grant 0 (figures, Absence) does not allow this: no-such-question (`no-such-question`); it is for Passend Onderwijs Almere (primair onderwijs) (role `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (role `dashboard`) and Gemeente Almere (role `dashboard`); rows of all holders; always only Absence: Kind (`absence.kind`) = Unauthorised; at most 2 dimensions besides the place; at most 5000 cells an epoch; at most 600 requests per hour.
Toestemming 1 (cijfers, Verzuim) staat dit toe; zij geldt voor: Passend Onderwijs Almere (primair onderwijs) (rol `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (rol `dashboard`) en Gemeente Almere (rol `dashboard`); rijen van alle bronhouders; altijd alleen Verzuim: Thuiszitter (`absence.stay-at-home`) = Ja; ten hoogste 1 indeling naast de plaats; ten hoogste 500 cellen per peilmoment; ten hoogste 600 verzoeken per uur.
Grant 1 (figures, Absence) allows this; it is for Passend Onderwijs Almere (primair onderwijs) (role `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (role `dashboard`) and Gemeente Almere (role `dashboard`); rows of all holders; always only Absence: Stay-at-home (`absence.stay-at-home`) = Yes; at most 1 dimension besides the place; at most 500 cells an epoch; at most 600 requests per hour.
Toestemming 2 (cijfers, Verzuim) staat dit niet toe: no-such-question (`no-such-question`); zij geldt voor: Passend Onderwijs Almere (primair onderwijs) (rol `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (rol `dashboard`) en Gemeente Almere (rol `dashboard`); rijen van alle bronhouders; altijd alleen Verzuim: Soort (`absence.kind`) = Ongeoorloofd; ten hoogste 2 indelingen naast de plaats; ten hoogste 500 cellen per peilmoment; ten hoogste 600 verzoeken per uur.
Grant 2 (figures, Absence) does not allow this: no-such-question (`no-such-question`); it is for Passend Onderwijs Almere (primair onderwijs) (role `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (role `dashboard`) and Gemeente Almere (role `dashboard`); rows of all holders; always only Absence: Kind (`absence.kind`) = Unauthorised; at most 2 dimensions besides the place; at most 500 cells an epoch; at most 600 requests per hour.
Toestemming 3 (cijfers, Verzuim) staat dit niet toe: no-such-question (`no-such-question`); zij geldt voor: Passend Onderwijs Almere (primair onderwijs) (rol `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (rol `dashboard`) en Gemeente Almere (rol `dashboard`); rijen van alle bronhouders; altijd alleen Verzuim: Soort (`absence.kind`) = Ongeoorloofd; ten hoogste 1 indeling naast de plaats; ten hoogste 500 cellen per peilmoment; ten hoogste 600 verzoeken per uur.
Grant 3 (figures, Absence) does not allow this: no-such-question (`no-such-question`); it is for Passend Onderwijs Almere (primair onderwijs) (role `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (role `dashboard`) and Gemeente Almere (role `dashboard`); rows of all holders; always only Absence: Kind (`absence.kind`) = Unauthorised; at most 1 dimension besides the place; at most 500 cells an epoch; at most 600 requests per hour.
Toestemming 4 (cijfers, Verzuim) staat dit niet toe: no-such-question (`no-such-question`); zij geldt voor: Passend Onderwijs Almere (primair onderwijs) (rol `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (rol `dashboard`) en Gemeente Almere (rol `dashboard`); rijen van alle bronhouders; altijd alleen Verzuim: Thuiszitter (`absence.stay-at-home`) = Ja; ten hoogste 0 indelingen naast de plaats; ten hoogste 500 cellen per peilmoment; ten hoogste 600 verzoeken per uur.
Grant 4 (figures, Absence) does not allow this: no-such-question (`no-such-question`); it is for Passend Onderwijs Almere (primair onderwijs) (role `dashboard`), Passend Onderwijs Almere (voortgezet onderwijs) (role `dashboard`) and Gemeente Almere (role `dashboard`); rows of all holders; always only Absence: Stay-at-home (`absence.stay-at-home`) = Yes; at most 0 dimensions besides the place; at most 500 cells an epoch; at most 600 requests per hour.
"#);
}

#[test]
fn a_denial_names_what_was_too_much() {
    let body =
        json!({ "purpose": "case-consultation", "form": "records", "fields": ["enrolment.birth-date"] });
    insta::assert_snapshot!(told("swv-po", "consulent", Some(true), &body), @"
field-not-granted
Passend Onderwijs Almere (primair onderwijs) vraagt met de rol `consulent` op 22 november 2026, alsof alles is ondertekend.
Passend Onderwijs Almere (primair onderwijs) asks with the role `consulent` on 22 November 2026, as if everything were signed.
Het doel `case-consultation`, versie 1 (Consultatie: leerlingen die dreigen vast te lopen), geldt van 1 augustus 2025 tot en met 31 juli 2027.
The purpose `case-consultation`, version 1 (Consultation: pupils who risk falling behind), holds from 1 August 2025 to 31 July 2027.
Dit veld is niet toegestaan (`field-not-granted`): `enrolment.birth-date`.
This field is not granted (`field-not-granted`): `enrolment.birth-date`.
Toestemming 0 (regels, Inschrijving) staat dit niet toe: Dit veld is niet toegestaan (`field-not-granted`): `enrolment.birth-date`; zij geldt voor: Passend Onderwijs Almere (primair onderwijs) (rol `consulent`) en Passend Onderwijs Almere (voortgezet onderwijs) (rol `consulent`); alleen leerlingen op de scholen in de caseload van wie vraagt; wie vraagt, bewijst dat bij de eigen organisatie en noemt een zaak; rijen van alle bronhouders; een schuilnaam geldt één schooljaar; ten hoogste 1000 regels per bladzijde; ten hoogste 600 verzoeken per uur.
Grant 0 (records, Enrolment) does not allow this: This field is not granted (`field-not-granted`): `enrolment.birth-date`; it is for Passend Onderwijs Almere (primair onderwijs) (role `consulent`) and Passend Onderwijs Almere (voortgezet onderwijs) (role `consulent`); only pupils at the sites in the caseload of who asks; who asks proves it with their own organisation and names a case; rows of all holders; a pseudonym holds for one school year; at most 1000 rows a page; at most 600 requests per hour.
");
}

#[test]
fn who_has_no_part_in_it_learns_nothing_of_it_from_the_gateway() {
    let body = json!({ "purpose": "case-consultation", "form": "records", "fields": ["enrolment.site"] });
    let told = told("municipality", "dashboard", None, &body);
    assert!(told.starts_with("no-such-purpose\n"), "{told}");
}

#[test]
fn a_request_that_is_wrong_says_where() {
    let body = json!({ "purpose": "youth-atlas", "form": "figures", "groupBy": ["enrolment.shoe-size"], "measures": ["pupils"] });
    insta::assert_snapshot!(told("municipality", "dashboard", None, &body), @"
invalid-input
Gemeente Almere vraagt met de rol `dashboard` op 22 november 2026, alsof alles is ondertekend.
Gemeente Almere asks with the role `dashboard` on 22 November 2026, as if everything were signed.
Het doel `youth-atlas`, versie 1 (Jeugdatlas: waar zijn alle kinderen), geldt van 1 augustus 2025 tot en met 31 juli 2027.
The purpose `youth-atlas`, version 1 (Youth atlas: where all the children are), holds from 1 August 2025 to 31 July 2027.
Het verzoek zelf klopt niet, dus er valt niets te beslissen.
The request itself is wrong, so there is nothing to decide.
/groupBy/0: names an unknown field; see `GET /v1/catalogue` (`unknown-field`).
/groupBy/0: names an unknown field; see `GET /v1/catalogue` (`unknown-field`).
");
    let caller = TestCaller::new(organisation("municipality"), "dashboard".to_owned(), None).unwrap();
    let none = |_: &str| None;
    for (body, says) in [
        ("{", "not JSON: it goes wrong at line 1, column 1"),
        ("[]", "must be a table, or the JSON of a request"),
        ("{}", "names no purpose"),
    ] {
        assert_eq!(
            explain(policies(), &caller, body, now(), &none).unwrap_err(),
            says
        );
    }
}
