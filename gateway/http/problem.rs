//! Every error as a problem document (RFC 9457): what went wrong, where, and how to mend it; never a value.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use doelpoort_core::policy::decide::{Allowed, Denial, DenialCode};
use doelpoort_core::request::InputError;
use doelpoort_core::text::Text;
use serde::Serialize;
use utoipa::ToSchema;

use super::language::Language;
use crate::delivery::DeliveryRefusal;
use crate::exchange::Refusal;
use crate::limit::Limited;

/// The media type of a problem document.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// Where the problem is explained.
    #[serde(rename = "type")]
    kind: String,
    /// What went wrong, the same for each problem of this code.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time and how to mend it.
    detail: String,
    /// The path that was asked, without its query.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The stable code.
    code: &'static str,
    /// To name when you ask for help.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    /// All that is wrong with the input, at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ProblemInput>,
    /// The clause that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    clause: Option<String>,
    /// What your own grant would have allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    allowed: Option<Box<Allowed>>,
    #[serde(skip)]
    challenge: Option<String>,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

/// One mistake in the input.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemInput {
    /// Where it stands: `body`, `query`, `path` or `header`.
    #[serde(rename = "in")]
    part: &'static str,
    /// The JSON pointer, parameter or row.
    location: String,
    /// The stable code.
    code: &'static str,
    /// What is wrong and how to mend it.
    detail: String,
}

impl From<Box<Problem>> for Problem {
    fn from(problem: Box<Problem>) -> Self {
        *problem
    }
}

impl From<InputError> for ProblemInput {
    fn from(error: InputError) -> Self {
        Self {
            part: error.part,
            location: error.location,
            code: error.code,
            detail: error.detail,
        }
    }
}

/// What a code means, in both languages.
struct Meaning {
    code: &'static str,
    status: StatusCode,
    nl: &'static str,
    en: &'static str,
}

macro_rules! meanings {
    ($($code:literal $status:ident $nl:literal $en:literal)*) => {
        &[$(Meaning { code: $code, status: StatusCode::$status, nl: $nl, en: $en }),*]
    };
}

