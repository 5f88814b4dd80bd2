//! Asking others over HTTP: witnesses, time stamp authorities, the identity provider of the console. Each answer is
//! limited in time and in bytes. What witnesses and authorities answer is signed, so their connection need not be
//! believed; the provider is asked over HTTPS only.

use std::time::Duration;

use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use crate::tls::{provider, roots};

/// How long a connection may take to come about.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// How long an answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);

/// An HTTP client without identity, that follows no redirect and uses no proxy.
#[derive(Clone, Debug)]
pub(crate) struct Outside(reqwest::Client);

/// An answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Outside {
    /// One that believes these authorities, or those of the public web.
    pub(crate) fn new(authorities: &[CertificateDer<'static>]) -> Result<Self, rustls::Error> {
        let roots = if authorities.is_empty() {
            webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
        } else {
            roots(authorities.to_vec())?
        };
        let tls = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("doelpoort/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(ANSWER_TIME_MAX)
            .build();
        client
            .map(Self)
            .map_err(|why| rustls::Error::General(why.to_string()))
    }

    /// Reads at most `bytes_max` of what is at an address. The error is for the log lines.
    pub(crate) async fn get(&self, url: &str, bytes_max: usize) -> Result<Answer, String> {
        let request = self
            .0
            .get(url)
            .header(reqwest::header::ACCEPT, "application/json");
        answer(request, bytes_max).await
    }

    /// Sends a body and reads at most `bytes_max` of the answer. The error is for the log lines.
    pub(crate) async fn post(
        &self,
        url: &str,
        media_type: &str,
        body: Vec<u8>,
        bytes_max: usize,
    ) -> Result<Answer, String> {
        let request = self
            .0
            .post(url)
            .header(reqwest::header::CONTENT_TYPE, media_type)
            .body(body);
        answer(request, bytes_max).await
    }

    /// The same for a form, as a program with this name and secret where there is one (RFC 6749 section 2.3.1).
    pub(crate) async fn post_form(
        &self,
        url: &str,
        form: String,
        basic: Option<(&str, &str)>,
        bytes_max: usize,
    ) -> Result<Answer, String> {
        let mut request = self
            .0
            .post(url)
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(reqwest::header::ACCEPT, "application/json")
            .body(form);
        if let Some((name, secret)) = basic {
            request = request.basic_auth(name, Some(secret));
        }
        answer(request, bytes_max).await
    }
}

async fn answer(request: reqwest::RequestBuilder, bytes_max: usize) -> Result<Answer, String> {
    let told = |why: reqwest::Error| why.without_url().to_string();
    let mut response = request.send().await.map_err(told)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(told)? {
        body.extend_from_slice(&chunk);
        if body.len() > bytes_max {
            return Err(format!("an answer of more than {bytes_max} bytes"));
        }
    }
    Ok(Answer { status, body })
}
