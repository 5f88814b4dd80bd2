//! Why a caller was not believed: one enum for certificates, assertions and tokens.

/// Why nobody was identified. The log reads [`code`](Self::code); the client reads only
/// [`bearer`](Self::bearer), so that an attacker does not learn which check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum IdentityError {
    /// No `Authorization: Bearer` header.
    #[error("no access token was presented")]
    TokenMissing,
    /// An `Authorization` header of another form than `Bearer <token>`.
    #[error("the authorization header is not `Bearer` and one token")]
    AuthorizationMalformed,
    /// Longer than the limit for its kind.
    #[error("the token is longer than its limit")]
    TokenTooLong,
    /// Not three base64url parts around JSON objects, or a name occurs twice.
    #[error("the token is not a JWS in compact form with strict JSON")]
    TokenMalformed,
    /// A header member that would choose the key or change the rules (`crit`, `jku`, `jwk`, `x5u`, `x5c` …).
    #[error("the token has a header member that is not accepted")]
    HeaderRefused,
    /// `typ` is missing or of another kind of token.
    #[error("the token is of another type")]
    TypeRefused,
    /// No such `kid`.
    #[error("the token names no known key")]
    KeyUnknown,
    /// `alg` is not the algorithm of the key.
    #[error("the token's algorithm is not its key's")]
    AlgorithmRefused,
    /// The signature does not verify.
    #[error("the signature is invalid")]
    SignatureInvalid,
    /// A claim is missing or of another type.
    #[error("a claim is missing or malformed")]
    ClaimsMalformed,
    /// `iss` is somebody else.
    #[error("the issuer is not the expected one")]
    IssuerWrong,
    /// `aud` is not exactly what was expected.
    #[error("the audience is not the expected one")]
    AudienceWrong,
    /// `sub` or `client_id` is somebody else.
    #[error("the subject is not the expected one")]
    SubjectWrong,
    /// Past `exp`.
    #[error("the token is expired")]
    Expired,
    /// Before `nbf`.
    #[error("the token is not yet valid")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `exp` is further away than allowed.
    #[error("the token lives too long")]
    LifetimeTooLong,
    /// `jti` is shorter than 128 bits, or longer than its limit.
    #[error("the token's id is not 128 random bits")]
    TokenIdWeak,
    /// `jti` was used before.
    #[error("the token was used before")]
    Replayed,
    /// No organisation has this client.
    #[error("no such client")]
    ClientUnknown,
    /// The connection has no client certificate.
    #[error("no client certificate was presented")]
    CertificateMissing,
    /// Not an X.509 certificate with one OIN in `subject.serialNumber`.
    #[error("the client certificate cannot be read or names no OIN")]
    CertificateUnreadable,
    /// Before or after the certificate's days.
    #[error("the client certificate is expired or not yet valid")]
    CertificateExpired,
    /// The certificate is not pinned for this client, or names another organisation.
    #[error("the client certificate is not this client's")]
    CertificateWrong,
    /// The token is bound to another certificate (RFC 8705 section 3).
    #[error("the token is bound to another certificate")]
    BindingWrong,
    /// The organisation has no staff identity provider with keys.
    #[error("the organisation has no staff identity provider")]
    StaffProviderUnknown,
    /// The assertion was signed for another request.
    #[error("the assertion is not for this request")]
    RequestWrong,
    /// The token does not name the purpose, or names it with another digest.
    #[error("the token does not cover the purpose")]
    PurposeNotCovered,
}

/// Error of a protected resource (RFC 6750 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BearerError {
    /// 400: the request is not well formed.
    InvalidRequest,
    /// 401: the token is not good, whatever the reason.
    InvalidToken,
    /// 403: the token is good but does not cover this.
    InsufficientScope,
}

impl BearerError {
    /// The value of `error` in the `WWW-Authenticate` challenge.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

impl IdentityError {
    /// Stable name of the reason, for the log and the metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::TokenMissing => "token-missing",
            Self::AuthorizationMalformed => "authorization-malformed",
            Self::TokenTooLong => "token-too-long",
            Self::TokenMalformed => "token-malformed",
            Self::HeaderRefused => "token-header-refused",
            Self::TypeRefused => "token-type-refused",
            Self::KeyUnknown => "token-key-unknown",
            Self::AlgorithmRefused => "token-algorithm-refused",
            Self::SignatureInvalid => "token-signature-invalid",
            Self::ClaimsMalformed => "token-claims-malformed",
            Self::IssuerWrong => "token-issuer-wrong",
            Self::AudienceWrong => "token-audience-wrong",
            Self::SubjectWrong => "token-subject-wrong",
            Self::Expired => "token-expired",
            Self::NotYetValid => "token-not-yet-valid",
            Self::IssuedInFuture => "token-issued-in-future",
            Self::LifetimeTooLong => "token-lifetime-too-long",
            Self::TokenIdWeak => "token-id-weak",
            Self::Replayed => "token-replayed",
            Self::ClientUnknown => "client-unknown",
            Self::CertificateMissing => "certificate-missing",
            Self::CertificateUnreadable => "certificate-unreadable",
            Self::CertificateExpired => "certificate-expired",
            Self::CertificateWrong => "certificate-wrong",
            Self::BindingWrong => "certificate-binding-wrong",
            Self::StaffProviderUnknown => "staff-provider-unknown",
            Self::RequestWrong => "assertion-request-wrong",
            Self::PurposeNotCovered => "purpose-not-covered",
        }
    }

    /// What the client is told. None: a challenge without an error, as no credentials were sent
    /// (RFC 6750 section 3.1, last paragraph).
    pub fn bearer(self) -> Option<BearerError> {
        match self {
            Self::TokenMissing => None,
            Self::AuthorizationMalformed => Some(BearerError::InvalidRequest),
            Self::PurposeNotCovered => Some(BearerError::InsufficientScope),
            _ => Some(BearerError::InvalidToken),
        }
    }
}