/// Every code of the API. A code is never reused for another meaning.
const MEANINGS: &[Meaning] = meanings![
    "invalid-input" BAD_REQUEST "De vraag klopt niet" "The request is not valid"
    "invalid-token" UNAUTHORIZED "Het token is niet geldig" "The token is not valid"
    "invalid-staff-assertion" FORBIDDEN "De medewerker is niet aangetoond" "The member of staff is not proved"
    "against-unknown" NOT_FOUND "Het doel waartegen het zich richt, bestaat niet" "The purpose that it is against does not exist"
    "constraint-not-evaluated" FORBIDDEN "Een voorwaarde van dit doel is niet te toetsen" "A condition of this purpose cannot be evaluated"
    "filter-finer-than-grouped" BAD_REQUEST "Het filter is fijner dan de indeling" "The filter is finer than the grouping"
    "reason-not-granted" FORBIDDEN "Deze reden is niet toegestaan" "This reason is not granted"
    "second-person-missing" FORBIDDEN "Een tweede medewerker ontbreekt" "A second person is missing"
    "site-missing" FORBIDDEN "De vestiging ontbreekt" "The site is missing"
    "too-many-pseudonyms" FORBIDDEN "Te veel schuilnamen" "Too many pseudonyms"
    "case-missing" FORBIDDEN "Een zaak of reden ontbreekt" "A case or reason is missing"
    "dimension-not-granted" FORBIDDEN "Deze indeling of dit niveau is niet toegestaan" "This dimension or level is not granted"
    "field-not-granted" FORBIDDEN "Dit veld is niet toegestaan" "This field is not granted"
    "filter-not-granted" FORBIDDEN "Dit filter is niet toegestaan" "This filter is not granted"
    "form-not-granted" FORBIDDEN "Deze vorm is niet toegestaan" "This form is not granted"
    "identifier-not-granted" FORBIDDEN "Deze soort identificatie is niet toegestaan" "This kind of identifier is not granted"
    "mandate-missing" FORBIDDEN "Een machtiging ontbreekt" "A mandate is missing"
    "measure-not-granted" FORBIDDEN "Deze maat is niet toegestaan" "This measure is not granted"
    "no-such-purpose" NOT_FOUND "Dit doel bestaat niet, of niet voor u" "This purpose does not exist, or not for you"
    "no-such-question" NOT_FOUND "Deze vraag bestaat niet" "This question does not exist"
    "not-in-token" FORBIDDEN "Het token kent dit doel niet" "The token does not know this purpose"
    "page-too-large" FORBIDDEN "De pagina is te groot" "The page is too large"
    "purpose-asleep" FORBIDDEN "Dit doel slaapt: een akkoord ontbreekt" "This purpose sleeps: an approval is missing"
    "purpose-expired" FORBIDDEN "Dit doel is niet (meer) geldig" "This purpose is not (or no longer) valid"
    "staff-missing" FORBIDDEN "De medewerker ontbreekt" "The member of staff is missing"
    "staff-not-proved" FORBIDDEN "De medewerker is niet aangetoond" "The member of staff is not proved"
    "too-many-dimensions" FORBIDDEN "Te veel indelingen tegelijk" "Too many dimensions at once"
    "no-such-epoch" NOT_FOUND "Dit peilmoment is er niet voor dit doel" "There is no such epoch for this purpose"
    "no-such-delivery" NOT_FOUND "Deze levering bestaat niet, of is niet van u" "This delivery does not exist, or is not yours"
    "no-such-item" NOT_FOUND "Dit staat niet in uw postbak" "There is no such item in your inbox"
    "no-such-resolution" NOT_FOUND "Deze herleiding bestaat niet, of is niet van u" "This resolution does not exist, or is not yours"
    "no-such-translation" NOT_FOUND "Deze vertaling bestaat niet, of is niet voor u" "This translation does not exist, or is not for you"
    "already-settled" CONFLICT "Hierover is al beslist, of de termijn is voorbij" "This was settled before, or its time is over"
    "sent-today" CONFLICT "Een van deze schuilnamen is vandaag al gestuurd" "One of these pseudonyms was sent today before"
    "not-found" NOT_FOUND "Dit adres bestaat niet" "There is nothing at this address"
    "method-not-allowed" METHOD_NOT_ALLOWED "Deze methode kan hier niet" "This method is not possible here"
    "not-acceptable" NOT_ACCEPTABLE "Deze vorm kan het antwoord niet hebben" "The answer has no such format"
    "too-large" PAYLOAD_TOO_LARGE "Te groot" "Too large"
    "unsupported-media-type" UNSUPPORTED_MEDIA_TYPE "Dit soort inhoud kan hier niet" "This media type is not possible here"
    "delivery-refused" BAD_REQUEST "De levering is geweigerd" "The delivery was refused"
    "too-many-cells" BAD_REQUEST "De vraag is te groot" "The question is too large"
    "cells-spent" TOO_MANY_REQUESTS "Alle cellen van dit peilmoment zijn gevraagd" "All cells of this epoch were asked"
    "cursor-not-valid" BAD_REQUEST "De cursor is niet geldig" "The cursor is not valid"
    "rate-limited" TOO_MANY_REQUESTS "Te veel vragen" "Too many requests"
    "keys-unavailable" SERVICE_UNAVAILABLE "Een sleutel is niet beschikbaar" "A key is not available"
    "log-unavailable" SERVICE_UNAVAILABLE "Het logboek is niet beschikbaar" "The log is not available"
    "role-missing" FORBIDDEN "Deze toepassing heeft hiervoor de rol niet" "This program does not have the role for this"
    "look-not-announced" FORBIDDEN "Deze inzage is niet aangekondigd" "This look was not announced"
    "policies-not-in-force" SERVICE_UNAVAILABLE "Deze gateway heeft andere afspraken dan er gelden" "This gateway has other policies than those in force"
    "policy-changed" SERVICE_UNAVAILABLE "De afspraken veranderden net" "The policies just changed"
    "source-unavailable" SERVICE_UNAVAILABLE "De bron is niet beschikbaar" "The source is not available"
    "overloaded" SERVICE_UNAVAILABLE "De gateway is te druk" "The gateway is too busy"
    "internal-error" INTERNAL_SERVER_ERROR "Er ging iets mis" "Something went wrong"
];

impl Problem {
    /// A problem of a known code.
    pub(crate) fn new(code: &'static str, detail: impl Into<String>, language: Language) -> Self {
        let meaning = MEANINGS.iter().find(|meaning| meaning.code == code);
        Self {
            kind: format!("/v1/problems/{code}"),
            title: meaning.map_or("", |meaning| match language {
                Language::Dutch => meaning.nl,
                Language::English => meaning.en,
            }),
            status: meaning
                .map_or(StatusCode::INTERNAL_SERVER_ERROR, |meaning| meaning.status)
                .as_u16(),
            detail: detail.into(),
            instance: None,
            code,
            trace_id: None,
            errors: Vec::new(),
            clause: None,
            allowed: None,
            challenge: None,
            retry_after_s: None,
        }
    }

    /// All mistakes in the input.
    pub(crate) fn input(errors: Vec<InputError>, language: Language) -> Self {
        let count = errors.len();
        let detail = match language {
            Language::Dutch => format!("{count} fout(en); zie `errors`"),
            Language::English => format!("{count} mistake(s); see `errors`"),
        };
        let mut problem = Self::new("invalid-input", detail, language);
        problem.errors = errors.into_iter().map(ProblemInput::from).collect();
        problem
    }

    /// Adds what may be asked instead.
    fn allowing(mut self, allowed: Option<Box<Allowed>>) -> Self {
        self.allowed = allowed;
        self
    }

    /// Names the place, where no trace is known.
    pub(crate) fn on(mut self, path: &str) -> Self {
        self.instance = Some(path.to_owned());
        self
    }

    /// Names the place and trace of the request.
    pub(crate) fn at(mut self, path: &str, trace_id: &str) -> Self {
        self.instance = Some(path.to_owned());
        self.trace_id = Some(trace_id.to_owned());
        self
    }

    /// Adds the challenge of RFC 6750.
    pub(crate) fn challenged(mut self, challenge: String) -> Self {
        self.challenge = Some(challenge);
        self
    }

    /// The refusal of a request as a problem: exhaustive, so that a new refusal needs a decision here.
    pub(crate) fn refusal(refusal: Refusal, language: Language) -> Self {
        match refusal {
            Refusal::Denied(denial) => Self::denial(denial, language),
            Refusal::Invalid(errors) => Self::input(errors, language),
            Refusal::Staff => Self::new(
                "invalid-staff-assertion",
                help("invalid-staff-assertion", language),
                language,
            ),
            Refusal::Limited(limited) => Self::limited(limited, language),
            Refusal::CellsSpent => Self::new("cells-spent", help("cells-spent", language), language),
            Refusal::Cursor => Self::new("cursor-not-valid", help("cursor-not-valid", language), language),
            Refusal::NoFigures(errors, allowed) => Self::input(errors, language).allowing(Some(allowed)),
            Refusal::NoSuchEpoch(allowed) => {
                Self::new("no-such-epoch", help("no-such-epoch", language), language).allowing(allowed)
            }
            Refusal::TooManyCells | Refusal::TooManyRows => {
                Self::new("too-many-cells", help("too-many-cells", language), language)
            }
            Refusal::NotInForce => Self::new(
                "policies-not-in-force",
                help("policies-not-in-force", language),
                language,
            ),
            Refusal::NotAnnounced => Self::new(
                "look-not-announced",
                help("look-not-announced", language),
                language,
            ),
            Refusal::Persons => Self::new(
                "second-person-missing",
                help("second-person-missing", language),
                language,
            ),
            Refusal::PolicyChanged => Self::new("policy-changed", help("policy-changed", language), language),
            Refusal::Role => Self::new("role-missing", help("role-missing", language), language),
            Refusal::Keys => Self::new("keys-unavailable", help("keys-unavailable", language), language),
            Refusal::Log => Self::new("log-unavailable", help("log-unavailable", language), language),
            Refusal::NoSuchItem => Self::new("no-such-item", "", language),
            Refusal::NoSuchResolution => Self::new("no-such-resolution", "", language),
            Refusal::NoSuchTranslation => Self::new("no-such-translation", "", language),
            Refusal::Settled => Self::new("already-settled", help("already-settled", language), language),
            Refusal::SentToday => Self::new("sent-today", help("sent-today", language), language),
            Refusal::Source => Self::new(
                "source-unavailable",
                help("source-unavailable", language),
                language,
            ),
            Refusal::Internal => Self::new("internal-error", help("internal-error", language), language),
        }
    }

    /// The refusal of a delivery as a problem.
    pub(crate) fn delivery(refusal: DeliveryRefusal, language: Language) -> Self {
        match refusal {
            DeliveryRefusal::Refused(refusal) => Self::refusal(refusal, language),
            DeliveryRefusal::Rows { errors, rejected } => {
                let detail = match language {
                    Language::Dutch => {
                        format!("{rejected} rij(en) fout; er is niets overgenomen; zie `errors`")
                    }
                    Language::English => {
                        format!("{rejected} row(s) wrong; nothing was taken over; see `errors`")
                    }
                };
                let mut problem = Self::new("delivery-refused", detail, language);
                problem.errors = errors.into_iter().map(ProblemInput::from).collect();
                problem
            }
            DeliveryRefusal::TooLarge => Self::new("too-large", help("too-large", language), language),
        }
    }

    fn denial(denial: Denial, language: Language) -> Self {
        let code = denial.code.as_str();
        let mut detail = help(code, language);
        if !denial.subjects.is_empty() {
            detail = format!("`{}`: {detail}", denial.subjects.join("`, `"));
        }
        let mut problem = Self::new(code, detail, language);
        problem.clause = denial.clause;
        problem.allowed = denial.allowed;
        if denial.code == DenialCode::NotInToken {
            problem.challenge = Some("Bearer error=\"insufficient_scope\"".to_owned());
        }
        problem
    }

    pub(crate) fn limited(limited: Limited, language: Language) -> Self {
        let detail = match language {
            Language::Dutch => format!("probeer het over {} s opnieuw", limited.retry_after_s),
            Language::English => format!("try again in {} s", limited.retry_after_s),
        };
        let mut problem = Self::new("rate-limited", detail, language);
        problem.retry_after_s = Some(limited.retry_after_s);
        problem
    }
}

/// What to do about a problem of this code.
fn help(code: &str, language: Language) -> String {
    let (nl, en) = match code {
        "case-missing" => ("noem `onBehalfOf.case`", "name `onBehalfOf.case`"),
        "cursor-not-valid" => (
            "begin opnieuw zonder cursor; een cursor hoort bij één vraag en vervalt",
            "start again without a cursor; a cursor belongs to one question and expires",
        ),
        "internal-error" => (
            "meld het `traceId` aan de beheerder",
            "tell the operator the `traceId`",
        ),
        "invalid-staff-assertion" | "staff-missing" | "staff-not-proved" => (
            "stuur `onBehalfOf.assertion`: een verklaring van de eigen identiteitsprovider voor precies deze vraag",
            "send `onBehalfOf.assertion`: an assertion of your own identity provider for this very request",
        ),
        "log-unavailable" => (
            "zonder logregel geen antwoord; probeer het later opnieuw",
            "no answer without a log entry; try again later",
        ),
        "mandate-missing" => (
            "het bestuur moet u voor deze dataset machtigen",
            "the board must give you a mandate for this dataset",
        ),
        "no-such-epoch" => (
            "cijfers en k-anonieme regels komen met het eerste peilmoment nadat het doel is gaan gelden; zie `GET /v1/catalogue` voor de gesloten peilmomenten",
            "figures and k-anonymous records come with the first count date after the purpose began to act; see `GET /v1/catalogue` for its closed epochs",
        ),
        "no-such-purpose" => (
            "zie `GET /v1/catalogue` voor uw doelen; wie voor een bestuur handelt, noemt het: `holder=` bij een levering, `actingFor` in een vraag",
            "see `GET /v1/catalogue` for your purposes; who acts for a board names it: `holder=` at a delivery, `actingFor` in a request",
        ),
        "not-in-token" => ("vraag een nieuw token", "ask for a new token"),
        "policies-not-in-force" => (
            "vraag de beheerder om deze replica dezelfde bestanden te geven; een andere replica antwoordt wel",
            "ask the operator to give this replica the same files; another replica does answer",
        ),
        "role-missing" => (
            "de toepassing heeft de rol niet: `policy` om in te trekken, `auditor` om logregels te lezen, `inbox` voor de postbak, `fg` voor de functionaris gegevensbescherming van dit logboek; vraag het de beheerder",
            "the program lacks the role: `policy` to withdraw, `auditor` to read entries of the log, `inbox` for the inbox, `fg` for the data protection officer of this log; ask the operator",
        ),
        "look-not-announced" => (
            "kondig de inzage aan met `POST /v1/log/readings` en geef het nummer van het ontvangstbewijs als `look`",
            "announce the look with `POST /v1/log/readings` and give the index of its receipt as `look`",
        ),
        "policy-changed" => ("stuur de vraag opnieuw", "send the request again"),
        "purpose-asleep" => (
            "een ondertekenaar moet het doel (opnieuw) goedkeuren; vraag het de beheerder",
            "somebody concerned must approve the purpose (again); ask the operator",
        ),
        "purpose-expired" => (
            "het doel geldt vandaag niet; vraag het de beheerder",
            "the purpose does not hold today; ask the operator",
        ),
        "keys-unavailable" | "source-unavailable" => ("probeer het later opnieuw", "try again later"),
        "cells-spent" => (
            "het doel staat per peilmoment zoveel cellen toe; wat al gevraagd is wordt nog beantwoord",
            "the purpose allows so many cells an epoch; what was asked before is answered still",
        ),
        "too-large" => ("splits wat u stuurt", "split what you send"),
        "too-many-cells" => (
            "vraag minder of grovere indelingen, of beperk met `only`",
            "ask for fewer or coarser dimensions, or narrow with `only`",
        ),
        _ => help_with_conditions(code),
    };
    match language {
        Language::Dutch => nl.to_owned(),
        Language::English => en.to_owned(),
    }
}

/// What to do where a condition of the purpose is not met; for all other denials, where to look.
fn help_with_conditions(code: &str) -> (&'static str, &'static str) {
    match code {
        "against-unknown" => (
            "noem in `against` een doel uit het register, of `all`",
            "name a purpose of the register in `against`, or `all`",
        ),
        "constraint-not-evaluated" => (
            "vraag het de beheerder: het doel wijst naar iets dat er niet (meer) is",
            "ask the operator: the purpose refers to something that is not (or no longer) there",
        ),
        "filter-finer-than-grouped" => (
            "filter op het niveau van de indeling of een grover niveau",
            "filter by the level of the grouping, or a coarser one",
        ),
        "already-settled" => ("vraag de postbak opnieuw op", "read the inbox again"),
        "sent-today" => (
            "stuur elke schuilnaam hoogstens eens per dag",
            "send each pseudonym once a day at most",
        ),
        "second-person-missing" => (
            "laat een tweede medewerker het verzoek vrijgeven, met een eigen verklaring",
            "have a second member of staff release the request, with an assertion of their own",
        ),
        "site-missing" => (
            "noem `site`: het doel geldt voor één vestiging tegelijk",
            "name `site`: the purpose is for one site at a time",
        ),
        _ => (
            "zie `allowed` voor wat wel mag, en `GET /v1/catalogue`",
            "see `allowed` for what you may ask, and `GET /v1/catalogue`",
        ),
    }
}

/// The title of a code, in both languages.
pub(crate) fn title(code: &str) -> Option<Text> {
    let meaning = MEANINGS.iter().find(|meaning| meaning.code == code)?;
    Some(Text {
        nl: meaning.nl.to_owned(),
        en: meaning.en.to_owned(),
    })
}

/// The page of one code, for `GET /v1/problems/{code}`: title in both languages and what to do.
pub(crate) fn page(code: &str) -> Option<String> {
    let meaning = MEANINGS.iter().find(|meaning| meaning.code == code)?;
    Some(format!(
        "{} {}\n\nnl: {}: {}\nen: {}: {}\n",
        meaning.status.as_u16(),
        meaning.code,
        meaning.nl,
        help(code, Language::Dutch),
        meaning.en,
        help(code, Language::English)
    ))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let challenge = self.challenge.clone();
        let retry_after_s = self.retry_after_s;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = challenge.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        let retry_after_s = retry_after_s.or((status == StatusCode::SERVICE_UNAVAILABLE).then_some(1));
        if let Some(seconds) = retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
